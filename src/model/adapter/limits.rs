//! Refusing a fit that would plainly not fit in memory.

use crate::error::{Error, Result};

/// What a fit may use unless the user says otherwise: 8 GiB.
///
/// A fixed number, not what happens to be free: whether a fit is refused must not depend on what
/// else runs.
pub(crate) const DEFAULT_MAX_BYTES: u64 = 8 << 30;

/// Refuses a fit that needs about `cells` times `bytes` bytes if that is above the limit.
pub(crate) fn check_memory(what: &str, cells: u128, bytes: u32, max_bytes: u64) -> Result<()> {
    let needed = cells * u128::from(bytes);
    if needed <= u128::from(max_bytes) {
        return Ok(());
    }
    Err(Error::unsupported(format!(
        "{what} would need about {:.1} GiB, above the memory limit (max_bytes) of {:.1} GiB",
        needed as f64 / GIB,
        max_bytes as f64 / GIB,
    )))
}

const GIB: f64 = (1_u64 << 30) as f64;
