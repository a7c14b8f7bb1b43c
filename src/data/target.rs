//! What is predicted: labels, whose prediction is probabilities, or values.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use super::{Column, ColumnKind, RowIndex, Table};
use crate::error::{Error, Result};
use crate::instances::Instances;

mod sealed {
    use super::DynTarget;

    #[allow(unnameable_types, reason = "nobody else shall implement it")]
    pub trait Sealed {
        fn as_dyn(&self) -> &(dyn DynTarget + 'static);
    }
    impl Sealed for super::Labels {
        fn as_dyn(&self) -> &(dyn DynTarget + 'static) {
            self
        }
    }
    impl Sealed for super::Values {
        fn as_dyn(&self) -> &(dyn DynTarget + 'static) {
            self
        }
    }
}

/// A target: [`Labels`] (classification) or [`Values`] (regression).
///
/// An *output* is one column of numbers that stands for the target in a statistic: the indicator
/// of the positive class for two classes, one indicator a class for more, the value itself in
/// regression.
pub trait Target: sealed::Sealed + Instances + Clone + fmt::Debug + Send + Sync + 'static {
    /// What a model of this target predicts.
    type Prediction: Prediction;

    /// How many rows.
    fn n_rows(&self) -> usize;

    /// The target of the given rows.
    #[must_use]
    fn take(&self, rows: &[u32]) -> Self;

    /// How many outputs.
    fn n_outputs(&self) -> usize;

