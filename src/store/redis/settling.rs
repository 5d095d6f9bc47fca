//! The time after Redis was away. Purges of other processes could not reach it meanwhile: each of them
//! keeps its own and repeats them as soon as it finds Redis again. The process that finds it first would
//! serve what the others are about to purge.
//!
//! So a process to which Redis was away *settles* when it finds Redis again: for a while it serves
//! nothing from there and publishes nothing, as if Redis still were away. The time is monotonic and
//! comes in, counted from any start.
//!
//! ```text
//! Redis      away ───────────────┐ there
//! process A  purge (kept) ·  ·  ·  · probe: fences raised, purge repeated
//! process B                       │ probe ─── settles ─── serves
//!                                 └ the longest pause between A's probes ┘
//! ```

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use super::{connect::Timeouts, invalidation::trust::micros};

/// A value of `settled_at`: nothing is being waited for.
const SETTLED: u64 = 0;
/// A value of `settled_at`: Redis is away.
const AWAY: u64 = u64::MAX;
/// What raising the fences of all purges that a process keeps may take, on a busy machine.
const MARGIN: Duration = Duration::from_millis(100);

/// The longest pause between two attempts to repeat purges: processes settle for as long, so that what
/// they serve is never older.
pub(super) const MAX_PROBE_PAUSE: Duration = Duration::from_millis(250);

/// Whether this process may rely on what Redis says, since Redis was last away.
#[derive(Debug)]
pub(super) struct Settling {
    lasts: Duration,
    /// In microseconds.
    settled_at: AtomicU64,
}

/// What a store may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Everything.
    Settled,
    /// Probe; what is found is not to be relied on.
    Away,
    /// Nothing yet.
    Settling,
}

impl Settling {
    /// For processes that wait for Redis within these bounds.
    pub(super) fn new(timeouts: Timeouts) -> Self {
        let probe = timeouts.connect.saturating_add(timeouts.response);
        let lasts = MAX_PROBE_PAUSE.saturating_add(probe).saturating_add(MARGIN);
        Self { lasts, settled_at: AtomicU64::new(SETTLED) }
    }

    /// Redis is away.
    pub(super) fn lost(&self) {
        self.settled_at.store(AWAY, Ordering::Release);
    }

    /// Redis has answered at the time that `now` gives. Mostly it is not called.
    pub(super) fn answered(&self, now: impl FnOnce() -> Duration) {
        if self.settled_at.load(Ordering::Relaxed) == AWAY {
            let settled_at = micros(now().saturating_add(self.lasts)).clamp(1, AWAY - 1);
            // another answer may have come first, and then the time counts from that
            let _ = self.settled_at.compare_exchange(
                AWAY,
                settled_at,
                Ordering::AcqRel,
                Ordering::Relaxed,
            );
        }
    }

    /// What the store may do at the time that `now` gives. Mostly it is not called.
    pub(super) fn phase(&self, now: impl FnOnce() -> Duration) -> Phase {
        match self.settled_at.load(Ordering::Acquire) {
            SETTLED => Phase::Settled,
            AWAY => Phase::Away,
            settled_at if micros(now()) < settled_at => Phase::Settling,
            settled_at => {
                // unless it was lost again
                let _ = self.settled_at.compare_exchange(
                    settled_at,
                    SETTLED,
                    Ordering::AcqRel,
                    Ordering::Relaxed,
                );
                Phase::Settled
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Duration = Duration::from_secs(7);

    fn settling() -> Settling {
        let [connect, response] = [100, 50].map(Duration::from_millis);
        Settling::new(Timeouts { connect, response })
    }

    #[test]
    fn settles_from_the_first_answer_on() {
        let settling = settling();
        let lasts = settling.lasts;
        assert!(lasts >= MAX_PROBE_PAUSE + Duration::from_millis(150));
        assert_eq!(settling.phase(|| START), Phase::Settled, "a process that starts");
        settling.answered(|| START);
        assert_eq!(settling.phase(|| START), Phase::Settled);
        settling.lost();
        assert_eq!(settling.phase(|| START), Phase::Away);
        settling.answered(|| START);
        settling.answered(|| START + lasts / 2);
        assert_eq!(settling.phase(|| START + lasts / 2), Phase::Settling);
        assert_eq!(settling.phase(|| START + lasts), Phase::Settled);
    }

    #[test]
    fn lost_again_it_begins_anew() {
        let settling = settling();
        settling.lost();
        settling.answered(|| START);
        settling.lost();
        let later = START + 2 * settling.lasts;
        assert_eq!(settling.phase(|| later), Phase::Away);
        settling.answered(|| later);
        assert_eq!(settling.phase(|| later), Phase::Settling);
        settling.lost();
        settling.answered(|| Duration::MAX);
        assert_eq!(settling.phase(|| later), Phase::Settling, "and no time overflows");
    }
}
