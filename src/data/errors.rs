//! What an error can say once it knows the rows it is about.

use super::{RowIndex, Rows};
use crate::error::Error;

impl Error {
    /// Turns the row, a position among these rows, into the table's row.
    #[must_use]
    pub(crate) fn among(self, rows: RowIndex<'_>) -> Self {
        self.with_row(|row| if row < rows.len() { rows.row(row) } else { row })
    }

    /// The same error; if it is that of a model without features, with the reason why there is none
    /// of these rows, and what to do.
    #[must_use]
    pub(crate) fn explained_by(self, rows: Rows<'_>) -> Self {
        self.no_features_because(|| why_no_features(rows))
    }
}

/// Why rows gave no features, and what to do.
fn why_no_features(rows: Rows<'_>) -> String {
    const SHOWN: usize = 8;
    let list = |columns: Vec<String>| match columns.len() {
        n if n > SHOWN => format!("{} and {} more", columns[..SHOWN].join(", "), n - SHOWN),
        _ => columns.join(", "),
    };
    let features = rows.features().map(|(field, _)| field);
    let features: Vec<String> = features
        .map(|field| format!("{:?} ({})", field.name(), field.kind()))
        .collect();
    if !features.is_empty() {
        return format!(
            "the transformer makes none of the columns {}; let it select columns of their kinds, and \
             not only constant ones",
            list(features)
        );
    }
    let fields = rows.schema().fields().iter();
    let roles: Vec<String> = fields
        .map(|field| format!("{:?} ({})", field.name(), field.role()))
        .collect();
    if roles.is_empty() {
        return "the table has no column".to_owned();
    }
    format!(
        "no column of the table has the role of a feature, of {}; give it to one (Table::with_role)",
        list(roles)
    )
}
