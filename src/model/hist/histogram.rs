//! Histograms: for each bin, the sums of its rows' gradients.
//!
//! Sums are integers, so that they are the same in whatever order rows are added, and a child's
//! histogram is exactly its parent's less its sibling's. Gradients become integers by a power of
//! two ([`Scale`]) chosen so that the sum over all rows fits.

use super::binned::{BLOCK, Binned, N_SLOTS, Panel};

use crate::parallel;

/// Rows whose bytes stay in the cache while all blocks of a panel are counted.
const TILE: usize = 512;
/// Rows whose bytes are fetched before any is counted, so that the fetches overlap.
const FETCH: usize = 64;
/// Rows for which a thread of its own is worth while.
const ROWS_A_PART: usize = 8192;

/// The sums of one bin: gradient, hessian and rows.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Sums {
    pub(super) gradient: f64,
    pub(super) hessian: f64,
    pub(super) count: f64,
}

impl std::ops::Add for Sums {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            gradient: self.gradient + other.gradient,
            hessian: self.hessian + other.hessian,
            count: self.count + other.count,
        }
    }
}

impl std::ops::Sub for Sums {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            gradient: self.gradient - other.gradient,
            hessian: self.hessian - other.hessian,
            count: self.count - other.count,
        }
    }
}

/// Powers of two that turn gradients and hessians into integers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    gradient: f64,
    hessian: f64,
    /// The inverse of each.
    gradient_unit: f64,
    hessian_unit: f64,
    /// Rows for each unit of the hessian: what cells that do not count go by.
    count_unit: f64,
}

/// The largest power of two that keeps `sum` times it at most `2^bits`.
fn power_of_two(sum: f64, bits: i32) -> f64 {
    if sum > 0.0 && sum.is_finite() {
        // The exponent of a finite positive number is far within the range of an i32.
        let exponent = sum.log2().ceil();
        2_f64.powi(bits).min(f64::MAX) / 2_f64.powf(exponent)
    } else {
        1.0
    }
}

fn count_unit(count: f64, hessians: f64, scale: f64) -> f64 {
    if hessians > 0.0 {
        count / hessians / scale
    } else {
        0.0
    }
}

impl Scale {
    /// For rows whose absolute gradients and hessians have these sums.
    pub(super) fn new<C: Cell>(gradients: f64, hessians: f64, n_rows: usize) -> Self {
        let gradient = power_of_two(gradients, C::GRADIENT_BITS);
        let hessian = power_of_two(hessians, C::HESSIAN_BITS);
        Self {
            gradient,
            hessian,
            gradient_unit: gradient.recip(),
            hessian_unit: hessian.recip(),
            count_unit: count_unit(n_rows as f64, hessians, hessian),
        }
    }

    /// The same, where a node's rows are shared out by its own hessians.
    pub(super) fn of_node(self, sums: Sums) -> Self {
        Self {
            count_unit: count_unit(sums.count, sums.hessian, self.hessian),
            ..self
        }
    }
}

/// What a histogram has for each bin.
pub(super) trait Cell: Copy + Default + PartialEq + Send + Sync + std::fmt::Debug {
    /// Bits that the sum of absolute gradients may take.
    const GRADIENT_BITS: i32;
    /// Bits that the sum of hessians may take.
    const HESSIAN_BITS: i32;
    /// Whether rows are counted, or estimated by their hessians.
    const COUNTS: bool;

    /// One row.
    fn row(pair: [f32; 2], scale: &Scale) -> Self;
    fn add(&mut self, other: Self);
    fn sub(&mut self, other: Self);
    fn sums(self, scale: &Scale) -> Sums;
}

/// Gradient and hessian in one number, 32 bits each: half the memory and the additions.
///
/// Of `2^18` rows each has 12 bits on average, of `2^22` 8; the noise of rounding is then far
/// below that of the gradients themselves. Rows are not counted.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Narrow(i64);

/// Rounds to the nearest; what is out of range cannot come up, as sums fit.
#[allow(clippy::cast_possible_truncation, reason = "scaled to fit")]
fn round(value: f64) -> i64 {
    // Adding and subtracting 1.5 * 2^52 rounds numbers below 2^51 without a call.
    const MAGIC: f64 = 6_755_399_441_055_744.0;
    ((value + MAGIC) - MAGIC) as i64
}

