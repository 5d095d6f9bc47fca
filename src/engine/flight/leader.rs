//! The role of the request that calls the handler, and how it ends.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use super::state::{
    Flight, Flights, Leader, LogicalTime, Outcome, Published, Table, WaitingFollower,
};
use crate::{
    clock::TimerPoint,
    key::{CacheKey, KeyParts},
    purge::PurgeNumber,
    store::LeaseGuard,
};

/// How long after the beginning of a flight a follower may call the handler for all because a response
/// could not be shared. Later, a second wait without a result would take too long.
const RETRY_WITHIN: Duration = Duration::from_millis(100);
/// While the store is away, purges of other processes are not known. So a response is shared only with
/// requests that came at most this long after its handler was called.
const SHARED_WITHOUT_STORE: Duration = Duration::from_secs(1);

impl Leader {
    pub(super) fn new(
        flights: Flights,
        key: CacheKey,
        flight: Arc<Flight>,
        now: TimerPoint,
    ) -> Self {
        Self {
            flights,
            key,
            flight,
            called_at: now,
            first_after_call: 0,
            first_after_put: u64::MAX,
            lease: None,
            is_additional: false,
            is_streaming: false,
            has_ended: false,
        }
    }

    /// An additional leader of the same flight.
    pub(super) fn additional(flights: Flights, key: CacheKey, flight: Arc<Flight>) -> Self {
        let mut leader = Self::new(flights, key, flight, TimerPoint::now());
        leader.is_additional = true;
        leader
    }

    /// The key of the flight.
    pub(crate) fn key(&self) -> &CacheKey {
        &self.key
    }

    /// Holds the lease until the flight ends, also when the role is handed on.
    pub(crate) fn hold_lease(&mut self, lease: LeaseGuard) {
        self.lease = Some(lease);
    }

    /// The purge number that the store read when it gave the lease.
    pub(crate) fn take_purge_number(&mut self) -> Option<PurgeNumber> {
        self.lease.as_mut()?.take_purge_number()
    }

    /// Whether the handler may be called without asking the store for a lease: this request has one,
    /// or another leader of this flight has had one for as long as it may.
    pub(crate) fn needs_no_lease(&self) -> bool {
        self.lease.is_some() || self.is_additional
    }

    /// Whether it leads because another leader's handler is slow.
    pub(crate) fn is_additional(&self) -> bool {
        self.is_additional
    }

    /// While it waits for another process to give up its lease, no follower becomes a leader too.
    pub(crate) fn set_waits_for_lease(&self, waits: bool) {
        self.flight.lock().waits_for_lease = waits;
    }

    /// The handler is about to be called, at this logical time.
    pub(crate) fn begin(&mut self, since: LogicalTime) {
        let mut state = self.flight.lock();
        let now = TimerPoint::now();
        (state.since, state.newest_call_at) = (Some(since), now);
        (self.called_at, self.first_after_call) = (now, state.joined);
        self.first_after_put = u64::MAX;
    }

    /// The handler has returned a response whose body is streamed.
    pub(crate) fn set_streaming(&mut self) {
        self.is_streaming = true;
        self.flight.lock().streaming += 1;
    }

    /// The response is about to be put into the store: followers that join from now on look again.
    pub(crate) fn begin_put(&mut self) {
        self.first_after_put = self.flight.lock().joined;
    }

    /// The store has kept the response: all followers get it, except those that joined while it was
    /// being stored.
    pub(crate) fn publish(self, published: &Arc<Published>) {
        // counted before the flight leaves the table, so that the next leader sees that it has to look
        self.flights.count_publication(&KeyParts::of(&published.url));
        let first_after_put = self.first_after_put;
        self.end(|follower| {
            if follower.number < first_after_put {
                Outcome::Shared(Arc::clone(published))
            } else {
                Outcome::LookAgain
            }
        });
    }

    /// The store could not keep the response, and no purge of this process concerns it. Followers
    /// get it that joined before the handler was called, or soon after that and before it had
    /// responded. The others go on with another handler call.
    pub(crate) fn publish_unstored(self, published: &Arc<Published>) {
        let (called_at, first_after_call) = (self.called_at, self.first_after_call);
        let first_after_put = self.first_after_put;
        self.publish_to(published, |follower| {
            let is_soon = follower.joined_at.since(called_at) <= SHARED_WITHOUT_STORE;
            follower.number < first_after_call || (follower.number < first_after_put && is_soon)
        });
    }