    /// One output at the given rows.
    ///
    /// # Panics
    /// If `output` is not below [`Target::n_outputs`].
    fn output(&self, output: usize, rows: RowIndex<'_>) -> Vec<f64>;

    /// The class that an output stands for, if there are several outputs.
    fn output_name(&self, output: usize) -> Option<&str>;

    /// The class names by code; none for values.
    fn class_names(&self) -> &[String];

    /// A stratum for each row: the class, or the tenth of the values that the row falls into
    /// (ties broken by row).
    fn strata(&self, rows: RowIndex<'_>) -> Vec<u32>;

    /// Checks that the given rows can be learned from: two classes at least, or two values.
    ///
    /// # Errors
    /// If the target is constant.
    fn check(&self, rows: RowIndex<'_>) -> Result<()>;

    /// A prediction from its columns: one per class in the order of the classes (binary: the
    /// positive class's column alone will do), or one of values.
    ///
    /// # Errors
    /// If the number of columns is wrong, lengths differ, a value is not finite, or probabilities
    /// are outside 0 to 1 or do not sum to one.
    fn prediction(&self, columns: Vec<Vec<f64>>) -> Result<Self::Prediction>;
}

#[allow(unnameable_types, reason = "in a sealed trait, for this crate alone")]
/// The object-safe twin of [`Target`]: what fits need of a target that do not name its type, and
/// are compiled once, in this crate.
pub trait DynTarget: fmt::Debug + Send + Sync {
    /// See [`Target::n_rows`].
    fn n_rows(&self) -> usize;

    /// See [`Target::n_outputs`].
    fn n_outputs(&self) -> usize;

    /// See [`Target::output`].
    fn output(&self, output: usize, rows: RowIndex<'_>) -> Vec<f64>;

    /// See [`Target::output_name`].
    fn output_name(&self, output: usize) -> Option<&str>;

    /// See [`Target::class_names`].
    fn class_names(&self) -> &[String];

    /// See [`Target::strata`].
    fn strata(&self, rows: RowIndex<'_>) -> Vec<u32>;
}

impl<Y: Target> DynTarget for Y {
    fn n_rows(&self) -> usize {
        self.n_rows()
    }

    fn n_outputs(&self) -> usize {
        self.n_outputs()
    }

    fn output(&self, output: usize, rows: RowIndex<'_>) -> Vec<f64> {
        self.output(output, rows)
    }

    fn output_name(&self, output: usize) -> Option<&str> {
        self.output_name(output)
    }

    fn class_names(&self) -> &[String] {
        self.class_names()
    }

    fn strata(&self, rows: RowIndex<'_>) -> Vec<u32> {
        self.strata(rows)
    }
}

/// What a model predicts: [`Probabilities`] or [`Values`].
pub trait Prediction: Clone + fmt::Debug + Send + Sync + 'static {
    /// How many rows.
    fn n_rows(&self) -> usize;

    /// How many columns: one per class, or one of values.
    fn n_columns(&self) -> usize;

    /// One column.
    ///
    /// # Panics
    /// If `column` is not below [`Prediction::n_columns`].
    fn column(&self, column: usize) -> &[f64];

    /// The prediction of the given rows.
    #[must_use]
    fn take(&self, rows: &[u32]) -> Self;

    /// The class that a column stands for, `None` for values.
    fn column_name(&self, column: usize) -> Option<&str>;

    /// The columns that carry all of the information: the positive class's (binary), or all.
    fn informative(&self) -> std::ops::Range<usize> {
        usize::from(self.n_columns() == 2)..self.n_columns()
    }
}

/// Checks that a prediction has so many rows, and the target's classes in their order.
pub(crate) fn check_prediction<Y: Target>(
    target: &Y,
    prediction: &Y::Prediction,
    n_rows: usize,
) -> Result<()> {
    if prediction.n_rows() != n_rows {
        return Err(Error::data(
            format!("a prediction of {n_rows} rows"),
            prediction.n_rows(),
        ));
    }
    let classes = target.class_names();
    let found = || (0..prediction.n_columns()).filter_map(|column| prediction.column_name(column));
    if found().eq(classes) {
        return Ok(());
    }
    let found: Vec<&str> = found().collect();
    Err(Error::data(
        format!("a prediction of classes {}", classes.join(", ")),
        format!("one of {}", found.join(", ")),
    ))
}

/// The classes of rows: codes into class names.
///
/// Classes are ordered: numbers by value, `false` before `true`, texts by their characters. For
/// two classes the last is the *positive* one, whose probability is meant where one column is;
/// [`Labels::with_positive`] names another.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Labels {
    codes: Arc<[u32]>,
    classes: Arc<[String]>,
}

impl Labels {
    /// Labels from codes into class names.
    ///
    /// # Errors
    /// If there are fewer than two classes, a class name stands twice, or a code is out of range.
    pub fn new(codes: impl Into<Arc<[u32]>>, classes: Vec<String>) -> Result<Self> {
        Self::of_codes(codes.into(), classes)
    }

    fn of_codes(codes: Arc<[u32]>, classes: Vec<String>) -> Result<Self> {
        if classes.len() < 2 {
            return Err(Error::data(
                "a target of two classes or more",
                classes
                    .first()
                    .map_or_else(|| "none".to_owned(), |c| format!("only class {c:?}")),
            ));
        }
        let mut sorted: Vec<&String> = classes.iter().collect();
        sorted.sort_unstable();
        if let Some([name, _]) = sorted.array_windows().find(|[a, b]| a == b) {
            return Err(Error::data(
                "class names that differ",
                format!("class {name:?} twice"),
            ));
        }
        if let Some(row) = codes.iter().position(|&c| c as usize >= classes.len()) {
            return Err(Error::data(
                format!("class codes below {}", classes.len()),
                format!("code {}", codes[row]),
            )
            .in_row(row));
        }
        Ok(Self {
            codes,
            classes: classes.into(),
        })
    }

    /// Labels from texts.
    ///
    /// ```
    /// use stackfold::data::Labels;
    /// let labels = Labels::from_strs(&["spam", "ham", "spam"])?.with_positive("ham")?;
    /// assert_eq!(labels.classes(), ["spam", "ham"]);
    /// assert_eq!(labels.codes(), [0, 1, 0]);
    /// # Ok::<(), stackfold::Error>(())
    /// ```
    ///
    /// # Errors
    /// If there are fewer than two classes, or each row has a class of its own.
    pub fn from_strs(labels: &[&str]) -> Result<Self> {
        Self::from_column(&Column::categorical(labels.iter().map(|&l| Some(l))))
    }

    /// Labels from a column of texts, booleans or whole numbers.
    ///
    /// # Errors
    /// If a cell is missing (the error names the row), a number is not whole, there are fewer than
    /// two classes, or each of three rows or more has a class of its own.
    pub fn from_column(column: &Column) -> Result<Self> {
        let numbers = column
            .codes()
            .is_none()
            .then(|| column.numbers(RowIndex::All(column.len())));
        if let Some(numbers) = &numbers
            && column.kind() == ColumnKind::Numeric
            && let Some(row) = numbers.iter().position(|v| v.fract() != 0.0 && !v.is_nan())
        {
            return Err(Error::data(
                "class labels: texts, booleans or whole numbers",
                format!("{}", numbers[row]),
            )
            .in_row(row));
        }
        let column = column.to_categorical();
        let Some((codes, levels)) = column.codes() else {
            return Err(Error::wrong_kind("categorical", column.kind()));
        };
        if let Some(row) = codes.iter().position(|&c| c == super::MISSING_CODE) {
            return Err(Error::data("a label in each row", "a missing value")
                .in_row(row)
                .with_remedy("leave out the rows that have none, or fill them in"));
        }
        let mut counts = vec![0_usize; levels.len()];
        for &code in codes {
            counts[code as usize] += 1;
        }
        let mut present: Vec<u32> = (0..)
            .take(levels.len())
            .filter(|&c: &u32| counts[c as usize] > 0)
            .collect();
        if present.len() > 2 && present.len() == codes.len() {
            return Err(Error::data(
                "classes that several rows share",
                format!("{} rows, each with a class of its own", codes.len()),
            )
            .with_remedy("a target of numbers has values, not labels (`Table::values`)"));
        }
        let name = |code: u32| levels.name(code).unwrap_or_default();
        let value = |code: u32| name(code).parse::<f64>().ok();
        if present
            .iter()
            .all(|&c| value(c).is_some_and(f64::is_finite))
        {
            present.sort_by(|&a, &b| {
                let (x, y) = (value(a).unwrap_or(0.0), value(b).unwrap_or(0.0));
                x.total_cmp(&y).then_with(|| name(a).cmp(name(b)))
            });
        } else {
            present.sort_by_key(|&c| name(c));
        }
        let mut class_of = vec![0_u32; levels.len()];
        for (class, &code) in (0_u32..).zip(&present) {
            class_of[code as usize] = class;
        }
        let classes = present.iter().map(|&c| name(c).to_owned()).collect();
        Self::new(
            codes
                .iter()
                .map(|&c| class_of[c as usize])
                .collect::<Vec<u32>>(),
            classes,
        )
    }

    /// The same labels with this class as the last, which is the positive one (binary).
    ///
    /// # Errors
    /// If there is no such class.
    pub fn with_positive(self, class: &str) -> Result<Self> {
        let Some(place) = self.classes.iter().position(|c| c == class) else {
            return Err(Error::parameter(
                "positive",
                format!("one of the classes {}", self.classes.join(", ")),
                format!("{class:?}"),
            ));
        };
        let mut order: Vec<usize> = (0..self.classes.len()).filter(|&c| c != place).collect();
        order.push(place);
        let mut new_code = vec![0_u32; order.len()];
        for (new, &old) in (0_u32..).zip(&order) {
            new_code[old] = new;
        }
        Ok(Self {
            codes: self.codes.iter().map(|&c| new_code[c as usize]).collect(),
            classes: order.iter().map(|&c| self.classes[c].clone()).collect(),
        })
    }

    /// The class code of each row.
    #[must_use]
    pub fn codes(&self) -> &[u32] {
        &self.codes
    }

    /// The class names, by code.
    #[must_use]
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// How many classes.
    #[must_use]
    pub fn n_classes(&self) -> usize {
        self.classes.len()
    }

    /// The class name of each row.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.codes
            .iter()
            .map(|&code| self.classes[code as usize].as_str())
    }

    /// The same rows as codes into other class names: for a test set's labels.
    ///
    /// # Errors
    /// If a class is not among `classes`.
    pub fn aligned_to(&self, classes: &[String]) -> Result<Self> {
        let place: HashMap<&str, u32> = classes.iter().map(String::as_str).zip(0..).collect();
        let new_code: Vec<Option<u32>> = self
            .classes
            .iter()
            .map(|c| place.get(c.as_str()).copied())
            .collect();
        let codes = self
            .codes
            .iter()
            .enumerate()
            .map(|(row, &c)| {
                new_code[c as usize].ok_or_else(|| {
                    Error::data(
                        format!("one of the classes {}", classes.join(", ")),
                        format!("class {:?}", self.classes[c as usize]),
                    )
                    .in_row(row)
                })
            })
            .collect::<Result<Vec<u32>>>()?;
        Self::new(codes, classes.to_vec())
    }
}

impl Target for Labels {
    type Prediction = Probabilities;

    fn n_rows(&self) -> usize {
        self.codes.len()
    }

    fn take(&self, rows: &[u32]) -> Self {
        Self {
            codes: rows.iter().map(|&i| self.codes[i as usize]).collect(),
            classes: Arc::clone(&self.classes),
        }
    }

    fn n_outputs(&self) -> usize {
        if self.classes.len() == 2 {
            1
        } else {
            self.classes.len()
        }
    }

    fn output(&self, output: usize, rows: RowIndex<'_>) -> Vec<f64> {
        assert!(output < Target::n_outputs(self), "output {output}");
        let class = if self.classes.len() == 2 { 1 } else { output };
        rows.map(&self.codes, |c| f64::from(u8::from(c as usize == class)))
    }

    fn output_name(&self, output: usize) -> Option<&str> {
        (self.classes.len() > 2).then(|| self.classes[output].as_str())
    }

    fn class_names(&self) -> &[String] {
        &self.classes
    }

    fn strata(&self, rows: RowIndex<'_>) -> Vec<u32> {
        rows.gather(&self.codes).into_owned()
    }

    fn check(&self, rows: RowIndex<'_>) -> Result<()> {
        let first = rows.iter().next().map(|i| self.codes[i]);
        if let Some(first) = first
            && rows.iter().all(|i| self.codes[i] == first)
        {
            return Err(Error::data(
                "a target of two classes or more",
                format!("only class {:?}", self.classes[first as usize]),
            ));
        }
        Ok(())
    }

    fn prediction(&self, mut columns: Vec<Vec<f64>>) -> Result<Probabilities> {
        if self.classes.len() == 2 && columns.len() == 1 {
            columns.insert(0, columns[0].iter().map(|p| 1.0 - p).collect());
        }
        Probabilities::new(Arc::clone(&self.classes), columns)
    }
}

/// The probability of each class for each row: `(n_rows, n_classes)`, each row summing to one.
#[derive(Debug, Clone, PartialEq)]
pub struct Probabilities {
    classes: Arc<[String]>,
    columns: Vec<Vec<f64>>,
}

impl Probabilities {
    /// Probabilities from one column per class.
    ///
    /// # Errors
    /// If their number is not that of the classes, lengths differ, or a row has a value that is
    /// not finite or outside 0 to 1, or sums to something further than 1e-6 from one.
    pub fn new(classes: Arc<[String]>, columns: Vec<Vec<f64>>) -> Result<Self> {
        if columns.len() != classes.len() {
            return Err(Error::data(
                format!("{} columns of probabilities, one a class", classes.len()),
                columns.len(),
            ));
        }
        let n_rows = columns.first().map_or(0, Vec::len);
        if let Some(column) = columns.iter().find(|c| c.len() != n_rows) {
            return Err(Error::data(format!("{n_rows} rows"), column.len()));
        }
        for row in 0..n_rows {
            let mut sum = 0.0;
            for column in &columns {
                let p = column[row];
                if !(0.0..=1.0).contains(&p) {
                    return Err(Error::data("probabilities from 0 to 1", p).in_row(row));
                }
                sum += p;
            }
            if (sum - 1.0).abs() > 1e-6 {
                return Err(Error::data("probabilities that sum to one", sum).in_row(row));
            }
        }
        Ok(Self { classes, columns })
    }

    /// The class names, by column.
    #[must_use]
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// The probability of the last class, which is the positive one (binary).
    #[must_use]
    pub fn positive(&self) -> &[f64] {
        self.columns.last().map_or(&[], Vec::as_slice)
    }

    /// The most probable class of each row, as labels of the same classes; the first of equals.
    ///
    /// ```
    /// use stackfold::prelude::*;
    /// let target = Labels::from_strs(&["no", "yes", "no"])?;
    /// let prediction = target.prediction(vec![vec![0.1, 0.4, 0.7]])?;
    /// assert_eq!(prediction.labels().names().collect::<Vec<_>>(), ["no", "no", "yes"]);
    /// assert_eq!(prediction.labels_at(0.4)?.names().collect::<Vec<_>>(), ["no", "yes", "yes"]);
    /// # Ok::<(), stackfold::Error>(())
    /// ```
    #[must_use]
    pub fn labels(&self) -> Labels {
        Labels {
            codes: self.most_probable().into(),
            classes: Arc::clone(&self.classes),
        }
    }

    /// The positive class where its probability is `threshold` or more, the other one elsewhere
    /// (binary).
    ///
    /// # Errors
    /// If there are more than two classes, or the threshold is not from 0 to 1.
    pub fn labels_at(&self, threshold: f64) -> Result<Labels> {
        if self.classes.len() != 2 {
            return Err(Error::data("two classes", self.classes.len())
                .with_remedy("`labels` has the most probable class of more"));
        }
        if !(0.0..=1.0).contains(&threshold) {
            return Err(Error::parameter("threshold", "from 0 to 1", threshold));
        }
        let codes = self.positive().iter().map(|&p| u32::from(p >= threshold));
        Ok(Labels {
            codes: codes.collect(),
            classes: Arc::clone(&self.classes),
        })
    }

    /// A table with one column per class, by its name: to be written to a file, or made a frame.
    ///
    /// # Errors
    /// None but those of [`Table::new`].
    pub fn to_table(&self) -> Result<Table> {
        let columns = self
            .columns
            .iter()
            .map(|column| Column::numeric(column.as_slice()));
        Table::new(self.classes.iter().cloned().zip(columns))
    }

    /// The code of the most probable class of each row; the first of equals.
    #[must_use]
    pub fn most_probable(&self) -> Vec<u32> {
        (0..self.n_rows())
            .map(|row| {
                let mut best = 0_u32;
                for (class, column) in (0_u32..).zip(&self.columns) {
                    if column[row] > self.columns[best as usize][row] {
                        best = class;
                    }
                }
                best
            })
            .collect()
    }
}

impl Prediction for Probabilities {
    fn n_rows(&self) -> usize {
        self.columns.first().map_or(0, Vec::len)
    }

    fn n_columns(&self) -> usize {
        self.columns.len()
    }

    fn column(&self, column: usize) -> &[f64] {
        &self.columns[column]
    }

    fn take(&self, rows: &[u32]) -> Self {
        let take = |column: &Vec<f64>| rows.iter().map(|&i| column[i as usize]).collect();
        Self {
            classes: Arc::clone(&self.classes),
            columns: self.columns.iter().map(take).collect(),
        }
    }

    fn column_name(&self, column: usize) -> Option<&str> {
        Some(&self.classes[column])
    }
}

/// A finite number for each row: a target, or a prediction of one.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Values {
    values: Arc<[f64]>,
}

impl Values {
    /// Values, all of them finite.
    ///
    /// # Errors
    /// If one is not finite; the error names the row.
    pub fn new(values: impl Into<Arc<[f64]>>) -> Result<Self> {
        let values = values.into();
        match values.iter().position(|v| !v.is_finite()) {
            Some(row) => Err(Error::not_finite(values[row]).in_row(row)),
            None => Ok(Self { values }),
        }
    }

