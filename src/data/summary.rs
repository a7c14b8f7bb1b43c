//! What a reader met, as a table.
