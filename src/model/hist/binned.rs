//! Features in bins: one byte a value, shared by all fits on any of its rows.

use std::sync::Arc;

use super::bins::{Binning, FeatureBins, sample_rows};
use super::histogram::Cell;
use crate::data::{Feature, Features, Provenance};
use crate::error::{Error, Result};
use crate::parallel;
use crate::random::Seed;

/// The values of a byte.
pub(super) const N_SLOTS: usize = 256;
/// Stores that are counted together: their histograms fit the first-level cache.
pub(super) const BLOCK: usize = 8;
/// Blocks side by side in one row of a [`Panel`]: with 8 bytes each, one cache line.
const BLOCKS_A_PANEL: usize = 8;
/// Rows that are moved from columns to panels at a time.
const ROWS_A_TASK: usize = 4096;

/// A table of features in bins, which can serve many fits on any of its rows without a copy:
/// boosting, forests, folds, bags.
///
/// Each feature's values are counted in at most 255 bins (see [`Binning`]) and one for missing
/// values. The cuts between bins come from the rows given when the table is made, and from no
/// target. The estimators of [`hist`](super) make such a table of their own training rows: cuts
/// never see a row that the model will be scored on. To share one table over folds, make it
/// once and fit on rows of it ([`HistGradientBoosting::fit_rows`](super::HistGradientBoosting::fit_rows));
/// then the cuts have seen the features of the held-out rows, though nothing of their target:
/// the same as standardising all rows before the split.
///
/// Memory: two bytes a value at most. Features of few bins share a byte: a store holds
/// `b1 + n1 * (b2 + n2 * ...)` as long as `n1 n2 ...` is at most 256, so that 8 binary columns
/// are counted in one step. Bytes are kept column by column, for partitions, and in panels of 64
/// stores row by row, for histograms.
///
/// ```
/// use stackfold::data::{Feature, Features};
/// use stackfold::model::hist::{Binned, Binning};
/// use stackfold::random::Seed;
/// let x = Features::from_columns(
///     vec![Feature::number("age"), Feature::code("job", 3)],
///     vec![vec![31.0, 45.0, f32::NAN, 31.0], vec![0.0, 2.0, 2.0, 1.0]],
/// )?;
/// let binned = Binned::new(&x, Binning::new(), None, Seed::new(0))?;
/// assert_eq!((binned.n_rows(), binned.n_features()), (4, 2));
/// assert_eq!(binned.n_bins(0), 3); // 31, 45 and missing
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Binned {
    n_rows: usize,
    fields: Arc<[Feature]>,
    bins: Arc<[FeatureBins]>,
    places: Vec<Place>,
    stores: Vec<Store>,
    /// Store after store, `n_rows` bytes each.
    columns: Vec<u8>,
    panels: Vec<Panel>,
}

/// Where a feature's bins are: `byte / stride % n_bins` of its store.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) store: usize,
    stride: usize,
    pub(super) n_bins: usize,
}

impl Place {
    /// For each of the feature's bins, the sum of the cells of all bytes with that bin.
    pub(super) fn sum_over_others<C: Cell>(self, cells: &[C], sums: &mut [C; N_SLOTS]) {
        sums[..self.n_bins].fill(C::default());
        for (run, cells) in cells.chunks(self.stride).enumerate() {
            let sum = &mut sums[run % self.n_bins];
            for &cell in cells {
                sum.add(cell);
            }
        }
    }

    pub(super) fn bin(self, byte: u8) -> usize {
        usize::from(byte) / self.stride % self.n_bins
    }
}

/// A byte a row, with one feature or several in it.
#[derive(Debug, Clone)]
pub(super) struct Store {
    pub(super) features: Vec<usize>,
    /// How many values its bytes take.
    pub(super) n_slots: usize,
}

/// Up to 64 stores, row by row: of each row one array of 8 stores after the other.
#[derive(Debug, Clone)]
pub(super) struct Panel {
    /// How many blocks of 8 stores.
    pub(super) width: usize,
    /// Row after row, `width` arrays each.
    pub(super) bytes: Vec<[u8; BLOCK]>,
}