    /// Values from a column of numbers, booleans or dates.
    ///
    /// # Errors
    /// If the column is categorical, or a cell is missing (the error names the row).
    pub fn from_column(column: &Column) -> Result<Self> {
        if column.kind() == ColumnKind::Categorical {
            return Err(Error::wrong_kind("numeric", column.kind())
                .with_remedy("a target of classes has labels, not values (`Table::labels`)"));
        }
        let numbers = column.numbers(RowIndex::All(column.len()));
        match numbers.iter().position(|v| v.is_nan()) {
            Some(row) => Err(Error::data("a value in each row", "a missing value")
                .in_row(row)
                .with_remedy("leave out the rows that have none, or fill them in")),
            None => Self::new(numbers),
        }
    }

    /// The values.
    #[must_use]
    pub fn as_slice(&self) -> &[f64] {
        &self.values
    }

    /// A table with the values as a column of this name: to be written to a file, or made a frame.
    ///
    /// # Errors
    /// None but those of [`Table::new`].
    pub fn to_table(&self, name: &str) -> Result<Table> {
        Table::new([(name, Column::numeric(&*self.values))])
    }
}

impl Target for Values {
    type Prediction = Self;

    fn n_rows(&self) -> usize {
        self.values.len()
    }

    fn take(&self, rows: &[u32]) -> Self {
        Self {
            values: rows.iter().map(|&i| self.values[i as usize]).collect(),
        }
    }

