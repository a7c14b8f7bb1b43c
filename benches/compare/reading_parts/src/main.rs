//! Parts of reading beside crates that do them: nanoseconds a byte or a text, the least of many
//! rounds in which all take turns.
//!
//! `cargo run --release [ROUNDS [PART]]`
use std::hint::black_box;
use std::time::Instant;

use jiff::civil::{Date, DateTime, Time};
use rustc_hash::FxHashMap;

mod numbers;
mod shim;

use numbers::{Joined, Plain, short_integer};
use shim::data::csv::header::Header;
use shim::data::csv::{Dialect, cut, ends, places};
use shim::data::interner::Interner;
use shim::data::parse::moment::{iso_date, iso_moment};
use shim::{data, error};

const ROWS: usize = 1_000;
/// As many rows as a part of a wide file has.
const PART: usize = 200;

/// Numbers that look drawn.
fn draw(i: usize, salt: usize) -> usize {
    let mut z = ((i << 20) + salt) as u64;
    z = (z ^ (z >> 30))
        .wrapping_mul(0xbf58_476d_1ce4_e5b9)
        .wrapping_add(0x9e37_79b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ (z >> 31)) as usize
}

fn texts(salt: usize, text: impl Fn(usize) -> String) -> Vec<String> {
    (0..10 * ROWS).map(|i| text(draw(i, salt))).collect()
}

fn cell(row: usize, column: usize) -> String {
    let d = draw(row, column);
    match column % 6 {
        0 => (d % 27).to_string(),
        1 => format!("{}.{:04}", d % 3, d / 7 % 10_000),
        2 => ["CA", "NJ", "TX", "IL", "Z"][d % 5].to_owned(),
        3 => format!("201{}-0{}-1{}", d % 10, d / 10 % 9 + 1, d / 100 % 10),
        4 => (d % 1_000_000_000_000).to_string(),
        _ if column == 5 => format!("\"{}, {}\"", ["a", "b"][d % 2], d / 2 % 3_000),
        _ => ["true", "false"][d % 2].to_owned(),
    }
}

const PLAIN: Plain = Plain {
    decimal: b'.',
    has_plain_decimals: true,
};

fn float(value: Option<f64>) -> u64 {
    value.map_or(0, f64::to_bits)
}

/// Milliseconds since 1970.
fn ms(at: DateTime) -> u64 {
    const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
    at.duration_since(EPOCH).as_millis() as u64
}

type Run<'a> = (
    &'static str,
    &'static str,
    usize,
    Box<dyn FnMut() -> u64 + 'a>,
);

