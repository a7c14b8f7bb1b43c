//! Embeddings: tables of vectors, of which each row of a batch reads one, or a mix of two.
//!
//! A table's vectors enter the first layer through weights of their own. The product of the two is
//! computed once for each table row that a batch reads, not for each row of the batch, and so are
//! its gradients: other table rows cost nothing.

use serde::{Deserialize, Serialize};

use super::inputs::Lookup;
use super::matrix::{Into, matrix, product};
use crate::random::Seed;

/// What the rows of a table are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Kind {
    /// A vector for each level; the first is for unknown ones.
    Levels,
    /// The vector of the first knot, the steps from each knot to the next, and the vector of
    /// missing values.
    Knots,
}

/// How large a table is.
#[derive(Debug, Clone, Copy)]
pub(super) struct TableShape {
    pub(super) n_rows: usize,
    pub(super) size: usize,
    pub(super) kind: Kind,
}

/// A table, and how its vectors enter the first layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Table {
    pub(super) kind: Kind,
    pub(super) size: usize,
    /// Row after row, `size` numbers each.
    pub(super) vectors: Vec<f32>,
    /// `size` rows of as many weights as the first layer is wide.
    pub(super) weights: Vec<f32>,
}

impl Table {
    pub(super) fn n_rows(&self) -> usize {
        self.vectors.len() / self.size
    }

    pub(super) fn vector(&self, row: usize) -> &[f32] {
        &self.vectors[row * self.size..(row + 1) * self.size]
    }

    /// Writes the vectors that batches read: steps are added up, up to the last knot.
    fn cumulate(&self, out: &mut Vec<f32>) {
        out.clear();
        out.extend_from_slice(&self.vectors);
        let n_knots = self.n_rows() - 1;
        for i in self.size..n_knots * self.size {
            out[i] += out[i - self.size];
        }
    }

    /// Adds what a mix of two rows gives the first layer.
    pub(super) fn add_row(
        &self,
        place: super::inputs::Place,
        scratch: &mut Vec<f32>,
        z: &mut [f32],
    ) {
        use super::inputs::Place;
        let mut add = |vector: &[f32]| {
            for (&v, weights) in vector.iter().zip(self.weights.chunks_exact(z.len())) {
                add_scaled(z, v, weights);
            }
        };
        match place {
            Place::Row(row) => add(self.vector(row as usize)),
            Place::Between(place) if place.is_nan() => add(self.vector(self.n_rows() - 1)),
            Place::Between(place) => {
                let (low, share) = split(place);
                scratch.clear();
                scratch.resize(self.size, 0.0);
                for row in 0..=low {
                    add_scaled(scratch, 1.0, self.vector(row));
                }
                if share > 0.0 {
                    add_scaled(scratch, share, self.vector(low + 1));
                }
                add(scratch);
            }
        }
    }
}

/// The knot below a place, and how far it is to the next.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a place is 0 or more"
)]
fn split(place: f32) -> (usize, f32) {
    let low = place as usize;
    (low, place - low as f32)
}

/// `out += factor * values`.
#[inline]
pub(super) fn add_scaled(out: &mut [f32], factor: f32, values: &[f32]) {
    for (out, &value) in out.iter_mut().zip(values) {
        *out += factor * value;
    }
}

/// The levels that are replaced by the unknown one in training.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dropped {
    pub(super) seed: Seed,
    pub(super) probability: f64,
}

/// What a batch reads from a table, and the gradients of that.
#[derive(Debug, Default)]
pub(super) struct TableBatch {
    /// By table row: which of `rows` it is.
    slot_of_row: Vec<u32>,
    /// The table rows that the batch reads, in the order of the batch.
    pub(super) rows: Vec<u32>,
    /// By row of the batch: which of `rows` it reads.
    slots: Vec<u32>,
    /// By row of the batch: the share of the next of `rows`.
    shares: Vec<f32>,
    /// The vectors of `rows`.
    vectors: Vec<f32>,
    /// Their products with the table's weights.
    products: Vec<f32>,
    /// The gradients of the products.
    deltas: Vec<f32>,
    /// The gradients of the vectors; for knots, of the table's own rows.
    pub(super) vector_gradients: Vec<f32>,
}

const NO_SLOT: u32 = u32::MAX;

