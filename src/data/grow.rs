//! Columns that grow part by part, in the narrowest type that holds what there is so far.

use std::sync::Arc;

use crate::data::{Column, ColumnData, ColumnKind, Levels, MISSING_CODE, Number, for_each_numbers};

/// The cells of a column so far.
#[derive(Debug, Default)]
pub(super) struct Grow {
    cells: Cells,
    /// How many cells there may be in the end: an estimate, to make room for.
    expected: usize,
}

#[derive(Debug)]
enum Cells {
    Missing(usize),
    I8(Vec<i8>),
    I16(Vec<i16>),
    I32(Vec<i32>),
    I64(Vec<i64>),
    F32(Vec<f32>),
    F64(Vec<f64>),
    Codes(Vec<u32>),
}

impl Default for Cells {
    fn default() -> Self {
        Self::Missing(0)
    }
}

/// Types of numbers, integers first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Width {
    I8,
    I16,
    I32,
    I64,
    F32,
    F64,
}

impl Width {
    /// None if they are codes.
    pub(super) fn of(data: &ColumnData) -> Option<Self> {
        Some(match data {
            ColumnData::I8(_) => Self::I8,
            ColumnData::I16(_) => Self::I16,
            ColumnData::I32(_) => Self::I32,
            ColumnData::I64(_) => Self::I64,
            ColumnData::F32(_) => Self::F32,
            ColumnData::F64(_) => Self::F64,
            ColumnData::Codes(..) => return None,
        })
    }

    /// Bytes a cell.
    pub(super) fn bytes(self) -> usize {
        match self {
            Self::I8 => 1,
            Self::I16 => 2,
            Self::I32 | Self::F32 => 4,
            Self::I64 | Self::F64 => 8,
        }
    }
}

/// Runs one generic expression on numbers of any type, or gives something else.
macro_rules! of_numbers {
    ($cells:expr, $values:ident => $body:expr, else => $other:expr) => {
        match $cells {
            Cells::I8($values) => $body,
            Cells::I16($values) => $body,
            Cells::I32($values) => $body,
            Cells::I64($values) => $body,
            Cells::F32($values) => $body,
            Cells::F64($values) => $body,
            Cells::Missing(_) | Cells::Codes(_) => $other,
        }
    };
}

/// Appends to a vector that is to have `expected` values, or some more than it has.
fn room<T>(values: &mut Vec<T>, more: usize, expected: usize) {
    if values.capacity() - values.len() < more {
        let least = more.max(values.len() / 8);
        values.reserve_exact(least.max(expected.saturating_sub(values.len())));
    }
}

impl Grow {
    /// A column of numbers of this type, or of codes, that is to have `n_rows` cells; it has none.
    pub(super) fn of(width: Option<Width>, n_rows: usize) -> Self {
        let mut grow = Self {
            expected: n_rows,
            ..Self::default()
        };
        match width {
            Some(width) => grow.widen(width),
            None => grow.codes(&[], |code| code),
        }
        grow
    }

    pub(super) fn expect(&mut self, n_rows: usize) {
        self.expected = n_rows;
    }

    /// Appends missing cells.
    pub(super) fn missing(&mut self, n: usize) {
        let expected = self.expected;
        macro_rules! add {
            ($values:expr, $missing:expr) => {{
                room($values, n, expected);
                $values.extend(std::iter::repeat_n($missing, n));
            }};
        }
        match &mut self.cells {
            Cells::Missing(m) => *m += n,
            Cells::I8(values) => add!(values, i8::MIN),
            Cells::I16(values) => add!(values, i16::MIN),
            Cells::I32(values) => add!(values, i32::MIN),
            Cells::I64(values) => add!(values, i64::MIN),
            Cells::F32(values) => add!(values, f32::NAN),
            Cells::F64(values) => add!(values, f64::NAN),
            Cells::Codes(values) => add!(values, MISSING_CODE),
        }
    }

