//! Predictions of rows that were held out, put together.

use super::FoldPlan;
use crate::data::{Prediction, Target};
use crate::error::Result;

impl FoldPlan {
    /// The rows that some split predicts, in order.
    pub(crate) fn predicted_rows(&self) -> Vec<u32> {
        let mut predicted = vec![false; self.n_rows()];
        for s in 0..self.n_splits() {
            for &row in self.split(s).validation() {
                predicted[row as usize] = true;
            }
        }
        rows_where(&predicted, |&predicted| predicted)
    }
}

/// The mean prediction of each of `n_rows` rows that some part predicts, and which rows these are,
/// in order. A part is rows and a prediction of them; sums are taken in the order of the parts.
pub(crate) fn pool<'p, Y: Target>(
    target: &Y,
    n_rows: usize,
    parts: impl IntoIterator<Item = (&'p [u32], &'p Y::Prediction)>,
) -> Result<(Vec<u32>, Y::Prediction)> {
    let mut counts = vec![0_u32; n_rows];
    let mut sums: Vec<Vec<f64>> = Vec::new();
    for (rows, prediction) in parts {
        for &row in rows {
            counts[row as usize] += 1;
        }
        sums.resize_with(prediction.n_columns(), || vec![0.0; n_rows]);
        for (k, sums) in sums.iter_mut().enumerate() {
            for (&row, p) in rows.iter().zip(prediction.column(k)) {
                sums[row as usize] += p;
            }
        }
    }
    let rows = rows_where(&counts, |&count| count > 0);
    let mean = |sums: &Vec<f64>| -> Vec<f64> {
        let mean = |&row: &u32| sums[row as usize] / f64::from(counts[row as usize]);
        rows.iter().map(mean).collect()
    };
    let prediction = target.prediction(sums.iter().map(mean).collect())?;
    Ok((rows, prediction))
}

fn rows_where<T>(values: &[T], is: impl Fn(&T) -> bool) -> Vec<u32> {
    let rows = (0..).zip(values).filter(|(_, value)| is(value));
    rows.map(|(row, _)| row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Values;
    use crate::folds::Split;

    #[test]
    fn a_row_gets_the_mean_of_its_predictions() {
        let target = Values::new(vec![0.0; 5]).unwrap();
        let parts = [
            (vec![3, 1], Values::new(vec![2.0, 8.0]).unwrap()),
            (vec![0, 3], Values::new(vec![-1.0, 5.0]).unwrap()),
        ];
        let parts = parts.iter().map(|(rows, p)| (rows.as_slice(), p));
        let (rows, prediction) = pool(&target, 5, parts).unwrap();
        assert_eq!(rows, [0, 1, 3]);
        assert_eq!(prediction.as_slice(), [-1.0, 8.0, 3.5]);
        let split = |validation| Split::new(vec![2], validation, 5).unwrap();
        let plan = FoldPlan::from_splits(vec![split(vec![3, 1]), split(vec![0, 3])], 5);
        assert_eq!(plan.unwrap().predicted_rows(), rows);
    }
}
