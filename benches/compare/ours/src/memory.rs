//! This process's memory, as Linux counts it.

use std::fs;
use std::io::{Error, Result};

unsafe extern "C" {
    fn malloc_trim(pad: usize) -> i32;
}

/// Makes the peak what is in use now.
pub fn reset_peak() -> Result<()> {
    // What was freed before would be used again, and so not be counted.
    // SAFETY: a function of the C library without conditions.
    unsafe {
        malloc_trim(0);
    }
    fs::write("/proc/self/clear_refs", "5")
}

pub fn resident_mb() -> Result<f64> {
    status_mb("VmRSS:")
}

pub fn peak_mb() -> Result<f64> {
    status_mb("VmHWM:")
}

fn status_mb(field: &str) -> Result<f64> {
    let status = fs::read_to_string("/proc/self/status")?;
    status
        .lines()
        .find_map(|line| {
            line.strip_prefix(field)?
                .trim()
                .strip_suffix(" kB")?
                .parse()
                .ok()
        })
        .map(|kb: f64| kb / 1024.0)
        .ok_or_else(|| Error::other(format!("no {field} in /proc/self/status")))
}
