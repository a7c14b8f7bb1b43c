//! Dates to parts.