impl TableBatch {
    /// Reads the table at the given rows of the data.
    pub(super) fn look_up(
        &mut self,
        table: &Table,
        lookup: &Lookup,
        rows: impl Iterator<Item = u32>,
        dropped: Option<Dropped>,
    ) {
        self.slots.clear();
        match lookup {
            Lookup::Rows(row_of) => {
                self.slot_of_row.resize(table.n_rows(), NO_SLOT);
                for &row in &self.rows {
                    self.slot_of_row[row as usize] = NO_SLOT;
                }
                self.rows.clear();
                for row in rows {
                    let is_dropped =
                        dropped.is_some_and(|d| d.seed.uniform(u64::from(row)) < d.probability);
                    let row = if is_dropped { 0 } else { row_of[row as usize] };
                    let slot = &mut self.slot_of_row[row as usize];
                    if *slot == NO_SLOT {
                        *slot = u32::try_from(self.rows.len()).unwrap_or(NO_SLOT);
                        self.rows.push(row);
                    }
                    self.slots.push(*slot);
                }
                self.vectors.clear();
                for &row in &self.rows {
                    self.vectors.extend_from_slice(table.vector(row as usize));
                }
            }
            Lookup::Places(places) => {
                self.shares.clear();
                let missing = table.n_rows() - 1;
                for row in rows {
                    let place = places[row as usize];
                    let (slot, share) = if place.is_nan() {
                        (missing, 0.0)
                    } else {
                        split(place)
                    };
                    self.slots.push(u32::try_from(slot).unwrap_or(NO_SLOT));
                    self.shares.push(share);
                }
                table.cumulate(&mut self.vectors);
            }
        }
        let width = table.weights.len() / table.size;
        let n = self.vectors.len() / table.size * width;
        self.products.resize(n, 0.0);
        product(
            &matrix(&self.vectors, table.size),
            &matrix(&table.weights, width),
            Into::Replace,
            &mut self.products,
        );
    }

    /// Adds what the table gives the first layer to the rows of the batch from `first` on.
    pub(super) fn add(&self, first: usize, width: usize, out: &mut [f32]) {
        let products = |slot: u32| {
            let start = slot as usize * width;
            &self.products[start..start + width]
        };
        let out = out.chunks_exact_mut(width);
        if self.shares.is_empty() {
            for (out, &slot) in out.zip(&self.slots[first..]) {
                add_scaled(out, 1.0, products(slot));
            }
            return;
        }
        let places = self.slots[first..].iter().zip(&self.shares[first..]);
        for (out, (&slot, &share)) in out.zip(places) {
            if share > 0.0 {
                let pairs = products(slot).iter().zip(products(slot + 1));
                for (out, (&low, &high)) in out.iter_mut().zip(pairs) {
                    *out += low + share * (high - low);
                }
            } else {
                add_scaled(out, 1.0, products(slot));
            }
        }
    }

    /// The gradients of the vectors and of the table's weights, from those of the first layer's
    /// sums in chunks of the batch's rows.
    pub(super) fn gradients<'a>(
        &mut self,
        table: &Table,
        sums: impl Iterator<Item = &'a [f32]>,
        weight_gradients: &mut [f32],
    ) {
        let width = table.weights.len() / table.size;
        self.deltas.clear();
        self.deltas.resize(self.products.len(), 0.0);
        let mut first = 0;
        for sums in sums {
            let n = sums.len() / width;
            let slots = &self.slots[first..first + n];
            for (i, (sums, &slot)) in sums.chunks_exact(width).zip(slots).enumerate() {
                let start = slot as usize * width;
                let share = self.shares.get(first + i).copied().unwrap_or(0.0);
                if share > 0.0 {
                    let (low, high) = self.deltas[start..start + 2 * width].split_at_mut(width);
                    for ((low, high), &sum) in low.iter_mut().zip(high).zip(sums) {
                        let part = share * sum;
                        *low += sum - part;
                        *high += part;
                    }
                } else {
                    add_scaled(&mut self.deltas[start..start + width], 1.0, sums);
                }
            }
            first += n;
        }
        self.vector_gradients.resize(self.vectors.len(), 0.0);
        let (deltas, weights) = (matrix(&self.deltas, width), matrix(&table.weights, width));
        let out = &mut self.vector_gradients;
        product(&deltas, &weights.t(), Into::Replace, out);
        let vectors = matrix(&self.vectors, table.size);
        product(&vectors.t(), &deltas, Into::Replace, weight_gradients);
        if table.kind == Kind::Knots {
            // A step moves all knots after it.
            let n_knots = table.n_rows() - 1;
            for i in (0..(n_knots - 1) * table.size).rev() {
                self.vector_gradients[i] += self.vector_gradients[i + table.size];
            }
        }
    }
}