impl Cell for Narrow {
    const GRADIENT_BITS: i32 = 30;
    const HESSIAN_BITS: i32 = 31;
    const COUNTS: bool = false;

    fn row([gradient, hessian]: [f32; 2], scale: &Scale) -> Self {
        let gradient = round(f64::from(gradient) * scale.gradient);
        let hessian = round(f64::from(hessian) * scale.hessian);
        Self((gradient << 32).wrapping_add(hessian))
    }

    #[inline]
    fn add(&mut self, other: Self) {
        self.0 = self.0.wrapping_add(other.0);
    }

    #[inline]
    fn sub(&mut self, other: Self) {
        self.0 = self.0.wrapping_sub(other.0);
    }

    #[inline]
    fn sums(self, scale: &Scale) -> Sums {
        // The lower half is never negative and never carries: it is the hessian as it is.
        let hessian = (self.0 & 0xffff_ffff) as f64;
        Sums {
            gradient: (self.0 >> 32) as f64 * scale.gradient_unit,
            hessian: hessian * scale.hessian_unit,
            count: hessian * scale.count_unit,
        }
    }
}

/// Gradient in one number, hessian and count of rows in another.
///
/// Of `2^18` rows each gradient has 44 bits on average: all that an `f32` has, and small ones
/// beside large ones.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Wide([i64; 2]);

/// Bits of the second number that count rows.
const COUNT_BITS: u32 = 24;

impl Wide {
    /// How many rows cannot be counted any more.
    pub(super) const MOST_ROWS: usize = 1 << COUNT_BITS;
}

impl Cell for Wide {
    const GRADIENT_BITS: i32 = 62;
    const HESSIAN_BITS: i32 = 38;
    const COUNTS: bool = true;

    fn row([gradient, hessian]: [f32; 2], scale: &Scale) -> Self {
        let gradient = round_wide(f64::from(gradient) * scale.gradient);
        let hessian = round(f64::from(hessian) * scale.hessian);
        Self([gradient, (hessian << COUNT_BITS) + 1])
    }

    #[inline]
    fn add(&mut self, other: Self) {
        self.0[0] = self.0[0].wrapping_add(other.0[0]);
        self.0[1] = self.0[1].wrapping_add(other.0[1]);
    }

    #[inline]
    fn sub(&mut self, other: Self) {
        self.0[0] = self.0[0].wrapping_sub(other.0[0]);
        self.0[1] = self.0[1].wrapping_sub(other.0[1]);
    }

    #[inline]
    fn sums(self, scale: &Scale) -> Sums {
        Sums {
            gradient: self.0[0] as f64 * scale.gradient_unit,
            hessian: (self.0[1] >> COUNT_BITS) as f64 * scale.hessian_unit,
            count: (self.0[1] & ((1 << COUNT_BITS) - 1)) as f64,
        }
    }
}

#[allow(clippy::cast_possible_truncation, reason = "scaled to fit")]
fn round_wide(value: f64) -> i64 {
    (value + 0.5_f64.copysign(value)) as i64
}

/// The cells of 8 stores.
pub(super) type Block<C> = [[C; N_SLOTS]; BLOCK];

/// The histogram of a node: block after block, of all panels.
#[derive(Debug)]
pub(super) struct Histogram<C> {
    pub(super) blocks: Vec<Block<C>>,
}

impl<C: Cell> Histogram<C> {
    pub(super) fn new(binned: &Binned) -> Self {
        Self {
            blocks: vec![[[C::default(); N_SLOTS]; BLOCK]; binned.n_blocks()],
        }
    }

    /// The cells of one store.
    pub(super) fn cells(&self, store: usize) -> &[C; N_SLOTS] {
        &self.blocks[store / BLOCK][store % BLOCK]
    }
}

/// The rows of a node.
#[derive(Debug, Clone, Copy)]
pub(super) enum NodeRows<'a> {
    /// All rows of the table.
    All(usize),
    /// These rows, in ascending order.
    Some(&'a [u32]),
}

impl NodeRows<'_> {
    fn len(self) -> usize {
        match self {
            Self::All(n) => n,
            Self::Some(rows) => rows.len(),
        }
    }
}

