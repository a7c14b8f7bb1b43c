//! A data set as the folder of raw files that `data_set.py` describes.

use std::fs;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use stackfold::data::{
    Column, Feature, Features, Labels, Levels, MISSING_CODE, OutOfSample, Table, Values,
};

use crate::Result;
use crate::job::Categories;
use crate::transform::Texts;

pub struct Folder {
    path: PathBuf,
    meta: Meta,
}

#[derive(serde::Deserialize)]
struct Meta {
    n_train: usize,
    n_test: usize,
    target: TargetKind,
    n_classes: u32,
    columns: Vec<Field>,
}

#[derive(serde::Deserialize)]
struct Field {
    name: String,
    n_codes: Option<u32>,
    /// Of a column of strings.
    #[serde(default)]
    levels: Vec<String>,
}

#[derive(Clone, Copy, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetKind {
    Binary,
    Multiclass,
    Regression,
}

impl Folder {
    pub fn open(path: &Path) -> Result<Self> {
        let meta = serde_json::from_str(&fs::read_to_string(path.join("meta.json"))?)?;
        Ok(Self {
            path: path.to_owned(),
            meta,
        })
    }

    pub fn target_kind(&self) -> TargetKind {
        self.meta.target
    }

    /// The features of `train` or `test`.
    pub fn features(&self, part: &str, categories: Categories) -> Result<Features<OutOfSample>> {
        let field = |field: &Field| match (categories, field.n_codes) {
            (Categories::Native, Some(n_codes)) => Feature::code(&field.name, n_codes),
            _ => Feature::number(&field.name),
        };
        let fields: Vec<Feature> = self.meta.columns.iter().map(field).collect();
        Ok(Features::new(fields, self.n_rows(part), self.read(part)?)?)
    }

    /// The same as a table, whose categories have levels named so that they sort as their codes.
    pub fn table(&self, part: &str, categories: Categories) -> Result<Table> {
        let values = self.read(part)?;
        let columns = self
            .meta
            .columns
            .iter()
            .zip(values.chunks(self.n_rows(part)));
        let column = |(field, values): (&Field, &[f32])| -> Result<(String, Column)> {
            let (Categories::Native, Some(n_codes)) = (categories, field.n_codes) else {
                let numbers: Vec<f64> = values.iter().copied().map(f64::from).collect();
                return Ok((field.name.clone(), Column::numeric(numbers)));
            };
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "codes are small whole numbers"
            )]
            let code = |&value: &f32| {
                if value.is_nan() {
                    MISSING_CODE
                } else {
                    value as u32
                }
            };
            let levels = Levels::new((0..n_codes).map(|code| format!("{code:06}")).collect())?;
            let codes: Vec<u32> = values.iter().map(code).collect();
            Ok((
                field.name.clone(),
                Column::from_codes(codes, Arc::new(levels))?,
            ))
        };
        let columns: Vec<(String, Column)> = columns.map(column).collect::<Result<_>>()?;
        Ok(Table::new(columns)?)
    }

    fn n_rows(&self, part: &str) -> usize {
        match part {
            "train" => self.meta.n_train,
            _ => self.meta.n_test,
        }
    }

    fn read(&self, part: &str) -> Result<Vec<f32>> {
        read(&self.path.join(format!("x_{part}.f32")), f32::from_le_bytes)
    }

    /// The columns' names.
    pub fn names(&self) -> Vec<String> {
        let columns = self.meta.columns.iter();
        columns.map(|field| field.name.clone()).collect()
    }

    /// Whether columns are strings, for [`Folder::texts`], or numbers, for [`Folder::numbers`].
    pub fn has_strings(&self) -> bool {
        self.path.join("codes.i32").exists()
    }

    /// Columns of strings.
    pub fn texts(&self) -> Result<Vec<Texts>> {
        let codes = read(&self.path.join("codes.i32"), i32::from_le_bytes)?;
        let columns = codes.chunks(self.meta.n_train).zip(&self.meta.columns);
        Ok(columns
            .map(|(codes, field)| {
                let mut texts = Texts::default();
                for &code in codes {
                    let level = usize::try_from(code).ok().map(|code| &field.levels[code]);
                    texts.push(level.map(String::as_str));
                }
                texts
            })
            .collect())
    }

    /// Columns of numbers, NaN where missing.
    pub fn numbers(&self) -> Result<Vec<Vec<f64>>> {
        let values = read(&self.path.join("numbers.f64"), f64::from_le_bytes)?;
        let columns = values.chunks(self.meta.n_train);
        Ok(columns.map(<[f64]>::to_vec).collect())
    }

    /// The folds of the training rows.
    pub fn fold_of_row(&self) -> Result<Vec<u8>> {
        Ok(fs::read(self.path.join("folds.u8"))?)
    }

    /// The classes of the training rows.
    pub fn labels(&self) -> Result<Labels> {
        let classes = (0..self.meta.n_classes)
            .map(|class| class.to_string())
            .collect();
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "class codes are small whole numbers"
        )]
        let codes: Vec<u32> = self.targets()?.into_iter().map(|y| y as u32).collect();
        Ok(Labels::new(codes, classes)?)
    }

    /// The values of the training rows.
    pub fn values(&self) -> Result<Values> {
        Ok(Values::new(self.targets()?)?)
    }

    fn targets(&self) -> Result<Vec<f64>> {
        read(&self.path.join("y_train.f64"), f64::from_le_bytes)
    }
}

/// The numbers of a file, of `N` bytes each; read piecewise, so that no second copy is in memory.
fn read<const N: usize, T>(path: &Path, number: fn([u8; N]) -> T) -> Result<Vec<T>> {
    const PIECE: usize = 1 << 16;
    let mut file = File::open(path)?;
    let n_bytes = usize::try_from(file.metadata()?.len())?;
    let mut numbers = Vec::with_capacity(n_bytes / N);
    let mut buffer = vec![0; PIECE];
    let mut left = n_bytes;
    while left > 0 {
        let piece = &mut buffer[..left.min(PIECE)];
        file.read_exact(piece)?;
        let (whole, _) = piece.as_chunks::<N>();
        numbers.extend(whole.iter().map(|&bytes| number(bytes)));
        left -= piece.len();
    }
    Ok(numbers)
}
