//! For how long announcements may be trusted. Time comes in, counted from any start.
//!
//! # The problem
//!
//! An entry in memory may be used without asking Redis, as long as the process would have been told of a
//! purge. But a subscription can be silent for two reasons: nothing was purged, or messages do not
//! arrive any more (a connection that hangs, a server that was replaced, a user who may not publish).
//! A process that takes the second for the first serves purged responses for as long as it likes.
//!
//! # The algorithm
//!
//! Every [`CHECK_INTERVAL`] the process asks the [logical clock](super::logical_clock) for the number of
//! the newest purge, beginning at a time `t`. When all purges up to that number have been received, what
//! the process knows was complete at `t`. Until [`TRUSTED_FOR`] after `t`, counted from the beginning
//! of the check and not from its end, it uses entries in memory without asking; that is the most that a
//! purge elsewhere takes to be felt. One check may find a purge that is still on its way; if the next
//! one finds it missing still, it was missed and has to be loaded.
//!
//! ```text
//!             t              answered            t + TRUSTED_FOR
//! process     │── newest? ──────│ complete: trusted ──│ not trusted: asks Redis for every entry
//! Redis              7
//! messages   7 ·
//! purge                         8 (its message is lost) is felt at the latest here
//! ```
//!
//! Trust that has ended begins a new *period* with the next complete check. Entries in memory belong to
//! the period in which they were kept, since what was missed between two periods may concern them.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// How long announcements are trusted after a complete check began.
pub(in crate::store) const TRUSTED_FOR: Duration = Duration::from_secs(1);
/// The time from one check to the next.
pub(in crate::store) const CHECK_INTERVAL: Duration = Duration::from_millis(250);

/// Whether announcements are trusted: asked by all threads, set by the subscription.
#[derive(Debug, Default)]
pub(super) struct Trust {
    /// In microseconds.
    until: AtomicU64,
    /// How often trust has begun.
    period: AtomicU64,
}

impl Trust {
    /// The number of the period of trust, if there is trust at `now`.
    pub(super) fn period(&self, now: Duration) -> Option<u64> {
        let is_trusted = micros(now) < self.until.load(Ordering::Acquire);
        is_trusted.then(|| self.period.load(Ordering::Acquire))
    }

    /// A check that `begun` then has turned out complete at `now`.
    pub(super) fn extend(&self, begun: Duration, now: Duration) {
        if self.period(now).is_none() {
            self.period.fetch_add(1, Ordering::Release);
        }
        self.until.fetch_max(micros(begun + TRUSTED_FOR), Ordering::Release);
    }

    /// Something was missed, or may be.
    pub(super) fn end(&self) {
        self.until.store(0, Ordering::Release);
    }
}

/// A question to the logical clock, and its answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Check {
    /// When it was asked.
    pub(super) begun: Duration,
    /// Up to which number all purges were known when it was asked.
    pub(super) known_before: u64,
    /// What it answered: the number of the newest purge.
    pub(super) newest: u64,
}

/// What one subscription has found by its checks so far.
#[derive(Debug, Default)]
pub(super) struct Checks {
    /// The purge that the last check found missing.
    awaited: Option<u64>,
}

/// What a check finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CheckResult {
    /// Every purge has been received.
    Complete,
    /// One has not, and may be on its way.
    Behind,
    /// One was missed.
    Missed,
    /// The clock has gone back: another server may be there than before.
    WentBack,
}

impl Checks {
    /// What a check finds, where all purges up to the number `known_after` are known by now.
    pub(super) fn result(&mut self, check: Check, known_after: u64) -> CheckResult {
        let awaited = self.awaited.take();
        if check.newest < check.known_before {
            return CheckResult::WentBack;
        }
        if awaited.is_some_and(|awaited| known_after < awaited) {
            return CheckResult::Missed;
        }
        if known_after < check.newest {
            self.awaited = Some(check.newest);
            return CheckResult::Behind;
        }
        CheckResult::Complete
    }
}

/// A span of time in whole microseconds.
pub(in crate::store) fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Duration = Duration::from_secs(7);
    const ROUND_TRIP: Duration = Duration::from_millis(3);

    fn check(known_before: u64, newest: u64) -> Check {
        Check { begun: START, known_before, newest }
    }

    #[test]
    fn trust_lasts_from_the_beginning_of_the_last_complete_check() {
        let trust = Trust::default();
        assert_eq!(trust.period(START), None);
        trust.extend(START, START + ROUND_TRIP);
        let first = trust.period(START + ROUND_TRIP);
        assert!(first.is_some());
        assert_eq!(trust.period(START + TRUSTED_FOR / 2), first);
        assert_eq!(trust.period(START + TRUSTED_FOR), None, "not from its end");
        trust.extend(START + CHECK_INTERVAL, START + CHECK_INTERVAL + ROUND_TRIP);
        assert_eq!(trust.period(START + TRUSTED_FOR), first, "it has gone on");
    }

    #[test]
    fn trust_that_has_ended_begins_a_new_period() {
        let trust = Trust::default();
        trust.extend(START, START);
        let first = trust.period(START);
        trust.end();
        assert_eq!(trust.period(START), None);
        trust.extend(START, START + ROUND_TRIP);
        let second = trust.period(START + ROUND_TRIP);
        assert!(second > first);
        let later = START + 2 * TRUSTED_FOR;
        trust.extend(later, later);
        assert!(trust.period(later) > second, "it ran out in between");
        trust.extend(START, later);
        assert!(trust.period(later).is_some(), "an old check shortens nothing");
    }

    #[test]
    fn check_is_complete_when_the_newest_purge_was_received() {
        let mut checks = Checks::default();
        assert_eq!(checks.result(check(5, 5), 5), CheckResult::Complete);
        assert_eq!(checks.result(check(5, 6), 6), CheckResult::Complete, "received meanwhile");
        assert_eq!(checks.result(check(6, 6), 7), CheckResult::Complete, "purged after it");
    }

    #[test]
    fn one_check_may_be_behind_two_may_not() {
        let mut checks = Checks::default();
        assert_eq!(checks.result(check(5, 6), 5), CheckResult::Behind);
        assert_eq!(checks.result(check(6, 6), 6), CheckResult::Complete);
        assert_eq!(checks.result(check(6, 8), 6), CheckResult::Behind);
        let next = checks.result(check(7, 9), 8);
        assert_eq!(next, CheckResult::Behind, "that came, and the next is awaited");
        assert_eq!(checks.result(check(8, 9), 8), CheckResult::Missed);
        assert_eq!(checks.result(check(9, 9), 9), CheckResult::Complete, "loaded anew");
    }

    #[test]
    fn clock_that_goes_back_is_noticed() {
        assert_eq!(Checks::default().result(check(6, 5), 6), CheckResult::WentBack);
    }
}
