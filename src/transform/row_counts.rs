//! How many cells of a row are missing, zero, or equal to a value.
