//! Days and dates of the proleptic Gregorian calendar.
//!
//! The conversions follow Howard Hinnant, *chrono-Compatible Low-Level Date Algorithms* (2013):
//! years run from March, so that the leap day is the last of its year.

const MILLISECONDS_A_DAY: i64 = 86_400_000;

/// Year, month (1..=12) and day (1..=31) of a number of days since 1970-01-01.
pub(crate) fn date_of_days(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// Days since 1970-01-01 of a date, or `None` if there is no such date.
pub(crate) fn days_of_date(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
        return None;
    }
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// `2014-03-03`.
pub(crate) fn format_date(days: i64) -> String {
    let (year, month, day) = date_of_days(days);
    format!("{year:04}-{month:02}-{day:02}")
}

/// `2014-03-03T14:05:00` or, with a part of a second, `2014-03-03T14:05:00.250`.
pub(crate) fn format_datetime(milliseconds: i64) -> String {
    let date = format_date(milliseconds.div_euclid(MILLISECONDS_A_DAY));
    let rest = milliseconds.rem_euclid(MILLISECONDS_A_DAY);
    let (hours, minutes) = (rest / 3_600_000, rest / 60_000 % 60);
    let (seconds, thousandths) = (rest / 1_000 % 60, rest % 1_000);
    let time = format!("{hours:02}:{minutes:02}:{seconds:02}");
    if thousandths > 0 {
        format!("{date}T{time}.{thousandths:03}")
    } else {
        format!("{date}T{time}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_are_inverse_over_800_years() {
        let mut expected = days_of_date(1600, 1, 1).unwrap();
        for year in 1600..2400 {
            for month in 1..=12 {
                for day in 1..=days_in_month(year, month) {
                    assert_eq!(days_of_date(year, month, day), Some(expected));
                    assert_eq!(date_of_days(expected), (year, month, day));
                    expected += 1;
                }
            }
        }
        assert_eq!(days_of_date(1970, 1, 1), Some(0));
        assert_eq!(days_of_date(2023, 2, 29), None);
    }
}
