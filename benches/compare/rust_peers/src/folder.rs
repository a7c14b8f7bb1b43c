//! A data set as the folder of raw files that `data_set.py` and `synthetic_columns.py` describe.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Result;

pub struct Folder {
    path: PathBuf,
    meta: Meta,
}

#[derive(serde::Deserialize)]
struct Meta {
    n_train: usize,
    n_test: usize,
    columns: Vec<Field>,
}

#[derive(serde::Deserialize)]
pub struct Field {
    pub name: String,
    /// Of a column of strings.
    #[serde(default)]
    pub levels: Vec<String>,
}

/// A matrix of numbers, NaN where missing.
pub struct Numbers {
    pub n_rows: usize,
    pub n_columns: usize,
    /// Column after column.
    pub values: Vec<f64>,
}

impl Numbers {
    /// The values row after row.
    pub fn by_rows(&self) -> Vec<f64> {
        let mut rows = vec![0.0; self.values.len()];
        for (j, column) in self.values.chunks(self.n_rows).enumerate() {
            for (i, &value) in column.iter().enumerate() {
                rows[i * self.n_columns + j] = value;
            }
        }
        rows
    }
}

impl Folder {
    pub fn open(path: &Path) -> Result<Self> {
        let meta = serde_json::from_str(&fs::read_to_string(path.join("meta.json"))?)?;
        Ok(Self {
            path: path.to_owned(),
            meta,
        })
    }

    pub fn n_train(&self) -> usize {
        self.meta.n_train
    }

    pub fn columns(&self) -> &[Field] {
        &self.meta.columns
    }

    pub fn names(&self) -> Vec<String> {
        self.meta.columns.iter().map(|f| f.name.clone()).collect()
    }

    /// The features of `train` or `test`.
    pub fn features(&self, part: &str) -> Result<Numbers> {
        let n_rows = match part {
            "train" => self.meta.n_train,
            _ => self.meta.n_test,
        };
        let values = self.read(&format!("x_{part}.f32"), f32::from_le_bytes)?;
        Ok(self.matrix(n_rows, values.into_iter().map(f64::from).collect()))
    }

    /// Columns of numbers.
    pub fn numbers(&self) -> Result<Numbers> {
        let values = self.read("numbers.f64", f64::from_le_bytes)?;
        Ok(self.matrix(self.meta.n_train, values))
    }

    /// Strings as places among their columns' levels, column after column.
    pub fn codes(&self) -> Result<Vec<usize>> {
        let codes = self.read("codes.i32", i32::from_le_bytes)?;
        let codes = codes.into_iter().map(usize::try_from);
        Ok(codes.collect::<std::result::Result<_, _>>()?)
    }

    /// The training rows' targets.
    pub fn target(&self) -> Result<Vec<f64>> {
        self.read("y_train.f64", f64::from_le_bytes)
    }

    /// The same as classes.
    pub fn classes(&self) -> Result<Vec<usize>> {
        Ok(self.target()?.into_iter().map(|y| y as usize).collect())
    }

    fn matrix(&self, n_rows: usize, values: Vec<f64>) -> Numbers {
        Numbers {
            n_rows,
            n_columns: self.meta.columns.len(),
            values,
        }
    }

    fn read<const N: usize, T>(&self, name: &str, number: fn([u8; N]) -> T) -> Result<Vec<T>> {
        let bytes = fs::read(self.path.join(name))?;
        let (whole, _) = bytes.as_chunks::<N>();
        Ok(whole.iter().map(|&bytes| number(bytes)).collect())
    }
}
