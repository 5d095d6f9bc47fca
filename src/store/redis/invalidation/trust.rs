//! How long the feed of announcements may be relied on. Time comes in, counted from any start.
//!
//! A check asks the clock for the number of the newest purge, at a time `t`. When all purges up to
//! that number have been heard of, what this process knows was complete at `t`, and whatever it
//! serves until [`RELIED_ON`] later is no older than that.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// So long after a complete check the feed is relied on: the bound of what a purge elsewhere may
/// take to be felt.
pub(in crate::store) const RELIED_ON: Duration = Duration::from_secs(1);
/// How often it is checked.
pub(in crate::store) const CHECKED_EVERY: Duration = Duration::from_millis(250);

/// Whether the feed is trusted, asked by everybody, set by who listens.
#[derive(Debug, Default)]
pub(in crate::store) struct Trust {
    /// In microseconds.
    until: AtomicU64,
    /// How often trust has begun.
    period: AtomicU64,
}

impl Trust {
    /// The number of this time of trust, if the feed is trusted at `now`.
    pub(in crate::store) fn period(&self, now: Duration) -> Option<u64> {
        let is_trusted = micros(now) < self.until.load(Ordering::Acquire);
        is_trusted.then(|| self.period.load(Ordering::Acquire))
    }

    /// All was known at the time `of`, as it turned out at `now`.
    pub(in crate::store) fn complete(&self, of: Duration, now: Duration) {
        if self.period(now).is_none() {
            self.period.fetch_add(1, Ordering::Release);
        }
        self.until.fetch_max(micros(of + RELIED_ON), Ordering::Release);
    }

    /// Something was missed, or may be.
    pub(in crate::store) fn lose(&self) {
        self.until.store(0, Ordering::Release);
    }
}

/// What checks have found so far.
#[derive(Debug, Default)]
pub(in crate::store) struct Checks {
    awaited: Option<u64>,
}

/// What a check finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Check {
    /// Every purge has been heard of.
    Complete,
    /// One has not, and may be on its way.
    Behind,
    /// One was missed.
    Missed,
    /// The clock has gone back: another server may be there than before.
    Back,
}

impl Checks {
    /// Judges a check: the newest purge heard of `before` the clock was asked and `after` it
    /// answered `now`.
    pub(in crate::store) fn judge(&mut self, before: u64, now: u64, after: u64) -> Check {
        let awaited = self.awaited.take();
        if now < before {
            return Check::Back;
        }
        if awaited.is_some_and(|awaited| after < awaited) {
            return Check::Missed;
        }
        if after < now {
            self.awaited = Some(now);
            return Check::Behind;
        }
        Check::Complete
    }
}

pub(in crate::store) fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Duration = Duration::from_secs(7);
    const ROUND: Duration = Duration::from_millis(3);

    #[test]
    fn trust_lasts_from_the_beginning_of_the_last_complete_check() {
        let trust = Trust::default();
        assert_eq!(trust.period(START), None);
        trust.complete(START, START + ROUND);
        let first = trust.period(START + ROUND);
        assert!(first.is_some());
        assert_eq!(trust.period(START + RELIED_ON / 2), first);
        assert_eq!(trust.period(START + RELIED_ON), None, "not from its end");
        trust.complete(START + CHECKED_EVERY, START + CHECKED_EVERY + ROUND);
        assert_eq!(trust.period(START + RELIED_ON), first, "it has gone on");
    }

    #[test]
    fn trust_that_was_lost_begins_anew() {
        let trust = Trust::default();
        trust.complete(START, START);
        let first = trust.period(START);
        trust.lose();
        assert_eq!(trust.period(START), None);
        trust.complete(START, START + ROUND);
        let second = trust.period(START + ROUND);
        assert!(second > first);
        let later = START + 2 * RELIED_ON;
        trust.complete(later, later);
        assert!(trust.period(later) > second, "it ran out in between");
        trust.complete(START, later);
        assert!(trust.period(later).is_some(), "an old check shortens nothing");
    }

    #[test]
    fn a_check_is_complete_when_the_newest_purge_was_heard_of() {
        let mut checks = Checks::default();
        assert_eq!(checks.judge(5, 5, 5), Check::Complete);
        assert_eq!(checks.judge(5, 6, 6), Check::Complete, "heard of while it was asked for");
        assert_eq!(checks.judge(6, 6, 7), Check::Complete, "purged after it was asked for");
    }

    #[test]
    fn one_check_may_be_behind_two_may_not() {
        let mut checks = Checks::default();
        assert_eq!(checks.judge(5, 6, 5), Check::Behind);
        assert_eq!(checks.judge(6, 6, 6), Check::Complete);
        assert_eq!(checks.judge(6, 8, 6), Check::Behind);
        assert_eq!(checks.judge(7, 9, 8), Check::Behind, "that came, and the next is awaited");
        assert_eq!(checks.judge(8, 9, 8), Check::Missed);
        assert_eq!(checks.judge(9, 9, 9), Check::Complete, "loaded anew");
    }

    #[test]
    fn a_clock_that_goes_back_is_noticed() {
        assert_eq!(Checks::default().judge(6, 5, 6), Check::Back);
    }
}