    /// A purge concerns the response, and it came after the handler was called. Followers get it
    /// that joined before the call. The others go on with another handler call.
    pub(crate) fn publish_purged(self, published: &Arc<Published>) {
        let first_after_call = self.first_after_call;
        self.publish_to(published, |follower| follower.number < first_after_call);
    }

    /// The store has a usable response already: all followers look it up.
    pub(crate) fn look_again(self) {
        self.end(|_| Outcome::LookAgain);
    }

    /// There is nothing to share: all followers call the handler, side by side.
    pub(crate) fn release(self) {
        self.end(|_| Outcome::Alone);
    }

    /// The response cannot be shared, but the next one may: a follower calls the handler for all if
    /// they have not waited for long. Otherwise all call it, side by side.
    pub(crate) fn retry(self) {
        let is_quick = self.flight.lock().first_call_at.elapsed() < RETRY_WITHIN;
        if is_quick { drop(self) } else { self.release() }
    }

    /// The handler has failed without a response: a follower calls it again for all. If that fails
    /// too, all call it, side by side.
    pub(crate) fn fail(self) {
        if self.is_first_failure() { drop(self) } else { self.release() }
    }

    fn is_first_failure(&self) -> bool {
        let mut state = self.flight.lock();
        let is_first = !state.has_failed || state.first_call_at.elapsed() < RETRY_WITHIN;
        state.has_failed = true;
        is_first
    }

    /// Gives the response to the followers that may have it. One of the others gets the role.
    fn publish_to(self, published: &Arc<Published>, may_have: impl Fn(&WaitingFollower) -> bool) {
        let given: Vec<_> = {
            let mut state = self.flight.lock();
            let followers = std::mem::take(&mut state.followers);
            let (given, others) = followers.into_iter().partition(|follower| may_have(follower));
            state.followers = others;
            VecDeque::into(given)
        };
        for follower in given {
            // a follower that was dropped needs no response
            let _ = follower.sender.send(Outcome::Shared(Arc::clone(published)));
        }
    }

    /// Ends the flight, and gives each follower an outcome.
    fn end(mut self, outcome: impl Fn(&WaitingFollower) -> Outcome) {
        self.has_ended = true;
        self.remove_flight(&mut self.flights.table());
        let followers = std::mem::take(&mut self.flight.lock().followers);
        for follower in followers {
            let outcome = outcome(&follower);
            // a follower that was dropped needs no outcome
            let _ = follower.sender.send(outcome);
        }
    }

    /// Hands the role to the follower that has waited longest, unless other leaders are left. `false`
    /// where that follower has been dropped meanwhile.
    fn hand_on(&mut self) -> bool {
        let next = {
            let mut table = self.flights.table();
            let mut state = self.flight.lock();
            if state.leaders > 1 {
                state.leaders -= 1;
                state.streaming = state.streaming.saturating_sub(u32::from(self.is_streaming));
                return true;
            }
            let next = state.next_leader();
            if next.is_none() {
                self.remove_flight(&mut table);
                // followers that still wait go on alone, as their senders are gone
                state.followers.clear();
            }
            next
        };
        let Some(next) = next else { return true };
        let mut leader = Self::new(
            self.flights.clone(),
            self.key.clone(),
            Arc::clone(&self.flight),
            TimerPoint::now(),
        );
        leader.lease = self.lease.take();
        match next.sender.send(Outcome::Promoted(leader)) {
            Err(Outcome::Promoted(mut leader)) => {
                self.lease = leader.lease.take();
                leader.has_ended = true;
                false
            }
            _ => true,
        }
    }

    /// Removes the flight from the table, unless another has replaced it.
    fn remove_flight(&self, table: &mut Table) {
        if table.get(&self.key).is_some_and(|flight| Arc::ptr_eq(flight, &self.flight)) {
            table.remove(&self.key);
            self.flights.0.outlive(&self.key, &self.flight.replaced);
        }
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        let in_panic = !self.has_ended && std::thread::panicking();
        if in_panic && !self.is_first_failure() {
            self.has_ended = true;
            self.remove_flight(&mut self.flights.table());
            self.flight.lock().followers.clear();
        }
        while !self.has_ended {
            self.has_ended = self.hand_on();
        }
    }
}
