//! Meta-features: what members predict, as the features of the next level.

use std::sync::Arc;

use crate::data::{Feature, Features, Prediction, Provenance, RowIndex, Target, weighty};
use crate::error::{Error, Result};
use crate::transform::Placement;

/// Probabilities are kept this far from 0 and 1 before a logarithm is taken.
pub(crate) const CLIP: f64 = 1e-7;

/// The predictions of several members for the same rows, and perhaps further features of them.
///
/// In `Meta<Y, InSample>` each prediction is out-of-fold: no member had seen the row.
#[derive(Debug, Clone)]
pub struct Meta<Y: Target, P: Provenance> {
    names: Arc<[String]>,
    predictions: Vec<Y::Prediction>,
    extra: Option<Features<P>>,
}

impl<Y: Target, P: Provenance> Meta<Y, P> {
    pub(crate) fn new(
        names: Arc<[String]>,
        predictions: Vec<Y::Prediction>,
        extra: Option<Features<P>>,
    ) -> Self {
        debug_assert_eq!(names.len(), predictions.len());
        Self {
            names,
            predictions,
            extra,
        }
    }

    /// The members' names.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The members' predictions, in the order of the names.
    #[must_use]
    pub fn predictions(&self) -> &[Y::Prediction] {
        &self.predictions
    }

    /// Features passed through beside the predictions.
    #[must_use]
    pub fn extra(&self) -> Option<&Features<P>> {
        self.extra.as_ref()
    }

    /// How many rows.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.predictions.first().map_or(0, Prediction::n_rows)
    }

    pub(crate) fn take(&self, rows: &[u32]) -> Self {
        Self {
            names: Arc::clone(&self.names),
            predictions: self.predictions.iter().map(|p| p.take(rows)).collect(),
            extra: self.extra.as_ref().map(|x| x.take(rows)),
        }
    }
}

/// How a prediction becomes a feature of the next level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub enum MetaForm {
    /// As it is; values that `f32` would not tell apart are centred, see
    /// [`Placement`](crate::transform::Placement).
    Plain,
    /// The logarithm of the odds, `ln(p / (1 - p))`, of a probability kept within 1e-7 of 0 and
    /// 1; values as under [`MetaForm::Plain`].
    #[default]
    Logit,
    /// The share of the training rows' predictions (of weight above 0) below it, half of the equal
    /// ones counted.
    Rank,
}

/// A [`MetaForm`] with what it learned.
#[derive(Debug, Clone)]
pub(crate) struct FittedForm {
    form: MetaForm,
    /// For ranks: the training rows' predictions in order, one list per meta-feature.
    sorted: Vec<Vec<f64>>,
    /// For values that stay as they are: one per meta-feature.
    placements: Vec<Placement>,
}

impl FittedForm {
    /// Learned from rows of weight above 0.
    pub(crate) fn fit<Y: Target, P: Provenance>(
        form: MetaForm,
        meta: &Meta<Y, P>,
        weights: Option<&[f64]>,
    ) -> Self {
        let weighty = weighty(weights);
        let weighty = weighty.as_deref();
        let rows = weighty.map_or(RowIndex::All(meta.n_rows()), RowIndex::Some);
        let columns = columns(meta).map(|(_, column)| rows.gather(column));
        let (mut sorted, mut placements) = (Vec::new(), Vec::new());
        match form {
            MetaForm::Rank => sorted.extend(columns.map(|column| {
                let mut sorted = column.into_owned();
                sorted.sort_unstable_by(f64::total_cmp);
                sorted
            })),
            _ if is_probability::<Y>(meta) => {}
            _ => placements.extend(columns.map(|column| Placement::of_values(&column))),
        }
        Self {
            form,
            sorted,
            placements,
        }
    }