fn main() {
    let mut args = std::env::args().skip(1);
    let n_rounds: usize = args
        .next()
        .map_or(101, |n| n.parse().expect("a number of rounds"));
    let only = args.next().unwrap_or_default();

    let names: Vec<String> = (0..60).map(|i| format!("c{i}")).collect();
    let record = |row| -> String {
        let cells: Vec<String> = (0..60).map(|column| cell(row, column)).collect();
        cells.join(",") + "\n"
    };
    let file: String = (0..ROWS).map(record).collect();
    let (file, n) = (file.as_bytes(), file.len());
    let header = Header {
        cells: names.clone(),
        names,
    };
    let dialect = Dialect {
        separator: b',',
        quote: Some(b'"'),
        n_skipped_lines: 0,
    };

    let integers = Joined::of(&texts(1, |d| (d % 27).to_string()));
    let long_integers = Joined::of(&texts(2, |d| {
        (d % 900_000_000_000 + 100_000_000_000).to_string()
    }));
    let decimals = Joined::of(&texts(3, |d| format!("{}.{:04}", d % 3, d / 7 % 10_000)));
    let long_decimals = Joined::of(&texts(4, |d| {
        format!("{}", (d >> 11) as f64 / (1_u64 << 50) as f64)
    }));
    let dates = texts(5, |d| {
        format!("201{}-0{}-1{}", d % 10, d / 10 % 9 + 1, d / 100 % 10)
    });
    let moments: Vec<String> = (dates.iter().enumerate())
        .map(|(i, date)| format!("{date}T{:02}:{:02}:{:02}", i % 24, i % 60, i / 7 % 60))
        .collect();
    let fractions: Vec<String> = (moments.iter().enumerate())
        .map(|(i, at)| {
            format!(
                "{}.{:06}+01:00",
                at.replace('T', " "),
                i * 7_919 % 1_000_000
            )
        })
        .collect();
    let few = texts(6, |d| ["CA", "NJ", "TX", "IL", "Z"][d % 5].to_owned());
    let many = texts(7, |d| format!("{}, {}", ["a", "b"][d % 2], d / 2 % 3_000));
    let long = texts(8, |d| {
        format!("a text of more than 16 bytes: {}", d % 3_000)
    });

    let mut runs: Vec<Run<'_>> = Vec::new();
    let mut add = |part, way, n, run| runs.push((part, way, n, run));

    macro_rules! bytes {
        ($part:expr, $way:expr, $sum:expr) => {
            add($part, $way, n, Box::new(move || $sum as u64));
        };
    }
    let xor = |sum: usize, place: usize| sum ^ place;
    bytes!("places of , and \\n", "ours", places(file, [b',', b'\n']));
    bytes!(
        "places of , and \\n",
        "memchr",
        memchr::memchr2_iter(b',', b'\n', file).fold(0, xor)
    );
    bytes!(
        "places of , \\n and \"",
        "ours",
        places(file, [b',', b'\n', b'"'])
    );
    bytes!(
        "places of , \\n and \"",
        "memchr",
        memchr::memchr3_iter(b',', b'\n', b'"', file).fold(0, xor)
    );
    bytes!("places of \\n and \"", "ours", places(file, [b'\n', b'"']));
    bytes!(
        "places of \\n and \"",
        "memchr",
        memchr::memchr2_iter(b'\n', b'"', file).fold(0, xor)
    );
    bytes!("places of \\n", "ours", places(file, [b'\n']));
    bytes!(
        "places of \\n",
        "memchr",
        memchr::memchr_iter(b'\n', file).fold(0, xor)
    );
    bytes!("is there a |", "std", file.contains(&b'|'));
    bytes!(
        "is there a |",
        "memchr",
        memchr::memchr(b'|', file).is_some()
    );

    let (mut room, mut room_too) = (Vec::new(), Vec::new());
    let (mut cells, mut ends_of) = (vec![0; 2 * n], vec![0; 2 * n]);
    let header = &header;
    bytes!("records: tiles, UTF-8, bounds of cells", "ours", {
        ends(file, dialect) + file.len() + 60 * cut(file, header, dialect, &mut room)
    });
    bytes!("records: tiles, UTF-8, bounds of cells", "simd-csv", {
        let tiles = ends(file, dialect) + std::str::from_utf8(file).map_or(0, str::len);
        let mut reader = simd_csv::ZeroCopyReaderBuilder::new()
            .has_headers(false)
            .from_reader(file);
        room_too.clear();
        let mut start = 0;
        while let Ok(Some(record)) = reader.read_byte_record() {
            for cell in record.iter() {
                room_too.push((start, start + cell.len() as u32));
                start += cell.len() as u32 + 1;
            }
        }
        tiles + room_too.len()
    });
    bytes!("records: tiles, UTF-8, bounds of cells", "csv-core", {
        let tiles = ends(file, dialect) + std::str::from_utf8(file).map_or(0, str::len);
        let mut reader = csv_core::Reader::new();
        let (mut rest, mut at, mut n_ends) = (file, 0, 0);
        loop {
            let (result, n_in, n_out, n_cells) =
                reader.read_record(rest, &mut cells[at..], &mut ends_of[n_ends..]);
            (rest, at, n_ends) = (&rest[n_in..], at + n_out, n_ends + n_cells);
            if result == csv_core::ReadRecordResult::End {
                break tiles + n_ends;
            }
        }
    });

    macro_rules! each {
        ($part:expr, $texts:expr, $way:expr, |$text:ident| $value:expr) => {
            let texts = &$texts;
            let value = |text: &String| {
                let $text = text.as_str();
                ($value) as u64
            };
            add(
                $part,
                $way,
                texts.len(),
                Box::new(move || texts.iter().map(value).fold(0, u64::wrapping_add)),
            );
        };
    }
    macro_rules! numbers {
        ($part:expr, $joined:expr, $way:expr, |$bytes:ident, $text:ident, $bounds:ident| $value:expr) => {
            let Joined { text, bounds } = &$joined;
            let value = |&(start, end): &(u32, u32)| {
                let ($bytes, $bounds) = (text.as_bytes(), (start, end));
                let $text = &text[start as usize..end as usize];
                ($value) as u64
            };
            add(
                $part,
                $way,
                bounds.len(),
                Box::new(move || bounds.iter().map(value).fold(0, u64::wrapping_add)),
            );
        };
    }
    let part = "integers of 1 or 2 digits";
    numbers!(part, integers, "ours", |bytes, _t, at| short_integer(
        bytes, at.0, at.1
    )
    .unwrap_or(0));
    numbers!(part, integers, "std", |_b, text, _at| text
        .parse::<i64>()
        .unwrap_or(0));
    numbers!(part, integers, "atoi_simd", |_b, text, _at| {
        atoi_simd::parse::<i64, false, false>(text.as_bytes()).unwrap_or(0)
    });
    let part = "integers of 12 digits";
    numbers!(part, long_integers, "std", |_b, text, _at| text
        .parse::<i64>()
        .unwrap_or(0));
    numbers!(part, long_integers, "atoi_simd", |_b, text, _at| {
        atoi_simd::parse::<i64, false, false>(text.as_bytes()).unwrap_or(0)
    });
    let part = "decimals of 5 digits";
    numbers!(part, decimals, "ours", |bytes, _t, at| float(
        PLAIN.short_decimal(bytes, at.0, at.1)
    ));
    numbers!(part, decimals, "std", |_b, text, _at| float(
        text.parse().ok()
    ));
    numbers!(part, decimals, "fast-float2", |_b, text, _at| float(
        fast_float2::parse(text).ok()
    ));
    let part = "decimals of 16 digits";
    numbers!(part, long_decimals, "std", |_b, text, _at| float(
        text.parse().ok()
    ));
    numbers!(part, long_decimals, "fast-float2", |_b, text, _at| float(
        fast_float2::parse(text).ok()
    ));

    each!("dates", dates, "ours", |t| iso_date(t).unwrap_or(0));
    each!("dates", dates, "jiff", |t| {
        t.parse()
            .map_or(0, |date: Date| ms(date.to_datetime(Time::midnight())))
    });
    each!("dates", dates, "chrono", |t| {
        let date = t.parse::<chrono::NaiveDate>().unwrap_or_default();
        date.and_time(chrono::NaiveTime::MIN)
            .and_utc()
            .timestamp_millis() as u64
    });
    each!("moments", moments, "ours", |t| iso_moment(t).unwrap_or(0));
    each!("moments", moments, "jiff", |t| t.parse().map_or(0, ms));
    each!("moments", moments, "chrono", |t| {
        let at = t.parse::<chrono::NaiveDateTime>().unwrap_or_default();
        at.and_utc().timestamp_millis() as u64
    });
    each!(
        "moments with fractions and offsets",
        fractions,
        "ours",
        |t| iso_moment(t).unwrap_or(0)
    );
    each!(
        "moments with fractions and offsets",
        fractions,
        "jiff",
        |t| {
            t.parse::<jiff::Timestamp>()
                .map_or(0, |at| at.as_millisecond() as u64)
        }
    );
    each!(
        "moments with fractions and offsets",
        fractions,
        "chrono",
        |t| {
            let at = t
                .parse::<chrono::DateTime<chrono::FixedOffset>>()
                .unwrap_or_default();
            at.timestamp_millis() as u64
        }
    );

    for (part, texts, size) in [
        ("names: 5, by parts", &few, PART),
        ("names: 5, at once", &few, usize::MAX),
        ("names: 6,000, by parts", &many, PART),
        ("names: 6,000, at once", &many, usize::MAX),
        ("names: 3,000 long ones, by parts", &long, PART),
        ("names: 3,000 long ones, at once", &long, usize::MAX),
    ] {
        let size = size.min(texts.len());
        let interned = move || {
            let mut sum = 0;
            for cells in texts.chunks(size) {
                let mut interner = Interner::default();
                let codes: Vec<u32> = cells.iter().map(|text| interner.code(text)).collect();
                sum += codes.iter().map(|&code| u64::from(code)).sum::<u64>();
                sum += interner.into_levels().0.len() as u64;
            }
            sum
        };
        add(
            part,
            "ours, on hashbrown's HashTable",
            texts.len(),
            Box::new(interned),
        );
        let mapped = move || {
            let mut sum = 0;
            for cells in texts.chunks(size) {
                let mut codes_of: FxHashMap<&str, u32> = FxHashMap::default();
                let mut names = Vec::new();
                let mut code = |text| {
                    *codes_of.entry(text).or_insert_with(|| {
                        names.push(String::from(text));
                        names.len() as u32 - 1
                    })
                };
                let codes: Vec<u32> = cells.iter().map(|text| code(text.as_str())).collect();
                sum += codes.iter().map(|&code| u64::from(code)).sum::<u64>();
                sum += names.len() as u64;
            }
            sum
        };
        add(part, "std's HashMap of &str", texts.len(), Box::new(mapped));
    }

    runs.retain(|run| run.0.contains(&only));
    let mut least = vec![f64::INFINITY; runs.len()];
    let mut found = vec![0; runs.len()];
    for _ in 0..n_rounds {
        for (i, (_, _, n, run)) in runs.iter_mut().enumerate() {
            let start = Instant::now();
            found[i] = black_box(run());
            least[i] = least[i].min(start.elapsed().as_secs_f64() / *n as f64 * 1e9);
        }
    }
    for (i, (part, way, ..)) in runs.iter().enumerate() {
        // All ways of a part come to one result.
        let other = runs.iter().position(|run| run.0 == *part).unwrap_or(i);
        let mark = if found[i] == found[other] {
            ""
        } else {
            "  another result"
        };
        println!("{part:40} {way:32} {:8.3} ns{mark}", least[i]);
    }
}