/// Fills a histogram with the rows of a node, in the blocks that are wanted.
///
/// Panels, and within them parts of the rows, are counted in parallel; as sums are integers, their
/// number changes nothing.
pub(super) fn count<C: Cell>(
    histogram: &mut Histogram<C>,
    binned: &Binned,
    rows: NodeRows<'_>,
    wanted: &[bool],
    value: &(impl Fn(usize) -> C + Sync),
) {
    let n = rows.len();
    let n_parts = (n / ROWS_A_PART).clamp(1, 2 * rayon::current_num_threads());
    let part_len = n.div_ceil(n_parts).next_multiple_of(TILE);
    let n_panel_blocks = binned.panels().first().map_or(1, |panel| panel.width);
    let blocks = histogram.blocks.chunks_mut(n_panel_blocks);
    parallel::for_each(
        blocks
            .zip(wanted.chunks(n_panel_blocks))
            .zip(binned.panels()),
        |_, ((blocks, wanted), panel)| {
            for (block, _) in blocks.iter_mut().zip(wanted).filter(|(_, wanted)| **wanted) {
                *block = [[C::default(); N_SLOTS]; BLOCK];
            }
            let part = |k: usize, blocks: &mut [Block<C>]| {
                let (start, end) = ((k * part_len).min(n), ((k + 1) * part_len).min(n));
                match rows {
                    NodeRows::All(_) => count_range(blocks, panel, start..end, wanted, value),
                    NodeRows::Some(rows) => {
                        count_rows(blocks, panel, &rows[start..end], wanted, value);
                    }
                }
            };
            if n_parts == 1 {
                part(0, blocks);
                return;
            }
            let others = parallel::map(0..n_parts, |_, k| {
                let mut blocks = vec![[[C::default(); N_SLOTS]; BLOCK]; panel.width];
                part(k, &mut blocks);
                blocks
            });
            for other in &others {
                for (block, other) in blocks.iter_mut().zip(other) {
                    for (cells, other) in block.iter_mut().zip(other) {
                        for (cell, &other) in cells.iter_mut().zip(other) {
                            cell.add(other);
                        }
                    }
                }
            }
        },
    );
}

/// Counts rows that follow one another.
fn count_range<C: Cell>(
    blocks: &mut [Block<C>],
    panel: &Panel,
    rows: std::ops::Range<usize>,
    wanted: &[bool],
    value: &impl Fn(usize) -> C,
) {
    let mut values = [C::default(); TILE];
    let mut start = rows.start;
    while start < rows.end {
        let end = (start + TILE).min(rows.end);
        for (v, row) in values.iter_mut().zip(start..end) {
            *v = value(row);
        }
        let bytes = &panel.bytes[start * panel.width..end * panel.width];
        for (k, block) in blocks.iter_mut().enumerate().filter(|(k, _)| wanted[*k]) {
            for (row, &v) in bytes.chunks_exact(panel.width).zip(&values) {
                add_row(block, row[k], v);
            }
        }
        start = end;
    }
}

/// Counts rows listed in ascending order.
fn count_rows<C: Cell>(
    blocks: &mut [Block<C>],
    panel: &Panel,
    rows: &[u32],
    wanted: &[bool],
    value: &impl Fn(usize) -> C,
) {
    let mut values = [C::default(); TILE];
    let mut fetched = [[0_u8; BLOCK]; FETCH];
    for tile in rows.chunks(TILE) {
        for (v, &row) in values.iter_mut().zip(tile) {
            *v = value(row as usize);
        }
        for (k, block) in blocks.iter_mut().enumerate().filter(|(k, _)| wanted[*k]) {
            for (rows, values) in tile.chunks(FETCH).zip(values.chunks(FETCH)) {
                // Fetching apart from counting lets the misses of many rows overlap.
                for (bytes, &row) in fetched.iter_mut().zip(rows) {
                    *bytes = panel.bytes[row as usize * panel.width + k];
                }
                for ((&bytes, &v), _) in fetched.iter().zip(values).zip(rows) {
                    add_row(block, bytes, v);
                }
            }
        }
    }
}

#[inline]
fn add_row<C: Cell>(block: &mut Block<C>, bytes: [u8; BLOCK], value: C) {
    for (cells, byte) in block.iter_mut().zip(bytes) {
        cells[usize::from(byte)].add(value);
    }
}
