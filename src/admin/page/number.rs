//! Numbers for people: with units, and never with more digits than they are good for.

#![expect(clippy::cast_precision_loss, reason = "numbers are shown with three digits")]

use std::time::Duration;

/// What stands where there is no number.
pub(super) const NONE: &str = "–";

/// Digits in groups of three, with spaces that do not break.
pub(super) fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut shown = String::with_capacity(digits.len() * 2);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            shown.push('\u{202f}');
        }
        shown.push(digit);
    }
    shown
}

pub(super) fn optional(number: Option<u64>, show: fn(u64) -> String) -> String {
    number.map_or_else(|| NONE.to_owned(), show)
}

pub(super) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let (mut shown, mut unit) = (bytes as f64 / 1024.0, "KiB");
    for next in UNITS.into_iter().skip(1) {
        if shown < 1024.0 {
            break;
        }
        (shown, unit) = (shown / 1024.0, next);
    }
    format!("{} {unit}", digits(shown))
}

/// A time that was measured.
pub(super) fn time(time: Duration) -> String {
    let nanos = time.as_nanos() as f64;
    match time.as_secs() {
        0 if time.is_zero() => "0".to_owned(),
        0 if nanos < 1e3 => format!("{} ns", digits(nanos)),
        0 if nanos < 1e6 => format!("{} µs", digits(nanos / 1e3)),
        0 => format!("{} ms", digits(nanos / 1e6)),
        seconds @ 1..120 => {
            format!("{} s", digits(seconds as f64 + f64::from(time.subsec_nanos()) / 1e9))
        }
        seconds => span(seconds),
    }
}

/// How long something is ago, or took, in the two largest units.
pub(super) fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min {} s", seconds / 60, seconds % 60),
        7_200..172_800 => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

pub(super) fn percent(ratio: Option<f64>) -> String {
    ratio.map_or_else(|| NONE.to_owned(), |ratio| format!("{:.1} %", ratio * 100.0))
}

/// A rate per second.
pub(super) fn rate(per_second: f64) -> String {
    format!("{}/s", digits(per_second))
}

/// Three digits.
fn digits(number: f64) -> String {
    match number {
        ..10.0 => format!("{number:.2}"),
        ..100.0 => format!("{number:.1}"),
        _ => format!("{number:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_units_and_three_digits() {
        assert_eq!(count(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!((count(0), count(999)), ("0".to_owned(), "999".to_owned()));
        assert_eq!([bytes(1023), bytes(1024), bytes(3 << 30)], ["1023 B", "1.00 KiB", "3.00 GiB"]);
        let times = [0, 640, 12_340, 4_560_000, 12_000_000_000, 3_661_000_000_000];
        let times = times.map(|nanos| time(Duration::from_nanos(nanos)));
        assert_eq!(times, ["0", "640 ns", "12.3 µs", "4.56 ms", "12.0 s", "61 min 1 s"]);
        assert_eq!((percent(Some(0.9137)), percent(None)), ("91.4 %".to_owned(), NONE.to_owned()));
        assert_eq!(rate(0.25), "0.25/s");
        assert_eq!(span(200_000), "2 d 7 h");
    }
}