    /// Appends codes, each changed by `code`.
    pub(super) fn codes(&mut self, codes: &[u32], code: impl Fn(u32) -> u32) {
        if let Cells::Missing(n) = self.cells {
            let mut all = Vec::new();
            room(&mut all, n, self.expected);
            all.extend(std::iter::repeat_n(MISSING_CODE, n));
            self.cells = Cells::Codes(all);
        }
        if let Cells::Codes(all) = &mut self.cells {
            room(all, codes.len(), self.expected);
            all.extend(codes.iter().map(|&c| code(c)));
        }
    }

    /// Appends numbers of one column, in the narrowest type that holds them.
    ///
    /// If all numbers so far are whole, `is_whole`, no integer becomes a float.
    pub(super) fn numbers(&mut self, part: &ColumnData, is_whole: bool) {
        let Some(needed) = Width::of(part) else {
            return;
        };
        let width = match self.width() {
            None => needed,
            Some(width) => self.common(width, needed, part, is_whole),
        };
        self.widen(width);
        self.append(part);
    }

    /// Appends numbers if their type is none that comes after this column's.
    #[must_use]
    pub(super) fn numbers_within(&mut self, part: &ColumnData) -> bool {
        let fits = Width::of(part).is_some_and(|width| Some(width) <= self.width());
        if fits {
            self.append(part);
        }
        fits
    }

    /// Appends numbers that the type holds.
    fn append(&mut self, part: &ColumnData) {
        let expected = self.expected;
        macro_rules! add {
            ($values:expr, $t:ty) => {{
                let n = for_each_numbers!(part, part => part.len(), else => 0);
                room($values, n, expected);
                for_each_numbers!(part, part => $values.extend(part.iter().map(|&v| <$t>::of(v))), else => ())
            }};
        }
        match &mut self.cells {
            Cells::I8(values) => add!(values, i8),
            Cells::I16(values) => add!(values, i16),
            Cells::I32(values) => add!(values, i32),
            Cells::I64(values) => add!(values, i64),
            Cells::F32(values) => add!(values, f32),
            Cells::F64(values) => add!(values, f64),
            Cells::Missing(_) | Cells::Codes(_) => {}
        }
    }

    /// Makes floats, all of which are whole numbers, integers of 64 bits.
    pub(super) fn make_integers(&mut self) {
        if self.width() >= Some(Width::F32) {
            self.widen(Width::I64);
        }
    }

    /// Makes integers of 64 bits floats.
    pub(super) fn make_floats(&mut self) {
        if let Cells::I64(values) = &self.cells {
            let are_singles = are_singles(values);
            self.widen(if are_singles { Width::F32 } else { Width::F64 });
        }
    }

    fn width(&self) -> Option<Width> {
        match self.cells {
            Cells::I8(_) => Some(Width::I8),
            Cells::I16(_) => Some(Width::I16),
            Cells::I32(_) => Some(Width::I32),
            Cells::I64(_) => Some(Width::I64),
            Cells::F32(_) => Some(Width::F32),
            Cells::F64(_) => Some(Width::F64),
            Cells::Missing(_) | Cells::Codes(_) => None,
        }
    }

    /// The narrowest type for numbers of two types.
    fn common(&self, width: Width, needed: Width, part: &ColumnData, is_whole: bool) -> Width {
        let (low, high) = (width.min(needed), width.max(needed));
        if high <= Width::I64 || low == high {
            return high;
        }
        if is_whole && low == Width::I64 {
            return low;
        }
        let is_exact = || {
            if width == low {
                of_numbers!(&self.cells, values => are_singles(values), else => true)
            } else {
                for_each_numbers!(part, values => are_singles(values), else => true)
            }
        };
        if high == Width::F32 && (low <= Width::I16 || is_exact()) {
            Width::F32
        } else {
            Width::F64
        }
    }

