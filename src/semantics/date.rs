//! Points in time and HTTP dates (RFC 9110 s.5.6.7). Time comes in as a value: nothing here asks a
//! clock.

use std::{
    ops::Add,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::fields::text;

/// The longest time a delta-seconds field can say (RFC 9111 s.1.2.2): 2^31 seconds.
pub(crate) const MAX_DELTA: Duration = Duration::from_secs(1 << 31);

/// A point in time, in milliseconds since the Unix epoch. All arithmetic saturates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The point `millis` milliseconds after the Unix epoch (before it, where negative).
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// The point `secs` seconds after the Unix epoch.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1000))
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// How long after `earlier` this is; zero where it is not after it.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0).max(0).unsigned_abs())
    }

    /// Reads any of the three date forms, whatever the case of day and month names.
    ///
    /// A date that is no date, or before 1970, is `None`.
    pub fn from_http_date(value: &[u8]) -> Option<Self> {
        let text = text(value)?.trim();
        parse(text).or_else(|| parse(&canonical_case(text))).map(Self::from)
    }

    /// Writes the date as an IMF-fixdate, to the second.
    pub fn to_http_date(self) -> String {
        // httpdate panics past the year 9999
        const LAST_SECOND_OF_9999: u64 = 253_402_300_799;
        let secs = u64::try_from(self.0 / 1000).unwrap_or(0).min(LAST_SECOND_OF_9999);
        httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(secs))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, after: Duration) -> Self {
        Self(self.0.saturating_add(millis(after)))
    }
}

/// A point on the monotonic clock of this process, in milliseconds since an arbitrary start. It means
/// nothing to another process. All arithmetic saturates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Monotonic(i64);

impl Monotonic {
    /// The point `millis` milliseconds after the start (before it, where negative).
    pub(crate) const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the start.
    pub(crate) const fn as_millis(self) -> i64 {
        self.0
    }

    /// How long after `earlier` this is; zero where it is not after it.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0).max(0).unsigned_abs())
    }

    /// The point this long before.
    #[cfg(any(test, feature = "redis"))]
    pub(crate) fn before(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(millis(span)))
    }
}

impl Add<Duration> for Monotonic {
    type Output = Self;

    fn add(self, after: Duration) -> Self {
        Self(self.0.saturating_add(millis(after)))
    }
}

/// Now, on both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    /// By the wall clock.
    pub(crate) date: Timestamp,
    /// By the monotonic clock.
    pub(crate) monotonic: Monotonic,
}

