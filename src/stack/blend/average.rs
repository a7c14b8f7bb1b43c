//! Blenders that learn nothing, or only ranks.

use std::sync::Arc;

use super::{Blender, FittedBlender, WeightedMean, check_members};
use crate::data::{FitContext, InSample, OutOfSample, Prediction, Target};
use crate::error::{Error, Result};
use crate::stack::Meta;
use crate::stack::meta::{CLIP, rank};

/// Which mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub enum Average {
    /// `(1/M) sum of p_m`.
    #[default]
    Arithmetic,
    /// `prod of p_m^(1/M)`, divided by its sum over the classes; probabilities are kept within
    /// 1e-7 of 0. Values must be above 0.
    Geometric,
    /// The mean of the ranks of the positive class's probabilities, each the share of the training
    /// rows' below it. It orders rows well when members are calibrated differently; it is a score
    /// from 0 to 1, not a probability. For two classes only.
    Rank,
}

/// The plain, geometric or rank mean of the members' predictions. Features passed through are not
/// supported.
///
/// ```
/// use stackfold::stack::{Average, AverageBlender};
/// assert_eq!(AverageBlender::new(Average::Geometric).average(), Average::Geometric);
/// ```
#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AverageBlender {
    average: Average,
}

impl AverageBlender {
    /// This mean.
    #[must_use]
    pub fn new(average: Average) -> Self {
        Self { average }
    }

    /// Which mean.
    #[must_use]
    pub fn average(&self) -> Average {
        self.average
    }
}

impl<Y: Target> Blender<Y> for AverageBlender {
    fn fit(
        &self,
        meta: &Meta<Y, InSample>,
        target: &Y,
        context: &FitContext<'_>,
    ) -> Result<Arc<dyn FittedBlender<Y>>> {
        Y::fit_average(self, meta, target, context)
    }
}

impl AverageBlender {
    pub(crate) fn fit_here<Y: Target>(
        &self,
        meta: &Meta<Y, InSample>,
        target: &Y,
        _context: &FitContext<'_>,
    ) -> Result<Arc<dyn FittedBlender<Y>>> {
        if meta.extra().is_some() {
            return Err(Error::unsupported(
                "features passed through to a blender of weights alone",
            ));
        }
        let shape = target.take(&[]);
        let n_members = meta.predictions().len();
        let Some(first) = meta.predictions().first() else {
            return Err(Error::data("at least one member", "none"));
        };
        Ok(match self.average {
            Average::Arithmetic => Arc::new(WeightedMean {
                weights: vec![1.0 / n_members as f64; n_members],
                shape,
            }),
            Average::Geometric => Arc::new(Geometric { n_members, shape }),
            Average::Rank => {
                if first.n_columns() != 2 {
                    return Err(Error::unsupported(
                        "a rank mean of anything but the probabilities of two classes",
                    ));
                }
                let sorted = meta.predictions().iter().map(|prediction| {
                    let mut sorted = prediction.column(1).to_vec();
                    sorted.sort_unstable_by(f64::total_cmp);
                    sorted
                });
                Arc::new(Ranks {
                    sorted: sorted.collect(),
                    shape,
                })
            }
        })
    }
}

#[derive(Debug)]
struct Geometric<Y> {
    n_members: usize,
    shape: Y,
}

impl<Y: Target> FittedBlender<Y> for Geometric<Y> {
    fn blend(&self, meta: &Meta<Y, OutOfSample>) -> Result<Y::Prediction> {
        check_members(meta.predictions().len(), self.n_members)?;
        let first = &meta.predictions()[0];
        let probabilities = first.column_name(0).is_some();
        let mut columns = Vec::with_capacity(first.n_columns());
        for k in 0..first.n_columns() {
            let mut sum = vec![0.0; first.n_rows()];
            for (name, prediction) in meta.names().iter().zip(meta.predictions()) {
                let column = prediction.column(k);
                if probabilities {
                    for (s, &p) in sum.iter_mut().zip(column) {
                        *s += p.max(CLIP).ln();
                    }
                } else {
                    for (row, (s, &v)) in sum.iter_mut().zip(column).enumerate() {
                        if v <= 0.0 {
                            return Err(Error::data("predictions above 0 for a geometric mean", v)
                                .in_row(row)
                                .in_member(name));
                        }
                        *s += v.ln();
                    }
                }
            }
            let m = self.n_members as f64;
            columns.push(sum.into_iter().map(|s| (s / m).exp()).collect::<Vec<f64>>());
        }
        if probabilities {
            for row in 0..first.n_rows() {
                let total: f64 = columns.iter().map(|c| c[row]).sum();
                for column in &mut columns {
                    column[row] /= total;
                }
            }
        }
        self.shape.prediction(columns)
    }
}

#[derive(Debug)]
struct Ranks<Y> {
    sorted: Vec<Vec<f64>>,
    shape: Y,
}

impl<Y: Target> FittedBlender<Y> for Ranks<Y> {
    fn blend(&self, meta: &Meta<Y, OutOfSample>) -> Result<Y::Prediction> {
        check_members(meta.predictions().len(), self.sorted.len())?;
        let mut mean = vec![0.0; meta.n_rows()];
        for (sorted, prediction) in self.sorted.iter().zip(meta.predictions()) {
            for (m, &p) in mean.iter_mut().zip(prediction.column(1)) {
                *m += rank(sorted, p) / self.sorted.len() as f64;
            }
        }
        for m in &mut mean {
            *m = m.clamp(0.0, 1.0);
        }
        self.shape.prediction(vec![mean])
    }
}
