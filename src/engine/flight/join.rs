//! How a request that has found no usable response joins a flight, or begins one.

use std::sync::{Arc, Mutex};

use super::{
    follower::Follower,
    state::{CoalescingLimits, Flight, Flights, Leader, LogicalTime, State},
};
use crate::{clock::TimerPoint, key::CacheKey};

/// How many flights there are at a time at most; further requests call the handler alone.
pub(super) const MAX_FLIGHTS: usize = 16_384;

/// What a request does that has found no usable response.
#[derive(Debug)]
pub(crate) enum Role {
    /// It calls the handler, and others may wait for the response.
    Leader(Leader),
    /// It waits for another request.
    Follower(Follower),
    /// It calls the handler for itself only.
    Alone,
}

impl Flights {
    /// Joins the flight of `key`, or begins it where the request `may_lead` one. A flight whose
    /// newest handler call began before a purge of the key, as `is_purged` says of that time, takes
    /// no followers: the request begins another flight.
    pub(crate) fn join(
        &self,
        key: &CacheKey,
        may_lead: bool,
        limits: CoalescingLimits,
        is_purged: impl Fn(LogicalTime) -> bool,
    ) -> Role {
        let mut table = self.table();
        let mut replaced = None;
        if let Some(flight) = table.get(key) {
            let mut state = flight.lock();
            let is_over = may_lead && state.since.is_some_and(is_purged);
            if !is_over || flight.replaced.strong_count() > 0 {
                let joined = state.join();
                let follower = |(number, receiver)| Follower {
                    flights: self.clone(),
                    key: key.clone(),
                    flight: Arc::clone(flight),
                    number,
                    may_lead,
                    limits,
                    receiver,
                };
                return joined.map(follower).map_or(Role::Alone, Role::Follower);
            }
            replaced = Some(Arc::downgrade(flight));
        }
        if !may_lead || table.len() >= MAX_FLIGHTS {
            return Role::Alone;
        }
        let replaced = replaced.unwrap_or_else(|| self.0.outlived(key));
        let now = TimerPoint::now();
        let flight = Arc::new(Flight { state: Mutex::new(State::new(now)), replaced });
        table.insert(key.clone(), Arc::clone(&flight));
        Role::Leader(Leader::new(self.clone(), key.clone(), flight, now))
    }
}