    fn widen(&mut self, width: Width) {
        if self.width() == Some(width) {
            return;
        }
        let expected = self.expected;
        macro_rules! widened {
            ($variant:ident, $t:ty) => {{
                let mut all: Vec<$t> = Vec::new();
                match &self.cells {
                    Cells::Missing(n) => {
                        room(&mut all, *n, expected);
                        all.extend(std::iter::repeat_n(<$t>::of(f64::NAN), *n));
                    }
                    cells => of_numbers!(cells, values => {
                        room(&mut all, values.len(), expected);
                        all.extend(values.iter().map(|&v| <$t>::of(v)));
                    }, else => ()),
                }
                Cells::$variant(all)
            }};
        }
        self.cells = match width {
            Width::I8 => widened!(I8, i8),
            Width::I16 => widened!(I16, i16),
            Width::I32 => widened!(I32, i32),
            Width::I64 => widened!(I64, i64),
            Width::F32 => widened!(F32, f32),
            Width::F64 => widened!(F64, f64),
        };
    }

    /// The column; `levels` are those of its codes.
    pub(super) fn finish(self, kind: ColumnKind, levels: Arc<Levels>) -> Column {
        let data = match self.cells {
            Cells::Missing(n) => return missing_column(kind, n),
            Cells::I8(values) => ColumnData::I8(values.into()),
            Cells::I16(values) => ColumnData::I16(values.into()),
            Cells::I32(values) => ColumnData::I32(values.into()),
            Cells::I64(values) => ColumnData::I64(values.into()),
            Cells::F32(values) => ColumnData::F32(values.into()),
            Cells::F64(values) => ColumnData::F64(values.into()),
            Cells::Codes(codes) => ColumnData::Codes(codes.into(), levels),
        };
        Column::from_data(kind, data)
    }
}

fn missing_column(kind: ColumnKind, n: usize) -> Column {
    match kind {
        ColumnKind::Numeric => Column::integers(&vec![None; n]),
        ColumnKind::Categorical => Column::categorical(std::iter::repeat_n(None, n)),
        ColumnKind::Boolean => Column::boolean(&vec![None; n]),
        ColumnKind::Date => Column::dates(&vec![None; n]),
        ColumnKind::Datetime => Column::datetimes(&vec![None; n]),
    }
}

/// Whether each number is exact as `f32`.
#[allow(
    clippy::cast_possible_truncation,
    clippy::float_cmp,
    reason = "the cast is compared with what it came from"
)]
pub(super) fn are_singles<T: Number>(values: &[T]) -> bool {
    values.iter().all(|&v| {
        let value = v.to_f64();
        value.is_nan() || f64::from(value as f32) == value
    })
}

/// A number as an integer, if it is one or is known to be whole; none if missing.
trait Whole: Number {
    fn whole(self) -> Option<i64>;
}

/// A type that numbers, which fit in it, are brought to.
trait Storage: Copy {
    fn of(value: impl Whole) -> Self;
}

macro_rules! integers {
    ($($t:ty),*) => {$(
        impl Whole for $t {
            #[inline]
            fn whole(self) -> Option<i64> {
                (self != <$t>::MIN).then_some(i64::from(self))
            }
        }

        impl Storage for $t {
            #[inline]
            #[allow(clippy::cast_possible_truncation, reason = "the type holds the number")]
            #[allow(trivial_numeric_casts, reason = "one body for all integers")]
            fn of(value: impl Whole) -> Self {
                value.whole().map_or(<$t>::MIN, |value| value as $t)
            }
        }
    )*};
}
integers!(i8, i16, i32, i64);

macro_rules! floats {
    ($($t:ty),*) => {$(
        impl Whole for $t {
            #[inline]
            #[allow(clippy::cast_possible_truncation, reason = "a whole number in range")]
            fn whole(self) -> Option<i64> {
                (!self.is_nan()).then_some(self as i64)
            }
        }

        impl Storage for $t {
            #[inline]
            #[allow(clippy::cast_possible_truncation, reason = "the type holds the number")]
            fn of(value: impl Whole) -> Self {
                value.to_f64() as $t
            }
        }
    )*};
}
floats!(f32, f64);