#[cfg(test)]
impl Moment {
    /// This date, on clocks that have gone alike.
    pub(crate) const fn of(date: Timestamp) -> Self {
        Self { date, monotonic: Monotonic::from_millis(date.as_millis()) }
    }
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

/// The Unix epoch, where the system cannot express the date.
impl From<Timestamp> for SystemTime {
    fn from(date: Timestamp) -> Self {
        let span = Duration::from_millis(date.0.unsigned_abs());
        let date =
            if date.0 < 0 { UNIX_EPOCH.checked_sub(span) } else { UNIX_EPOCH.checked_add(span) };
        date.unwrap_or(UNIX_EPOCH)
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        match time.duration_since(UNIX_EPOCH) {
            Ok(after) => Self(millis(after)),
            Err(before) => Self(-millis(before.duration())),
        }
    }
}

/// Names of days as the date forms write them: short in two of them, long in the third.
const DAY_NAMES: [[&str; 2]; 7] = [
    ["Mon", "Monday"],
    ["Tue", "Tuesday"],
    ["Wed", "Wednesday"],
    ["Thu", "Thursday"],
    ["Fri", "Friday"],
    ["Sat", "Saturday"],
    ["Sun", "Sunday"],
];

/// Reads a date whatever day of the week it names: the grammar wants a name, and no receiver is
/// asked to check it (RFC 9110 s.5.6.7).
fn parse(text: &str) -> Option<SystemTime> {
    if let Ok(time) = httpdate::parse_http_date(text) {
        return Some(time);
    }
    let end = text.find(|c: char| !c.is_ascii_alphabetic())?;
    let (named, rest) = text.split_at_checked(end)?;
    let form = (0..2).find(|form| DAY_NAMES.iter().any(|day| day.get(*form) == Some(&named)))?;
    // a leap second is a second of the grammar, which the parser does not know
    let rest = rest.replacen(":60 ", ":59 ", 1);
    let mut days = DAY_NAMES.iter().filter_map(|day| day.get(form));
    days.find_map(|day| httpdate::parse_http_date(&format!("{day}{rest}")).ok())
}

/// `sUN, 06 nOV 1994 08:49:37 gmt` with the capitals of `Sun, 06 Nov 1994 08:49:37 GMT`.
fn canonical_case(text: &str) -> String {
    let mut after_letter = false;
    let lower_tail = |c: char, after: bool| {
        if after { c.to_ascii_lowercase() } else { c.to_ascii_uppercase() }
    };
    let mut canonical: String = text
        .chars()
        .map(|c| {
            let cased = lower_tail(c, after_letter);
            after_letter = c.is_ascii_alphabetic();
            cased
        })
        .collect();
    if canonical.ends_with("Gmt") {
        canonical.truncate(canonical.len() - 3);
        canonical.push_str("GMT");
    }
    canonical
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: Timestamp = Timestamp::from_secs(784_111_777);

    #[test]
    fn dates_on_either_side_of_the_epoch_are_those_of_the_system() {
        let second = Duration::from_secs(1);
        for (millis, time) in
            [(0, UNIX_EPOCH), (1000, UNIX_EPOCH + second), (-1000, UNIX_EPOCH - second)]
        {
            assert_eq!(SystemTime::from(Timestamp::from_millis(millis)), time);
            assert_eq!(Timestamp::from(time), Timestamp::from_millis(millis));
        }
    }

    #[test]
    fn points_before_and_after_are_as_far_apart_as_said() {
        let (point, second) = (Monotonic::from_millis(5000), Duration::from_secs(1));
        assert_eq!(point.before(second), Monotonic::from_millis(4000));
        assert_eq!(point.since(point.before(second)), second);
        assert_eq!(point.before(second) + second, point);
        assert_eq!(
            Monotonic::from_millis(i64::MIN).before(second),
            Monotonic::from_millis(i64::MIN)
        );
    }

    #[test]
    fn reads_the_three_forms_and_any_case() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "sUN, 06 nOV 1994 08:49:37 gMT",
            "SUNDAY, 06-NOV-94 08:49:37 GMT",
            // no receiver is asked to check the day of the week
            "Mon, 06 Nov 1994 08:49:37 GMT",
            "saturday, 06-Nov-94 08:49:37 GMT",
            "Tue Nov  6 08:49:37 1994",
        ] {
            assert_eq!(Timestamp::from_http_date(text.as_bytes()), Some(EXAMPLE), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_date() {
        for text in [
            "",
            "0",
            "-1",
            "Sun, 06 Nov 1994 08:49:37",
            "Thu, 18 Aug 2050 02:01:18 UTC",
            "Xyz, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06 Nov 1994 08:49:37 GMT",
            "Sun, 31 Feb 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:61 GMT",
        ] {
            assert_eq!(Timestamp::from_http_date(text.as_bytes()), None, "{text}");
        }
        assert_eq!(Timestamp::from_http_date(b"\xff\xfe"), None);
    }

    #[test]
    fn reads_a_leap_second() {
        let value = b"Sat, 31 Dec 2016 23:59:60 GMT";
        let expected = Timestamp::from_secs(1_483_228_799);
        assert_eq!(Timestamp::from_http_date(value), Some(expected));
    }

    #[test]
    fn writes_imf_fixdate_and_never_panics() {
        assert_eq!(EXAMPLE.to_http_date(), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(
            Timestamp::from_millis(i64::MIN).to_http_date(),
            "Thu, 01 Jan 1970 00:00:00 GMT"
        );
        assert_eq!(
            Timestamp::from_millis(i64::MAX).to_http_date(),
            "Fri, 31 Dec 9999 23:59:59 GMT"
        );
    }

    #[test]
    fn arithmetic_saturates() {
        let first = Timestamp::from_millis(i64::MIN);
        let last = Timestamp::from_millis(i64::MAX);
        assert_eq!(first.since(last), Duration::ZERO);
        assert_eq!(last + Duration::MAX, last);
        assert!(last.since(first) > Duration::from_secs(1 << 40));
    }
}
