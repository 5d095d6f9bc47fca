//! The role of a request that waits, and what it waits for.

use std::{pin::pin, sync::Arc, time::Duration};

use futures_util::future::{Either, select};
use tokio::{sync::oneshot, time::sleep};

use super::state::{Coalescing, Flight, Flights, Lead, Outcome, State, Waiting};
use crate::{clock::TimerPoint, key::CacheKey};

/// A request that waits. Dropped, it waits no longer.
#[derive(Debug)]
pub(crate) struct Follower {
    of: Flights,
    key: CacheKey,
    place: Place,
    coalescing: Coalescing,
    receiver: oneshot::Receiver<Outcome>,
}

/// Where a follower stands.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) flight: Arc<Flight>,
    pub(super) number: u64,
    pub(super) may_lead: bool,
}

impl Follower {
    pub(super) fn new(
        of: Flights,
        key: CacheKey,
        place: Place,
        coalescing: Coalescing,
        receiver: oneshot::Receiver<Outcome>,
    ) -> Self {
        Self { of, key, place, coalescing, receiver }
    }

    /// The key of the flight.
    pub(crate) fn key(&self) -> &CacheKey {
        &self.key
    }

    /// Waits, at most for `patience` where that is given.
    pub(crate) async fn outcome(mut self, patience: Option<Duration>) -> Outcome {
        let mut gives_up = pin!(sleep(patience.unwrap_or(Duration::MAX)));
        loop {
            let slow = pin!(sleep(self.until_slow()));
            match select(&mut self.receiver, select(gives_up.as_mut(), slow)).await {
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

    /// How long until the newest handler call is slow. Where it is slow already and there is nothing
    /// to do about that, how long until there may be.
    fn until_slow(&self) -> Duration {
        let state = self.place.flight.lock();
        let left = self.coalescing.timeout.saturating_sub(state.newest.elapsed());
        match left {
            Duration::ZERO if !self.may_act(&state) => self.coalescing.timeout,
            left => left,
        }
    }

    fn may_act(&self, state: &State) -> bool {
        let may_lead = self.place.may_lead && state.leaders < self.coalescing.max_leaders;
        !state.waits_elsewhere && (state.streaming > 0 || may_lead)
    }

    /// What the follower does when the newest handler call is slow.
    fn act_on_slow_handler(&self) -> Option<Outcome> {
        let mut state = self.place.flight.lock();
        if state.newest.elapsed() < self.coalescing.timeout || !self.may_act(&state) {
            return None;
        }
        if state.streaming > 0 {
            return Some(Outcome::LongStream);
        }
        let is_self = |waiting: &Waiting| waiting.number == self.place.number;
        // where it waits no longer, its outcome is on its way
        let at = state.followers.iter().position(is_self)?;
        state.followers.remove(at);
        state.leaders += 1;
        state.newest = TimerPoint::now();
        drop(state);
        let flight = Arc::clone(&self.place.flight);
        Some(Outcome::Lead(Lead::further(self.of.clone(), self.key.clone(), flight)))
    }

    /// What the follower has been given by now.
    #[cfg(test)]
    pub(super) fn into_receiver(self) -> oneshot::Receiver<Outcome> {
        self.receiver
    }
}
