//! Rate-limits a log line: it is written at most once in ten seconds, with the number of times that
//! it was suppressed. Without that, a handler that fails under load would fill the log.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::{clock::Clock, semantics::date::Monotonic};

/// The least time between two lines.
const INTERVAL: Duration = Duration::from_secs(10);

/// The limit for one log line.
#[derive(Debug)]
pub(crate) struct LogThrottle {
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last: Option<Monotonic>,
    suppressed: u64,
}

impl LogThrottle {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, state: Mutex::default() }
    }

    /// Whether the line may be written now: the number of lines suppressed since the last one, or
    /// `None` where this one is suppressed too.
    pub(crate) fn allow(&self) -> Option<u64> {
        let now = self.clock.monotonic();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.last.is_some_and(|last| now.since(last) < INTERVAL) {
            state.suppressed += 1;
            return None;
        }
        state.last = Some(now);
        Some(std::mem::take(&mut state.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::semantics::date::Timestamp;

    #[test]
    fn first_line_is_allowed_and_the_next_counts_the_suppressed() {
        let clock = Clock::manual();
        let throttle = LogThrottle::new(clock.clone());
        assert_eq!([(); 4].map(|()| throttle.allow()), [Some(0), None, None, None]);
        clock.advance(INTERVAL);
        assert_eq!([(); 2].map(|()| throttle.allow()), [Some(3), None]);
    }

    #[test]
    fn setting_the_wall_clock_neither_mutes_nor_repeats_a_line() {
        for to in [i64::MIN, i64::MAX] {
            let clock = Clock::manual();
            let throttle = LogThrottle::new(clock.clone());
            assert_eq!(throttle.allow(), Some(0));
            clock.set(Timestamp::from_millis(to));
            assert_eq!(throttle.allow(), None);
            clock.advance(INTERVAL);
            assert_eq!(throttle.allow(), Some(1));
        }
    }
}