impl Binned {
    /// Puts features into bins whose cuts come from `rows` (all if none), sampled if they are many.
    ///
    /// Values of other rows are put into the same bins.
    ///
    /// # Errors
    /// If an option is outside its domain, there is no feature, there is no row to learn from, or
    /// a row is not below the number of rows.
    pub fn new<P: Provenance>(
        features: &Features<P>,
        binning: Binning,
        rows: Option<&[u32]>,
        seed: Seed,
    ) -> Result<Self> {
        Self::weighted(features, binning, rows, None, seed)
    }

    /// The same, with a weight for each row of the features.
    pub(super) fn weighted<P: Provenance>(
        features: &Features<P>,
        binning: Binning,
        rows: Option<&[u32]>,
        weights: Option<&[f64]>,
        seed: Seed,
    ) -> Result<Self> {
        binning.check()?;
        let n_rows = features.n_rows();
        if features.n_features() == 0 {
            return Err(Error::no_features());
        }
        if rows.map_or(n_rows, <[u32]>::len) == 0 {
            return Err(Error::data("at least one row", "none"));
        }
        if u32::try_from(n_rows).is_err() {
            return Err(Error::data("at most 2^32 - 1 rows", n_rows));
        }
        if let Some(row) = rows.and_then(|rows| rows.iter().find(|&&r| r as usize >= n_rows)) {
            return Err(Error::data(format!("rows below {n_rows}"), row));
        }
        let seed = seed.child("bins");
        let sample = match rows {
            None => sample_rows(n_rows, binning.max_rows(), seed),
            Some(rows) => Some(match sample_rows(rows.len(), binning.max_rows(), seed) {
                None => rows.to_vec(),
                Some(positions) => positions.iter().map(|&p| rows[p as usize]).collect(),
            }),
        };
        let bins = parallel::map(0..features.n_features(), |_, j| {
            let kind = features.fields()[j].kind();
            FeatureBins::fit(
                kind,
                features.column(j),
                sample.as_deref(),
                weights,
                binning,
            )
        });
        Ok(Self::filled(features, bins.into()))
    }

    /// Puts features into bins that there are, of features of the same kinds.
    ///
    /// A feature whose values are missing, or no code, in these rows only gets a bin for them.
    pub(super) fn with_bins<P: Provenance>(
        features: &Features<P>,
        bins: &[FeatureBins],
    ) -> Result<Self> {
        if u32::try_from(features.n_rows()).is_err() {
            return Err(Error::data("at most 2^32 - 1 rows", features.n_rows()));
        }
        let bins = parallel::map(bins, |j, bins| {
            bins.clone().with_missing_of(features.column(j))
        });
        Ok(Self::filled(features, bins.into()))
    }

    fn filled<P: Provenance>(features: &Features<P>, bins: Arc<[FeatureBins]>) -> Self {
        let n_rows = features.n_rows();
        let (stores, places) = share_bytes(&bins);
        let mut columns = vec![0_u8; stores.len() * n_rows];
        if n_rows > 0 {
            parallel::for_each(
                columns.chunks_mut(n_rows).zip(&stores),
                |_, (bytes, store)| fill(bytes, store, &bins, &places, features),
            );
        }
        let panels = panels(&columns, stores.len(), n_rows);
        Self {
            n_rows,
            fields: features.shared_fields(),
            bins,
            places,
            stores,
            columns,
            panels,
        }
    }

    /// How many rows.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// How many features.
    #[must_use]
    pub fn n_features(&self) -> usize {
        self.bins.len()
    }

    /// Names and kinds of the features.
    #[must_use]
    pub fn fields(&self) -> &[Feature] {
        &self.fields
    }

    /// How many bins a feature has, with that of missing values.
    ///
    /// # Panics
    /// If `feature` is not below [`Binned::n_features`].
    #[must_use]
    pub fn n_bins(&self, feature: usize) -> usize {
        self.places[feature].n_bins
    }

    pub(super) fn shared_fields(&self) -> Arc<[Feature]> {
        Arc::clone(&self.fields)
    }

    pub(super) fn shared_bins(&self) -> Arc<[FeatureBins]> {
        Arc::clone(&self.bins)
    }

