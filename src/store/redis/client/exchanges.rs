//! What is counted of exchanges with Redis.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use crate::{
    counting::{
        SharedCounter,
        histogram::{Histogram, SharedHistogram},
    },
    store::{breaker::Change, error::StoreErrorKind, redis::invalidation::trust::micros},
};

const KINDS: [StoreErrorKind; 5] = [
    StoreErrorKind::Unavailable,
    StoreErrorKind::TimedOut,
    StoreErrorKind::Corrupt,
    StoreErrorKind::Refused,
    StoreErrorKind::TooLarge,
];

/// The exchanges of one client.
#[derive(Debug, Default)]
pub(super) struct Exchanges {
    times: SharedHistogram,
    errors: [SharedCounter; KINDS.len()],
    outages: SharedCounter,
    /// When the last outage began, in microseconds.
    outage_began: AtomicU64,
}

impl Exchanges {
    pub(super) fn took(&self, time: Duration) {
        self.times.add(time);
    }

    pub(super) fn failed(&self, kind: StoreErrorKind) {
        let number = KINDS.iter().position(|known| *known == kind);
        if let Some(count) = number.and_then(|number| self.errors.get(number)) {
            count.add(1);
        }
    }

    /// Redis has stopped answering at `now`, or answers again: then how long it has not.
    pub(super) fn changed(&self, change: Change, now: Duration) -> Duration {
        match change {
            Change::Opened => {
                self.outages.add(1);
                self.outage_began.store(micros(now), Ordering::Relaxed);
                Duration::ZERO
            }
            Change::Closed => {
                let began = Duration::from_micros(self.outage_began.load(Ordering::Relaxed));
                now.saturating_sub(began)
            }
        }
    }

    pub(super) fn times(&self) -> Histogram {
        self.times.read()
    }

    pub(super) fn errors(&self) -> Vec<(&'static str, u64)> {
        let counts = KINDS.iter().zip(&self.errors);
        counts.map(|(kind, count)| (kind.as_str(), count.get())).collect()
    }

    pub(super) fn outages(&self) -> u64 {
        self.outages.get()
    }
}
