//! The order of levels, and the names of the columns that come out.

use crate::data::{DynTarget, Feature, Levels, UniqueNames};
use std::cmp::Ordering;

/// Puts codes in the order of their levels' names: by value if each is a finite number, else by
/// characters. The order of rows plays no part.
pub(super) fn sort_by_name(codes: &mut [u32], levels: &Levels) {
    let name = |code: u32| levels.name(code).unwrap_or_default();
    let values: Option<Vec<f64>> = codes
        .iter()
        .map(|&code| {
            name(code)
                .trim()
                .parse()
                .ok()
                .filter(|v: &f64| v.is_finite())
        })
        .collect();
    let by_name = |a: u32, b: u32| name(a).cmp(name(b));
    match values {
        Some(values) => {
            let mut pairs: Vec<(f64, u32)> =
                values.into_iter().zip(codes.iter().copied()).collect();
            pairs.sort_by(|a, b| match a.0.total_cmp(&b.0) {
                Ordering::Equal => by_name(a.1, b.1),
                order => order,
            });
            for (code, (_, sorted)) in codes.iter_mut().zip(pairs) {
                *code = sorted;
            }
        }
        None => codes.sort_by(|&a, &b| by_name(a, b)),
    }
}

/// One number an output of the target for each column: `column`, or `column_class`.
pub(super) fn output_fields<'a>(
    columns: impl Iterator<Item = &'a str>,
    target: &dyn DynTarget,
) -> Vec<Feature> {
    let mut names = UniqueNames::default();
    let mut fields = Vec::new();
    for column in columns {
        for output in 0..target.n_outputs() {
            let name = match target.output_name(output) {
                Some(class) => format!("{column}_{class}"),
                None => column.to_owned(),
            };
            fields.push(Feature::number(names.take(name)));
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(names: &[&str]) -> Vec<String> {
        let levels = Levels::new(names.iter().map(|&n| n.to_owned()).collect()).unwrap();
        let mut codes: Vec<u32> = (0..).take(names.len()).collect();
        sort_by_name(&mut codes, &levels);
        codes
            .iter()
            .map(|&c| levels.names()[c as usize].clone())
            .collect()
    }

    #[test]
    fn numbers_by_value_and_texts_by_characters() {
        assert_eq!(sorted(&["10", "9", "-1.5"]), ["-1.5", "9", "10"]);
        assert_eq!(sorted(&["10", "9", "x"]), ["10", "9", "x"]);
        assert_eq!(sorted(&["10", "9", "NaN"]), ["10", "9", "NaN"]);
    }
}
