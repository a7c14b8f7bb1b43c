//! The cells of one column, as places in a text.

/// A cell's start is in the text of unescaped cells.
pub(crate) const UNESCAPED: u32 = 1 << 31;

/// Where a cell is: its first byte and the one after its last; an empty cell is missing.
pub(crate) type Bounds = (u32, u32);

/// The cells of one column of some records, which lie one after the other.
#[derive(Clone, Copy)]
pub(crate) struct Cut<'a> {
    text: &'a str,
    /// The cells that have quotes inside.
    unescaped: &'a str,
    bounds: &'a [Bounds],
    n_columns: usize,
    column: usize,
}

impl<'a> Cut<'a> {
    /// The cells at `column` of records that have `n_columns` cells each.
    pub(crate) fn new(
        text: &'a str,
        unescaped: &'a str,
        bounds: &'a [Bounds],
        n_columns: usize,
        column: usize,
    ) -> Self {
        Self {
            text,
            unescaped,
            bounds,
            n_columns,
            column,
        }
    }

    pub(super) fn len(self) -> usize {
        self.bounds.len() / self.n_columns
    }

    /// The bytes that bounds of cells without quotes inside are in.
    pub(super) fn bytes(self) -> &'a [u8] {
        self.text.as_bytes()
    }

    pub(super) fn bounds(self) -> impl Iterator<Item = Bounds> + Clone + 'a {
        let records = self.bounds.chunks_exact(self.n_columns);
        records.map(move |record| record[self.column])
    }

    /// The cell with these bounds.
    #[inline]
    pub(super) fn text(self, (start, end): Bounds) -> &'a str {
        let (text, start) = if start & UNESCAPED == 0 {
            (self.text, start)
        } else {
            (self.unescaped, start ^ UNESCAPED)
        };
        text.get(start as usize..end as usize).unwrap_or_default()
    }

    /// The cells, `None` if empty.
    pub(super) fn iter(self) -> impl Iterator<Item = Option<&'a str>> + Clone + 'a {
        self.bounds()
            .map(move |bounds| (bounds.0 != bounds.1).then(|| self.text(bounds)))
    }
}

/// The most cells, and about the most bytes, of [`Joined`] texts.
const AT_A_TIME: (usize, usize) = (1 << 16, 1 << 28);

/// Texts joined to what a [`Cut`] can be of.
#[derive(Debug, Default)]
pub(super) struct Joined {
    text: String,
    bounds: Vec<Bounds>,
}

impl Joined {
    pub(super) fn push(&mut self, cell: Option<&str>) {
        #[allow(clippy::cast_possible_truncation, reason = "it is full long before")]
        let place = |text: &String| text.len() as u32;
        let start = place(&self.text);
        self.text.push_str(cell.unwrap_or_default());
        self.bounds.push((start, place(&self.text)));
    }

    pub(super) fn len(&self) -> usize {
        self.bounds.len()
    }

    pub(super) fn is_full(&self) -> bool {
        self.bounds.len() >= AT_A_TIME.0 || self.text.len() >= AT_A_TIME.1
    }

    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.bounds.clear();
    }

    pub(super) fn cut(&self) -> Cut<'_> {
        Cut::new(&self.text, "", &self.bounds, 1, 0)
    }
}
