//! What several examples share: command lines, a recipe for any table, output.

#![allow(dead_code, reason = "each example uses a part of it")]
#![allow(
    unreachable_pub,
    reason = "a module of several programs, none of which exports it"
)]

pub mod args;
pub mod output;
pub mod progress;
pub mod recipe;
