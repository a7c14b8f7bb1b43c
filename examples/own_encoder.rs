//! An encoder from outside the crate.
//!
//! It replaces a level by the *spread* of the target in it, which no encoder of the crate
//! does. An encoder that looks at the target implements [`TargetStatistic`]: how to fit on rows,
//! and how to transform others. [`CrossFitted`] makes a transformer of it whose training rows
//! never see their own target: there is no fold to handle, and no way to forget one.
//!
//! ```sh
//! cargo run --example own_encoder
//! ```
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::collections::HashMap;

use stackfold::data::{Feature, RowIndex};
use stackfold::prelude::*;
use stackfold::transform::encode::{CrossFitted, TargetStatistic};

/// The standard deviation of the target in each level of one column.
#[derive(Debug)]
struct SpreadEncoder {
    column: String,
}

impl SpreadEncoder {
    fn new(column: &str) -> Self {
        Self {
            column: column.to_owned(),
        }
    }
}

/// What it has learned: a level that it has not seen gets the spread of all rows.
#[derive(Debug)]
struct FittedSpreadEncoder {
    column: String,
    spreads: HashMap<String, f64>,
    overall: f64,
    fields: Vec<Feature>,
}

impl<Y: Target> TargetStatistic<Y> for SpreadEncoder {
    type Fitted = FittedSpreadEncoder;

    fn fit(&self, train: Train<'_, Y>) -> Result<Self::Fitted> {
        let column = train.rows().column(&self.column)?;
        let index = train.rows().index();
        let target = train.table_target().output(0, index);
        let mut of_level: HashMap<String, Vec<f64>> = HashMap::new();
        for (row, &y) in index.iter().zip(&target) {
            if let Some(level) = column.text(row) {
                of_level.entry(level.into_owned()).or_default().push(y);
            }
        }
        Ok(FittedSpreadEncoder {
            column: self.column.clone(),
            spreads: of_level
                .into_iter()
                .map(|(level, targets)| (level, spread(&targets)))
                .collect(),
            overall: spread(&target),
            fields: vec![Feature::number(format!("{}_spread", self.column))],
        })
    }
}

impl FittedTransformer for FittedSpreadEncoder {
    fn transform(&self, rows: Rows<'_>) -> Result<Features<OutOfSample>> {
        let column = rows.column(&self.column)?;
        let values = rows.index().iter().map(|row| {
            let known = column
                .text(row)
                .and_then(|level| self.spreads.get(level.as_ref()));
            #[allow(clippy::cast_possible_truncation, reason = "features are f32")]
            let value = *known.unwrap_or(&self.overall) as f32;
            value
        });
        Features::new(self.fields.clone(), rows.len(), values.collect())
    }

    fn fields(&self) -> &[Feature] {
        &self.fields
    }
}

fn spread(values: &[f64]) -> f64 {
    let n = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / n;
    (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt()
}

fn main() -> Result<()> {
    // Prices in a steady market and in a wild one.
    let markets: Vec<&str> = (0..200).map(|i| ["steady", "wild"][i % 2]).collect();
    let noise = Seed::new(1);
    let prices =
        (0..200_u64).map(|i| 100.0 + noise.normal(i) * if i % 2 == 0 { 1.0 } else { 10.0 });
    let table = Table::new([("market", Column::categorical(markets.into_iter().map(Some)))])?;
    let target = Values::new(prices.collect::<Vec<f64>>())?;

    let encoder = CrossFitted::new(SpreadEncoder::new("market"));
    let train = Train::new(&table, &target)?.with_seed(Seed::new(2));
    let (fitted, features) = encoder.fit_transform(train)?;
    // Training rows come from five encoders, none of which saw the row that it encodes.
    let mut distinct: Vec<f32> = features.column(0).to_vec();
    distinct.sort_by(f32::total_cmp);
    distinct.dedup();
    assert_eq!(distinct.len(), 10, "two levels in five folds");

    // New rows come from one encoder that saw all of them; an unseen market is no accident.
    let new = Table::new([(
        "market",
        Column::categorical([Some("steady"), Some("wild"), Some("strange"), None]),
    )])?;
    let encoded = fitted.transform(new.rows())?;
    println!("{:?}", encoded.column(0));
    assert!(encoded.column(0)[0] < 2.0 && encoded.column(0)[1] > 5.0);
    assert_eq!(
        encoded.column(0)[2].to_bits(),
        encoded.column(0)[3].to_bits()
    );
    let overall = spread(&target.output(0, RowIndex::All(200)));
    assert!((f64::from(encoded.column(0)[2]) - overall).abs() < 1e-4);
    Ok(())
}
