//! Stacks: A/B/C and out-of-fold.
