//! The role of a request that waits for the response to another one.

use std::{pin::pin, sync::Arc, time::Duration};

use futures_util::future::{Either, select};
use tokio::{sync::oneshot, time::sleep};

use super::state::{CoalescingLimits, Flight, Flights, Leader, Outcome, State, WaitingFollower};
use crate::{clock::TimerPoint, key::CacheKey};

/// A request that waits. If it is dropped, it waits no longer.
#[derive(Debug)]
pub(crate) struct Follower {
    pub(super) flights: Flights,
    pub(super) key: CacheKey,
    pub(super) flight: Arc<Flight>,
    /// How many followers had joined the flight before it.
    pub(super) number: u64,
    /// Whether its handler call may serve others too.
    pub(super) may_lead: bool,
    pub(super) limits: CoalescingLimits,
    pub(super) receiver: oneshot::Receiver<Outcome>,
}

impl Follower {
    /// The key of the flight.
    pub(crate) fn key(&self) -> &CacheKey {
        &self.key
    }

    /// Waits, at most for `timeout` where that is given.
    pub(crate) async fn outcome(mut self, timeout: Option<Duration>) -> Outcome {
        let mut timed_out = pin!(sleep(timeout.unwrap_or(Duration::MAX)));
        loop {
            let slow = pin!(sleep(self.until_slow()));
            match select(&mut self.receiver, select(timed_out.as_mut(), slow)).await {
                Either::Left((outcome, _)) => return outcome.unwrap_or(Outcome::Alone),
                Either::Right((Either::Left(_), _)) => return Outcome::TimedOut,
                Either::Right((Either::Right(_), _)) => {
                    if let Some(outcome) = self.act_on_slow_handler() {
                        return outcome;
                    }
                }
            }
        }
    }

    /// How long until the newest handler call is slow. Where it is slow already and this follower can
    /// do nothing about that, how long until it looks again.
    fn until_slow(&self) -> Duration {
        let state = self.flight.lock();
        let left = self.limits.timeout.saturating_sub(state.newest_call_at.elapsed());
        match left {
            Duration::ZERO if !self.may_act(&state) => self.limits.timeout,
            left => left,
        }
    }

    /// Whether the follower may do anything about a slow handler call.
    fn may_act(&self, state: &State) -> bool {
        let may_lead = self.may_lead && state.leaders < self.limits.max_leaders;
        !state.waits_for_lease && (state.streaming > 0 || may_lead)
    }

    /// What the follower does when the newest handler call is slow.
    fn act_on_slow_handler(&self) -> Option<Outcome> {
        let mut state = self.flight.lock();
        if state.newest_call_at.elapsed() < self.limits.timeout || !self.may_act(&state) {
            return None;
        }
        if state.streaming > 0 {
            return Some(Outcome::LongStream);
        }
        let is_self = |follower: &WaitingFollower| follower.number == self.number;
        // where it is not found, its outcome has been sent
        let at = state.followers.iter().position(is_self)?;
        state.followers.remove(at);
        state.leaders += 1;
        state.newest_call_at = TimerPoint::now();
        drop(state);
        let flight = Arc::clone(&self.flight);
        Some(Outcome::Promoted(Leader::additional(self.flights.clone(), self.key.clone(), flight)))
    }

    /// The channel by which the follower gets its outcome.
    #[cfg(test)]
    pub(super) fn into_receiver(self) -> oneshot::Receiver<Outcome> {
        self.receiver
    }
}