    fn n_outputs(&self) -> usize {
        1
    }

    fn output(&self, output: usize, rows: RowIndex<'_>) -> Vec<f64> {
        assert!(output < 1, "output {output}");
        rows.gather(&self.values).into_owned()
    }

    fn output_name(&self, _output: usize) -> Option<&str> {
        None
    }

    fn class_names(&self) -> &[String] {
        &[]
    }

    fn strata(&self, rows: RowIndex<'_>) -> Vec<u32> {
        const STRATA: usize = 10;
        let values = rows.gather(&self.values);
        let mut order: Vec<u32> = (0..).take(values.len()).collect();
        order.sort_by(|&a, &b| {
            values[a as usize]
                .total_cmp(&values[b as usize])
                .then(a.cmp(&b))
        });
        let mut strata = vec![0; values.len()];
        for (rank, &position) in order.iter().enumerate() {
            strata[position as usize] =
                u32::try_from(rank * STRATA / values.len()).unwrap_or(u32::MAX);
        }
        strata
    }

    fn check(&self, rows: RowIndex<'_>) -> Result<()> {
        let first = rows.iter().next().map(|i| self.values[i]);
        if let Some(first) = first
            && rows
                .iter()
                .all(|i| self.values[i].total_cmp(&first).is_eq())
        {
            return Err(Error::data(
                "a target that varies",
                format!("only the value {first}"),
            ));
        }
        Ok(())
    }

    fn prediction(&self, columns: Vec<Vec<f64>>) -> Result<Self> {
        let n_columns = columns.len();
        match <[Vec<f64>; 1]>::try_from(columns) {
            Ok([values]) => Self::new(values),
            Err(_) => Err(Error::data("one column of values", n_columns)),
        }
    }
}

impl Prediction for Values {
    fn n_rows(&self) -> usize {
        self.values.len()
    }

    fn n_columns(&self) -> usize {
        1
    }

    fn column(&self, column: usize) -> &[f64] {
        assert!(column < 1, "column {column}");
        &self.values
    }

    fn take(&self, rows: &[u32]) -> Self {
        Target::take(self, rows)
    }

    fn column_name(&self, _column: usize) -> Option<&str> {
        None
    }
}
