//! Vectors of towns, learned from house prices: which are alike, a map, and what they are good for.
//!
//! ```text
//! cargo run --example embeddings --no-default-features
//! ```
//!
//! Houses are dear by the sea, and land is dear in the south. The table does not say where a town
//! is: only its name, the area of house and garden, and the price.
#![allow(clippy::print_stdout, reason = "an example prints")]

use stackfold::data::Feature;
use stackfold::metrics::regression::r2;
use stackfold::prelude::*;
use stackfold::transform::encode::{
    EmbeddingEncoder, FittedEmbeddingEncoder, OneHotEncoder, OrdinalEncoder, PretrainedEmbedding,
};
use stackfold::transform::scale::StandardScaler;
use stackfold::transform::{ColumnTransformer, Selector};

const N_TOWNS: usize = 90;

fn main() -> Result<()> {
    let (sales, price) = houses(4_500, Seed::new(1), |p| p)?;
    let (train, test): (Vec<u32>, Vec<u32>) = (0..4_500).partition(|row| row % 5 > 0);
    let numbers = ["house", "garden"];

    // 1. Train. The numbers are the network's context, so that towns need not explain them.
    // A town has 40 sales, of which the default would make one number.
    let encoder = EmbeddingEncoder::new()
        .with_context(numbers)
        .with_rows_per_number(20);
    let towns = sales.clone().with_role("house", Role::Ignored)?;
    let towns = towns.with_role("garden", Role::Ignored)?;
    let rows = Train::new(&towns, &price)?.subset(&train)?;
    let (fitted, _) = encoder.fit_transform(rows)?;

    // 2. Look: towns are alike if their prices follow the same rule.
    for town in [0, 1, 2].map(name) {
        let near = fitted.nearest("town", &town, 3)?;
        let near: Vec<String> = near.iter().map(|(other, _)| place(other)).collect();
        println!("{} is like {}", place(&town), near.join(", "));
    }
    println!("\ntown,x,y");
    let matrix = fitted
        .matrix("town")
        .map_or(&[][..], |matrix| matrix.levels());
    for (town, [x, y]) in matrix.iter().zip(fitted.map_2d("town")?).take(5) {
        println!("{town},{x:.2},{y:.2}");
    }

    // 3. Use: the same model on three encodings, scored on sales that nothing was fitted on.
    let scaled = || StandardScaler::new();
    let town = || Selector::names(["town"]);
    let with_numbers = |columns: ColumnTransformer<Values>| {
        Pipeline::new(
            columns.with("numbers", Selector::names(numbers), scaled()),
            Neighbours(10),
        )
    };
    let columns = ColumnTransformer::new;
    let vectors = with_numbers(columns().with("vectors", town(), encoder.then(scaled())));
    let one_hot = with_numbers(columns().with("one_hot", town(), OneHotEncoder::new()));
    let ordinal = OrdinalEncoder::new().then(scaled());
    let ordinal = with_numbers(columns().with("ordinal", town(), ordinal));
    println!(
        "\nR² of 10 nearest neighbours on {} other sales",
        test.len()
    );
    let parts = [&train[..], &test[..]];
    let found = [
        score(&vectors, &sales, &price, parts)?,
        score(&one_hot, &sales, &price, parts)?,
        score(&ordinal, &sales, &price, parts)?,
    ];
    println!(
        "    vectors {:.3}, one-hot {:.3}, ordinal {:.3}",
        found[0], found[1], found[2]
    );
    assert!(found[0] > found[1] && found[0] > found[2]);

    // 4. Transfer: a small table of rents. The vectors come from the sales, through a table that
    // could be a file.
    let stored = fitted.to_table()?;
    let stored = FittedEmbeddingEncoder::from_table(&stored)?;
    let stored = PretrainedEmbedding::trained_on_other_rows(stored.matrices().to_vec())?;
    let (lets, rent) = houses(600, Seed::new(2), |p| 0.1 * p + 2.0)?;
    let (train, test): (Vec<u32>, Vec<u32>) = (0..600).partition(|row| row % 2 > 0);
    let transferred = with_numbers(columns().with("stored", town(), stored.then(scaled())));
    println!("\nR² on {} rents, learned from {}", test.len(), train.len());
    let parts = [&train[..], &test[..]];
    let found = [
        score(&transferred, &lets, &rent, parts)?,
        score(&one_hot, &lets, &rent, parts)?,
    ];
    println!(
        "    vectors of sales {:.3}, one-hot {:.3}",
        found[0], found[1]
    );
    assert!(found[0] > found[1]);
    Ok(())
}