    /// One column per member and informative class, then the features passed through.
    #[allow(clippy::cast_possible_truncation, reason = "features are f32")]
    pub(crate) fn features<Y: Target, P: Provenance>(
        &self,
        meta: &Meta<Y, P>,
    ) -> Result<Features<P>> {
        let mut fields = Vec::new();
        let mut values: Vec<f32> = Vec::new();
        for (j, (name, column)) in columns(meta).enumerate() {
            fields.push(Feature::number(name));
            match self.form {
                MetaForm::Logit if is_probability::<Y>(meta) => {
                    values.extend(column.iter().map(|&p| logit(p) as f32));
                }
                MetaForm::Plain | MetaForm::Logit => match self.placements.get(j) {
                    Some(placement) => {
                        values.extend(column.iter().map(|&p| placement.place(p) as f32));
                    }
                    None => values.extend(column.iter().map(|&p| p as f32)),
                },
                MetaForm::Rank => {
                    let sorted = self
                        .sorted
                        .get(j)
                        .ok_or_else(|| Error::data("the members of fitting", "another number"))?;
                    values.extend(column.iter().map(|&p| rank(sorted, p) as f32));
                }
            }
        }
        let own = Features::<P>::from_buffer(fields, meta.n_rows(), values)?;
        match meta.extra() {
            None => Ok(own),
            Some(extra) => Features::concat(&[own, extra.clone()], meta.n_rows()),
        }
    }
}

/// The informative columns of all members, with their names.
fn columns<Y: Target, P: Provenance>(meta: &Meta<Y, P>) -> impl Iterator<Item = (String, &[f64])> {
    meta.names
        .iter()
        .zip(&meta.predictions)
        .flat_map(|(name, prediction)| {
            prediction.informative().map(move |k| {
                let name = match prediction.column_name(k) {
                    Some(class) if prediction.n_columns() > 2 => format!("{name}_{class}"),
                    _ => name.clone(),
                };
                (name, prediction.column(k))
            })
        })
}

fn is_probability<Y: Target>(meta: &Meta<Y, impl Provenance>) -> bool {
    meta.predictions
        .first()
        .is_some_and(|p| p.column_name(0).is_some())
}

/// `ln(p / (1 - p))`, of a probability kept within [`CLIP`] of 0 and 1.
pub(crate) fn logit(p: f64) -> f64 {
    let p = p.clamp(CLIP, 1.0 - CLIP);
    (p / (1.0 - p)).ln()
}

/// The share of `sorted` below `value`, half of the equal ones counted.
pub(crate) fn rank(sorted: &[f64], value: f64) -> f64 {
    let below = sorted.partition_point(|&v| v < value);
    let not_above = sorted.partition_point(|&v| v <= value);
    (below + not_above) as f64 / (2 * sorted.len().max(1)) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{OutOfSample, Values};

    #[test]
    fn values_far_from_0_are_features_that_differ() {
        let of = |values: &[f64]| {
            let prediction = Values::new(values.to_vec()).unwrap();
            Meta::<Values, OutOfSample>::new(["m".to_owned()].into(), vec![prediction], None)
        };
        let values: Vec<f64> = (0..100).map(|i| 1.7e9 + f64::from(i)).collect();
        let weights: Vec<f64> = (0..100).map(|i| f64::from(u8::from(i > 0))).collect();
        for form in [MetaForm::Plain, MetaForm::Logit] {
            let fitted = FittedForm::fit(form, &of(&values), Some(&weights));
            let features = fitted.features(&of(&values[10..12])).unwrap();
            // The middle one of 99 is number 50.
            assert!(features.column(0).iter().eq(&[-40.0, -39.0]), "{form:?}");
            let near: Vec<f64> = values.iter().map(|v| v - 1.7e9).collect();
            let fitted = FittedForm::fit(form, &of(&near), None);
            let features = fitted.features(&of(&near[10..12])).unwrap();
            assert!(features.column(0).iter().eq(&[10.0, 11.0]), "{form:?}");
        }
    }
}
