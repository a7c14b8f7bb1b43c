//! Transformers for chosen columns, side by side.
