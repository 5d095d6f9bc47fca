//! `Span`: a length of time in four bytes.

use std::time::Duration;

/// How many milliseconds are told apart: up to 24 days.
const EXACT: u32 = EXACT_SECONDS * 1000;
/// The same in seconds.
const EXACT_SECONDS: u32 = 2_147_483;

/// A length of time: in milliseconds up to 24 days, beyond that in seconds up to 68 years, the longest
/// that a header can state. What is finer or longer is cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span(u32);

impl From<Duration> for Span {
    fn from(time: Duration) -> Self {
        if let Ok(millis @ ..EXACT) = u32::try_from(time.as_millis()) {
            return Self(millis);
        }
        let beyond = time.as_secs().saturating_sub(EXACT_SECONDS.into());
        Self(u32::try_from(beyond).map_or(u32::MAX, |seconds| EXACT.saturating_add(seconds)))
    }
}

impl From<Span> for Duration {
    fn from(Span(number): Span) -> Self {
        match number.checked_sub(EXACT) {
            None => Self::from_millis(number.into()),
            Some(beyond) => Self::from_secs(u64::from(beyond) + u64::from(EXACT_SECONDS)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::semantics::date::MAX_DELTA;

    fn kept(time: Duration) -> Duration {
        Span::from(time).into()
    }

    #[test]
    fn milliseconds_are_kept_for_days_and_seconds_for_decades() {
        let day = Duration::from_secs(24 * 60 * 60);
        let milli = Duration::from_millis(1);
        for time in [Duration::ZERO, milli, day + milli, 24 * day + milli, 365 * day, MAX_DELTA] {
            assert_eq!(kept(time), time);
        }
        assert_eq!(kept(365 * day + milli), 365 * day);
        assert_eq!(kept(Duration::from_nanos(999_999)), Duration::ZERO);
        assert!(kept(Duration::MAX) >= MAX_DELTA);
    }

    #[test]
    fn no_span_becomes_longer_or_overtakes_another() {
        let millis = |millis: u64| Duration::from_millis(millis);
        let edge = u64::from(EXACT);
        let spans = (edge - 3000..edge + 3000).map(|n| (millis(n), kept(millis(n))));
        let spans: Vec<_> = spans.collect();
        assert!(spans.iter().all(|(given, kept)| kept <= given && *given < *kept + millis(1000)));
        assert!(spans.is_sorted_by_key(|(_, kept)| *kept));
    }
}
