//! How a request that has found nothing joins a flight, or begins one.

use std::sync::{Arc, Mutex, Weak};

use super::{
    follower::{Follower, Place},
    state::{Coalescing, Flight, Flights, Lead, LogicalTime, State},
};
use crate::key::CacheKey;

/// How many flights there are at a time at most; further requests ask the handler alone.
pub(super) const MAX_FLIGHTS: usize = 16_384;

/// The part of a request that has found nothing to be answered with.
#[derive(Debug)]
pub(crate) enum Role {
    /// It asks the handler, and others may wait for the response.
    Lead(Lead),
    /// It waits for another request.
    Follow(Follower),
    /// It asks the handler for itself only.
    Alone,
}

impl Flights {
    /// Joins the flight of `key`, or begins it where the request `may_lead` one. A flight whose
    /// newest handler call began before a purge of the key, as `is_purged` says of that time,
    /// is not waited for: the request begins another one.
    pub(crate) fn enter(
        &self,
        key: &CacheKey,
        may_lead: bool,
        coalescing: Coalescing,
        is_purged: impl Fn(LogicalTime) -> bool,
    ) -> Role {
        let mut table = self.table();
        let mut replaced = Weak::new();
        if let Some(flight) = table.get(key) {
            let mut state = flight.lock();
            let is_over = may_lead && state.since.is_some_and(is_purged);
            if !is_over || flight.replaced.strong_count() > 0 {
                let joined = state.join();
                let follower = |(number, receiver)| {
                    let place = Place { flight: Arc::clone(flight), number, may_lead };
                    Follower::new(self.clone(), key.clone(), place, coalescing, receiver)
                };
                return joined.map(follower).map_or(Role::Alone, Role::Follow);
            }
            replaced = Arc::downgrade(flight);
        }
        if !may_lead || table.len() >= MAX_FLIGHTS {
            return Role::Alone;
        }
        let flight = Arc::new(Flight { state: Mutex::new(State::new()), replaced });
        table.insert(key.clone(), Arc::clone(&flight));
        Role::Lead(Lead::new(self.clone(), key.clone(), flight))
    }
}
