//! The crate's own sources, with the least around them that they need.
#![allow(dead_code, reason = "only parts of the sources are measured")]

#[path = "../../../../src/data"]
pub(crate) mod data {
    pub(crate) const MISSING_CODE: u32 = u32::MAX;

    pub(crate) struct Levels(pub(crate) Vec<String>);

    impl Levels {
        pub(crate) fn from_distinct(names: Vec<String>) -> Self {
            Self(names)
        }
    }

    pub(crate) mod calendar;
    pub(crate) mod interner;

    pub(crate) mod parse {
        mod cut;
        pub(crate) mod moment;
        pub(crate) use cut::{Bounds, Cut, UNESCAPED};
    }

    pub(crate) mod csv {
        use std::ops::ControlFlow;

        mod blocks;
        mod bytes;
        mod cells;

        mod source {
            pub(super) type Bytes<'a> = &'a [u8];
        }

        pub(crate) mod header {
            pub(crate) struct Header {
                pub(crate) names: Vec<String>,
                pub(crate) cells: Vec<String>,
            }
        }

        #[derive(Debug, Clone, Copy)]
        pub(crate) struct Dialect {
            pub(crate) separator: u8,
            pub(crate) quote: Option<u8>,
            pub(crate) n_skipped_lines: usize,
        }

        pub(crate) fn places<const N: usize>(bytes: &[u8], needles: [u8; N]) -> usize {
            let mut sum = 0;
            bytes::for_each_place(bytes, needles, |place, _| {
                sum ^= place;
                ControlFlow::Continue(())
            });
            sum
        }

        pub(crate) fn ends(bytes: &[u8], dialect: Dialect) -> usize {
            let mut sum = 0;
            blocks::for_each_end(bytes, dialect, |place| {
                sum ^= place;
                ControlFlow::Continue(())
            });
            sum
        }

        pub(crate) fn cut(
            bytes: &[u8],
            header: &header::Header,
            dialect: Dialect,
            room: &mut Vec<(u32, u32)>,
        ) -> usize {
            match cells::Cells::cut(bytes, header, dialect, room) {
                Ok(cells) => cells.n_rows(),
                Err(_) => unreachable!("records are well made"),
            }
        }
    }
}

pub(crate) mod error {
    #[derive(Debug)]
    pub(crate) struct Error;

    pub(crate) type Result<T> = std::result::Result<T, Error>;

    impl Error {
        pub(crate) fn data(_: impl Into<String>, _: impl Into<String>) -> Self {
            Self
        }

        pub(crate) fn unsupported(_: &str) -> Self {
            Self
        }

        pub(crate) fn parameter(_: &str, _: &str, _: impl Into<String>) -> Self {
            Self
        }

        pub(crate) fn in_row(self, _: usize) -> Self {
            self
        }

        pub(crate) fn with_remedy(self, _: &str) -> Self {
            self
        }
    }
}