/// The share of the variance that a pipeline explains: fitted on the first rows, scored on the others.
fn score(
    model: &Pipeline<ColumnTransformer<Values>, Neighbours>,
    table: &Table,
    y: &Values,
    [train, test]: [&[u32]; 2],
) -> Result<f64> {
    let fitted = model.fit(Train::new(table, y)?.subset(train)?)?;
    let found = fitted.predict(table.rows().subset(test)?)?;
    r2(Target::take(y, test).as_slice(), found.as_slice(), None)
}

/// Sales of houses: the town, two areas, and a price that is changed by `f`.
fn houses(n: u64, seed: Seed, f: fn(f64) -> f64) -> Result<(Table, Values)> {
    let draw = |what: &str, row: u64| seed.child(what).uniform(row);
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a number below N_TOWNS"
    )]
    let town = |row: u64| (draw("town", row) * N_TOWNS as f64) as usize;
    let names: Vec<String> = (0..n).map(|row| name(town(row))).collect();
    let (house, garden): (Vec<f64>, Vec<f64>) = (0..n)
        .map(|row| (0.5 + draw("house", row), 2.0 * draw("garden", row)))
        .unzip();
    let price = (0..n)
        .zip(house.iter().zip(&garden))
        .map(|(row, (house, garden))| {
            let (inland, north) = where_is(town(row));
            let noise = 0.3 * seed.child("noise").normal(row);
            f(4.0 * (1.0 - inland) * house + 2.0 * (1.0 - north) * garden + noise)
        });
    let price = Values::new(price.collect::<Vec<_>>())?;
    let towns = Column::categorical(names.iter().map(|name| Some(name.as_str())));
    let columns = [
        ("town", towns),
        ("house", Column::numeric(house)),
        ("garden", Column::numeric(garden)),
    ];
    Ok((Table::new(columns)?, price))
}

/// How far inland and how far north a town is, from 0 to 1. No model is told.
fn where_is(town: usize) -> (f64, f64) {
    let seed = Seed::new(3);
    (
        seed.child("inland").uniform(town as u64),
        seed.child("north").uniform(town as u64),
    )
}

fn name(town: usize) -> String {
    let first = [
        "Ash", "Brad", "Lang", "Stan", "Wood", "Black", "Hal", "Nor", "West", "Whit",
    ];
    let last = [
        "ford", "ton", "ham", "ley", "worth", "bury", "field", "wick", "by",
    ];
    format!("{}{}", first[town % 10], last[town / 10])
}

/// The name with the place.
fn place(town: &str) -> String {
    let number = (0..N_TOWNS).find(|&other| name(other) == town);
    let (inland, north) = where_is(number.unwrap_or_default());
    format!("{town} ({inland:.2} inland, {north:.2} north)")
}

/// The mean target of the `k` training rows whose features are nearest.
#[derive(Debug, Clone, Copy)]
struct Neighbours(usize);

#[derive(Debug)]
struct FittedNeighbours {
    k: usize,
    fields: Vec<Feature>,
    /// Row after row.
    rows: Vec<f32>,
    y: Vec<f64>,
}

impl Estimator<Values> for Neighbours {
    type Fitted = FittedNeighbours;

    fn fit(
        &self,
        x: &Features<InSample>,
        y: &Values,
        _: &FitContext<'_>,
    ) -> Result<FittedNeighbours> {
        x.check_finite()?;
        Ok(FittedNeighbours {
            k: self.0,
            fields: x.fields().to_vec(),
            rows: by_row(x),
            y: y.as_slice().to_vec(),
        })
    }
}

impl Predictor<Values> for FittedNeighbours {
    fn predict(&self, x: &Features<OutOfSample>) -> Result<Values> {
        x.check_fields(&self.fields)?;
        x.check_finite()?;
        let n = x.n_features();
        let mean = |row: &[f32]| {
            let squares = self.rows.chunks_exact(n).map(|other| {
                let squares = row.iter().zip(other).map(|(a, b)| (a - b).powi(2));
                squares.sum::<f32>()
            });
            let mut near: Vec<(f32, f64)> = squares.zip(self.y.iter().copied()).collect();
            near.select_nth_unstable_by(self.k, |a, b| a.0.total_cmp(&b.0));
            near[..self.k].iter().map(|(_, y)| y).sum::<f64>() / self.k as f64
        };
        Values::new(by_row(x).chunks_exact(n).map(mean).collect::<Vec<_>>())
    }
}

fn by_row<P: stackfold::data::Provenance>(x: &Features<P>) -> Vec<f32> {
    let row = |row: usize| (0..x.n_features()).map(move |j| x.column(j)[row]);
    (0..x.n_rows()).flat_map(row).collect()
}
