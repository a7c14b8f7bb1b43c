//! What there is to say of how a table was read.

use std::fmt;

/// Something that was met while a table was read and that its user should know: how a column was
/// taken, what was left out. Prints with the column's name.
///
/// ```
/// use stackfold::data::{ColumnKind, TableReader};
/// let path = std::env::temp_dir().join("stackfold_note.csv");
/// let cells: String = (0..239).map(|i| format!("{i}.5,\n")).collect();
/// std::fs::write(&path, format!("x,y\n{cells}unknown,\n")).unwrap();
/// let table = TableReader::new().read(&path)?;
/// assert_eq!(table.column("x")?.kind(), ColumnKind::Numeric);
/// assert_eq!(
///     table.notes()[0].to_string(),
///     r#"column "x": 239 of 240 cells are numbers; 1 is taken for missing: "unknown" in row 239"#
/// );
/// # std::fs::remove_file(&path).unwrap();
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Note {
    column: Option<String>,
    text: String,
}

impl Note {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self {
            column: None,
            text: text.into(),
        }
    }

    pub(crate) fn in_column(self, column: impl Into<String>) -> Self {
        Self {
            column: Some(column.into()),
            ..self
        }
    }

    /// The column that the note is about, if it is about one.
    #[must_use]
    pub fn column(&self) -> Option<&str> {
        self.column.as_deref()
    }

    /// What there is to say, without the column's name.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(column) = &self.column {
            write!(f, "column {column:?}: ")?;
        }
        f.write_str(&self.text)
    }
}
