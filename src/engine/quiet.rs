//! What is told to the log no more than once in a while, with how often it was kept quiet.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::{clock::Clock, semantics::date::Monotonic};

/// Between two lines of the log lies so much time at least.
const SPAN: Duration = Duration::from_secs(10);

/// One thing that may happen often.
#[derive(Debug)]
pub(crate) struct Quiet {
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    told: Option<Monotonic>,
    kept: u64,
}

impl Quiet {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, state: Mutex::default() }
    }

    /// It has happened again: how often it was kept quiet, if it is to be told now.
    pub(crate) fn tells(&self) -> Option<u64> {
        let now = self.clock.monotonic();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.told.is_some_and(|told| now.since(told) < SPAN) {
            state.kept += 1;
            return None;
        }
        state.told = Some(now);
        Some(std::mem::take(&mut state.kept))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::semantics::date::Timestamp;

    #[test]
    fn tells_the_first_and_then_how_many_there_were() {
        let clock = Clock::manual();
        let quiet = Quiet::new(clock.clone());
        assert_eq!([(); 4].map(|()| quiet.tells()), [Some(0), None, None, None]);
        clock.advance(SPAN);
        assert_eq!([(); 2].map(|()| quiet.tells()), [Some(3), None]);
    }

    #[test]
    fn setting_the_wall_clock_neither_mutes_nor_repeats_a_line() {
        for to in [i64::MIN, i64::MAX] {
            let clock = Clock::manual();
            let quiet = Quiet::new(clock.clone());
            assert_eq!(quiet.tells(), Some(0));
            clock.set(Timestamp::from_millis(to));
            assert_eq!(quiet.tells(), None);
            clock.advance(SPAN);
            assert_eq!(quiet.tells(), Some(1));
        }
    }
}
