//! A circuit breaker: after failures in a row the store is not called, so that an outage costs a
//! request nothing. It does no I/O and asks no clock: time comes in, counted from any start.

use std::{
    hash::{BuildHasher, RandomState},
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
    time::Duration,
};

/// So many failures in a row open the breaker: more than one lost connection takes with it, few
/// enough that an outage is noticed by a handful of requests.
pub(crate) const FAILURES_TO_OPEN: u32 = 5;
/// How long after it opened the first probe is let through; each further one waits twice as long.
pub(crate) const FIRST_PROBE: Duration = Duration::from_millis(100);
/// The longest wait between two probes, jitter included: recovery is noticed within it.
pub(crate) const MAX_WAIT: Duration = Duration::from_secs(1);

/// Lets operations through, or not.
#[derive(Debug, Default)]
pub(crate) struct Breaker {
    failures: AtomicU32,
    /// When the next probe may go, in microseconds; 0 while closed.
    next_probe: AtomicU64,
    /// How many have gone; many operations can fail between two.
    probes: AtomicU32,
}

/// What the outcome of an operation changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// The breaker opened: operations fail at once from now on.
    Opened,
    /// The breaker closed: a probe came back.
    Closed,
}

impl Breaker {
    /// Whether an operation may go ahead at `now`. While open, one at a time does, as a probe.
    pub(crate) fn admits(&self, now: Duration) -> bool {
        let next = self.next_probe.load(Ordering::Relaxed);
        if next == 0 {
            return true;
        }
        let now = micros(now);
        if now < next {
            return false;
        }
        // a probe may be dropped without an outcome: the next one goes when this one is overdue
        let overdue = now.saturating_add(micros(MAX_WAIT));
        let is_due = self
            .next_probe
            .compare_exchange(next, overdue, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok();
        if is_due {
            self.probes.fetch_add(1, Ordering::Relaxed);
        }
        is_due
    }

    /// Whether operations are being refused, probes aside.
    pub(crate) fn is_open(&self) -> bool {
        self.next_probe.load(Ordering::Relaxed) != 0
    }

    /// An operation was answered.
    pub(crate) fn succeeded(&self) -> Option<Change> {
        if self.failures.load(Ordering::Relaxed) != 0 {
            self.failures.store(0, Ordering::Relaxed);
        }
        if !self.is_open() {
            return None;
        }
        self.probes.store(0, Ordering::Relaxed);
        let was_open = self.next_probe.swap(0, Ordering::Relaxed) != 0;
        was_open.then_some(Change::Closed)
    }

    /// An operation failed at `now`.
    pub(crate) fn failed(&self, now: Duration) -> Option<Change> {
        let failures = self.failures.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        if failures < FAILURES_TO_OPEN {
            return None;
        }
        let wait = jittered(backoff(self.probes.load(Ordering::Relaxed)));
        let next = micros(now).saturating_add(micros(wait)).max(1);
        let was_closed = self.next_probe.swap(next, Ordering::Relaxed) == 0;
        was_closed.then_some(Change::Opened)
    }
}

/// The wait for the next probe after this number of probes, without jitter.
pub(crate) fn backoff(probes: u32) -> Duration {
    FIRST_PROBE.saturating_mul(1 << probes.min(16)).min(MAX_WAIT)
}

/// Between three quarters of `wait` and all of it, so that a fleet does not probe in step.
pub(crate) fn jittered(wait: Duration) -> Duration {
    let random = u32::try_from(RandomState::new().hash_one(()) % 1024).unwrap_or(0);
    wait * 3 / 4 + wait / 4 * random / 1024
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Duration = Duration::from_secs(7);

    fn opened() -> Breaker {
        let breaker = Breaker::default();
        for _ in 1..FAILURES_TO_OPEN {
            assert_eq!(breaker.failed(START), None);
        }
        assert_eq!(breaker.failed(START), Some(Change::Opened));
        breaker
    }

    #[test]
    fn it_opens_after_failures_in_a_row_only() {
        let breaker = Breaker::default();
        for _ in 0..FAILURES_TO_OPEN * 3 {
            assert_eq!(breaker.failed(START), None);
            assert_eq!(breaker.succeeded(), None);
        }
        assert!(breaker.admits(START) && !breaker.is_open());
        assert!(!opened().admits(START));
    }

    #[test]
    fn one_probe_at_a_time_and_its_success_closes() {
        let breaker = opened();
        assert!(!breaker.admits(START + FIRST_PROBE / 2));
        let later = START + FIRST_PROBE;
        assert!(breaker.admits(later));
        assert!(!breaker.admits(later), "the first probe is still out");
        assert_eq!(breaker.succeeded(), Some(Change::Closed));
        assert!(breaker.admits(later));
        assert_eq!(breaker.succeeded(), None, "closed once");
    }

    #[test]
    fn a_lost_probe_is_followed_by_another() {
        let breaker = opened();
        let later = START + FIRST_PROBE;
        assert!(breaker.admits(later));
        assert!(!breaker.admits(later + MAX_WAIT / 2));
        assert!(breaker.admits(later + MAX_WAIT));
    }

    #[test]
    fn waits_grow_to_a_bound_and_say_opened_once() {
        let breaker = opened();
        let mut now = START;
        for _ in 0..40 {
            now += MAX_WAIT;
            assert!(breaker.admits(now), "no wait is longer than the bound");
            assert_eq!(breaker.failed(now), None);
            assert!(!breaker.admits(now));
        }
        assert!(!breaker.admits(now + MAX_WAIT / 2), "the wait has grown");
    }

    #[test]
    fn what_was_under_way_when_it_opened_does_not_lengthen_the_wait() {
        let breaker = opened();
        for _ in 0..100 {
            assert_eq!(breaker.failed(START), None);
        }
        assert!(breaker.admits(START + FIRST_PROBE));
    }

    #[test]
    fn jitter_stays_within_the_wait() {
        for _ in 0..100 {
            let wait = jittered(MAX_WAIT);
            assert!(wait >= MAX_WAIT * 3 / 4 && wait <= MAX_WAIT);
        }
    }
}
