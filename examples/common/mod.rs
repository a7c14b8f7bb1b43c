//! What several examples share: command lines, a recipe for any table, output.

#![allow(dead_code, reason = "each example uses a part of it")]

pub mod args;
pub mod output;
pub mod progress;
pub mod recipe;
