//! Tables of text, as reports print them.

use std::fmt;

/// How the cells of a column stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    /// All to the left.
    Left,
    /// Those of the first column to the left, others to the right: numbers.
    Right,
}

/// Lines of as many cells each, two blanks between columns that are as wide as their widest cell.
pub(crate) fn write_table(
    f: &mut fmt::Formatter<'_>,
    align: Align,
    lines: &[Vec<String>],
) -> fmt::Result {
    let n_columns = lines.first().map_or(0, Vec::len);
    let width = |cell: &String| cell.chars().count();
    let widest = |c: usize| lines.iter().map(|line| width(&line[c])).max();
    let widths: Vec<usize> = (0..n_columns).map(|c| widest(c).unwrap_or(0)).collect();
    for line in lines {
        let mut text = String::new();
        for (c, (cell, &wide)) in line.iter().zip(&widths).enumerate() {
            if c > 0 {
                text.push_str("  ");
            }
            let blanks = " ".repeat(wide - width(cell));
            let (before, after) = match align {
                Align::Right if c > 0 => (blanks.as_str(), ""),
                _ => ("", blanks.as_str()),
            };
            text.extend([before, cell, after]);
        }
        writeln!(f, "{}", text.trim_end())?;
    }
    Ok(())
}
