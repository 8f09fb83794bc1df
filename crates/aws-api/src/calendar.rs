//! The two ways HTTP and SigV4 write an instant, without time zones or a clock.
//!
//! `20130524T000000Z` is ISO 8601's basic form (`X-Amz-Date`); `Fri, 24 May 2013 00:00:00 GMT`
//! is RFC 9110's IMF-fixdate (`Date`). Both hold whole seconds.

use anabranch_types::Timestamp;

const SECONDS_PER_DAY: u64 = 86_400;
const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A day and a time of it, UTC. `month` and `day` count from 1.
struct Civil {
    year: u64,
    month: u64,
    day: u64,
    hour: u64,
    minute: u64,
    second: u64,
}

/// Prints `yyyymmddThhmmssZ`.
pub(crate) fn print_basic(instant: Timestamp) -> String {
    let at = civil(instant);
    format!("{:04}{:02}{:02}T{:02}{:02}{:02}Z", at.year, at.month, at.day, at.hour, at.minute, at.second)
}

/// Reads `yyyymmddThhmmssZ`; none when it is no instant since 1970.
pub(crate) fn read_basic(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    if bytes.len() != 16 || bytes[8] != b'T' || bytes[15] != b'Z' {
        return None;
    }
    instant(&Civil {
        year: number(&bytes[0..4])?,
        month: number(&bytes[4..6])?,
        day: number(&bytes[6..8])?,
        hour: number(&bytes[9..11])?,
        minute: number(&bytes[11..13])?,
        second: number(&bytes[13..15])?,
    })
}

/// Prints IMF-fixdate. Source: RFC 9110, 5.6.7.
pub(crate) fn print_http(instant: Timestamp) -> String {
    let at = civil(instant);
    let weekday = WEEKDAYS[(instant.as_secs() / SECONDS_PER_DAY % 7) as usize];
    let month = MONTHS[at.month as usize - 1];
    format!("{weekday}, {:02} {month} {:04} {:02}:{:02}:{:02} GMT", at.day, at.year, at.hour, at.minute, at.second)
}

/// Reads IMF-fixdate; none when it is no instant since 1970. The weekday is not compared.
pub(crate) fn read_http(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let shaped = bytes.len() == 29 && &bytes[3..5] == b", " && &bytes[25..] == b" GMT";
    if !shaped || [bytes[7], bytes[11], bytes[16]] != *b"   " || [bytes[19], bytes[22]] != *b"::" {
        return None;
    }
    let month = MONTHS.iter().position(|name| name.as_bytes() == &bytes[8..11])?;
    instant(&Civil {
        year: number(&bytes[12..16])?,
        month: month as u64 + 1,
        day: number(&bytes[5..7])?,
        hour: number(&bytes[17..19])?,
        minute: number(&bytes[20..22])?,
        second: number(&bytes[23..25])?,
    })
}

fn number(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0, |value, digit| digit.is_ascii_digit().then(|| value * 10 + u64::from(digit - b'0')))
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_of_month(year: u64, month: u64) -> u64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from year 1 to the start of `year`, in the proleptic Gregorian calendar.
fn days_before_year(year: u64) -> u64 {
    let past = year - 1;
    past * 365 + past / 4 - past / 100 + past / 400
}

fn instant(at: &Civil) -> Option<Timestamp> {
    if at.year < 1970 || !(1..=12).contains(&at.month) || at.day < 1 || at.day > days_of_month(at.year, at.month) {
        return None;
    }
    if at.hour > 23 || at.minute > 59 || at.second > 59 {
        return None;
    }
    let months: u64 = (1..at.month).map(|month| days_of_month(at.year, month)).sum();
    let days = days_before_year(at.year) - days_before_year(1970) + months + at.day - 1;
    let seconds = days * SECONDS_PER_DAY + at.hour * 3600 + at.minute * 60 + at.second;
    Some(Timestamp::from_millis(seconds * 1000))
}

fn civil(instant: Timestamp) -> Civil {
    let seconds = instant.as_secs();
    let days = seconds / SECONDS_PER_DAY + days_before_year(1970);
    // 146,097 days are 400 years; the quotient is at most one year off, either way.
    let mut year = days * 400 / 146_097 + 1;
    if days_before_year(year) > days {
        year -= 1;
    } else if days_before_year(year + 1) <= days {
        year += 1;
    }
    let mut day = days - days_before_year(year);
    let mut month = 1;
    while day >= days_of_month(year, month) {
        day -= days_of_month(year, month);
        month += 1;
    }
    let second = seconds % SECONDS_PER_DAY;
    Civil { year, month, day: day + 1, hour: second / 3600, minute: second / 60 % 60, second: second % 60 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_instants_print_in_both_forms() {
        let instant = Timestamp::from_millis(784_111_777_000);
        assert_eq!(print_http(instant), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(print_basic(instant), "19941106T084937Z");
        assert_eq!(print_basic(Timestamp::EPOCH), "19700101T000000Z");
        assert_eq!(print_http(Timestamp::EPOCH), "Thu, 01 Jan 1970 00:00:00 GMT");
    }

    #[test]
    fn every_day_of_five_centuries_reads_back_as_it_prints() {
        for day in 0..(500 * 366) {
            let instant = Timestamp::from_millis((day * SECONDS_PER_DAY + day % SECONDS_PER_DAY) * 1000);
            assert_eq!(read_basic(&print_basic(instant)), Some(instant), "day {day}");
            assert_eq!(read_http(&print_http(instant)), Some(instant), "day {day}");
        }
    }

    #[test]
    fn texts_that_are_no_instant_are_refused() {
        for bad in [
            "",
            "20130524T000000",
            "20130524 000000Z",
            "20130230T000000Z",
            "20131301T000000Z",
            "20130524T240000Z",
            "20130524T006000Z",
            "19691231T235959Z",
            "2013052\u{661}T00000Z",
            "+0130524T000000Z",
        ] {
            assert_eq!(read_basic(bad), None, "{bad}");
        }
        for bad in
            ["a", "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 06 Now 1994 08:49:37 GMT", "Sun, 31 Feb 1994 08:49:37 GMT"]
        {
            assert_eq!(read_http(bad), None, "{bad}");
        }
    }
}
