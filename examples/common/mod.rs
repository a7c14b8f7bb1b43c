//! What several examples share: command lines, a recipe for any table, output.

#![allow(dead_code, reason = "each example uses a part of it")]
#![allow(
    unreachable_pub,
    reason = "a module of several programs, none of which exports it"
)]

/// Prints a line, unless nobody reads it.
#[allow(unused_macros, reason = "some examples print otherwise")]
macro_rules! say {
    ($($text:tt)*) => {
        $crate::common::output::say(format_args!($($text)*))
    };
}

pub mod args;
pub mod output;
pub mod progress;
pub mod reader;
pub mod recipe;