    pub(super) fn bins(&self, feature: usize) -> &FeatureBins {
        &self.bins[feature]
    }

    pub(super) fn place(&self, feature: usize) -> Place {
        self.places[feature]
    }

    pub(super) fn stores(&self) -> &[Store] {
        &self.stores
    }

    /// The bytes of one store.
    pub(super) fn column(&self, store: usize) -> &[u8] {
        &self.columns[store * self.n_rows..(store + 1) * self.n_rows]
    }

    pub(super) fn panels(&self) -> &[Panel] {
        &self.panels
    }

    /// The panel of a store, and its block and its place in the block there.
    pub(super) fn in_panel(&self, store: usize) -> (&Panel, usize, usize) {
        let block = store / BLOCK;
        (
            &self.panels[block / BLOCKS_A_PANEL],
            block % BLOCKS_A_PANEL,
            store % BLOCK,
        )
    }

    /// How many blocks of 8 stores there are in all panels.
    pub(super) fn n_blocks(&self) -> usize {
        self.stores.len().div_ceil(BLOCK)
    }
}

/// Gives each feature a store: those of many bins one of their own, the others together as long
/// as their numbers of bins multiply to at most 256 (first fit, the largest first).
fn share_bytes(bins: &[FeatureBins]) -> (Vec<Store>, Vec<Place>) {
    /// How many open stores are tried.
    const WINDOW: usize = 64;
    let mut order: Vec<usize> = (0..bins.len()).collect();
    order.sort_by_key(|&j| std::cmp::Reverse(bins[j].n_bins()));
    let mut stores: Vec<Store> = Vec::new();
    let mut places = vec![
        Place {
            store: 0,
            stride: 1,
            n_bins: 1,
        };
        bins.len()
    ];
    for &j in &order {
        let n_bins = bins[j].n_bins();
        let first = stores.len().saturating_sub(WINDOW);
        let open = (first..stores.len()).find(|&s| stores[s].n_slots * n_bins <= N_SLOTS);
        let store = open.unwrap_or_else(|| {
            stores.push(Store {
                features: Vec::new(),
                n_slots: 1,
            });
            stores.len() - 1
        });
        places[j] = Place {
            store,
            stride: stores[store].n_slots,
            n_bins,
        };
        stores[store].features.push(j);
        stores[store].n_slots *= n_bins;
    }
    (stores, places)
}

/// The bytes of one store.
fn fill<P: Provenance>(
    bytes: &mut [u8],
    store: &Store,
    bins: &[FeatureBins],
    places: &[Place],
    features: &Features<P>,
) {
    let mut digits = Vec::new();
    for (k, &j) in store.features.iter().enumerate() {
        if k == 0 {
            bins[j].fill(features.column(j), None, bytes);
            continue;
        }
        digits.resize(bytes.len(), 0);
        bins[j].fill(features.column(j), None, &mut digits);
        // No product is above 255: strides times bins is at most 256.
        let stride = u8::try_from(places[j].stride).unwrap_or(0);
        for (byte, &digit) in bytes.iter_mut().zip(&digits) {
            *byte += digit * stride;
        }
    }
}

fn panels(columns: &[u8], n_stores: usize, n_rows: usize) -> Vec<Panel> {
    let n_blocks = n_stores.div_ceil(BLOCK);
    (0..n_blocks)
        .step_by(BLOCKS_A_PANEL)
        .map(|first| {
            let width = BLOCKS_A_PANEL.min(n_blocks - first);
            let mut bytes = vec![[0_u8; BLOCK]; width * n_rows];
            parallel::for_each(bytes.chunks_mut(width * ROWS_A_TASK), |task, chunk| {
                let start = task * ROWS_A_TASK;
                let n = chunk.len() / width;
                for block in 0..width {
                    for lane in 0..BLOCK {
                        let store = (first + block) * BLOCK + lane;
                        if store >= n_stores {
                            break;
                        }
                        let column = &columns[store * n_rows + start..][..n];
                        for (row, &byte) in chunk.chunks_exact_mut(width).zip(column) {
                            row[block][lane] = byte;
                        }
                    }
                }
            });
            Panel { width, bytes }
        })
        .collect()
}
