//! The role of the request that asks the handler, and how it ends.

use std::{
    collections::VecDeque,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use super::state::{Flight, Flights, Lead, LogicalTime, Outcome, Published, Table, Waiting};
use crate::{clock::TimerPoint, key::CacheKey, store::Lease};

/// While no more than this has passed since the flight began, a response that cannot be shared costs
/// the followers so little time that the next of them may call the handler for all.
const RETRY_WITHIN: Duration = Duration::from_millis(100);
/// While the store cannot say which purges there were elsewhere, a response is shared only with
/// requests that came at most this long after its handler was called.
const SHARED_WITHOUT_STORE: Duration = Duration::from_secs(1);

impl Lead {
    pub(super) fn new(of: Flights, key: CacheKey, flight: Arc<Flight>) -> Self {
        let begun = (TimerPoint::now(), 0);
        let (closed, lease) = (u64::MAX, None);
        let (is_further, is_streaming, ended) = (false, false, false);
        Self { of, key, flight, begun, closed, lease, is_further, is_streaming, ended }
    }

    /// A further leader of the same flight.
    pub(super) fn further(of: Flights, key: CacheKey, flight: Arc<Flight>) -> Self {
        let mut lead = Self::new(of, key, flight);
        lead.is_further = true;
        lead
    }

    /// The key of the flight.
    pub(crate) fn key(&self) -> &CacheKey {
        &self.key
    }

    /// Holds the lead over all processes as long as this one.
    pub(crate) fn hold(&mut self, lease: Lease) {
        self.lease = Some(lease);
    }

    /// Whether the handler may be called without asking for the lead over all processes: this
    /// request has it, or another request of this process has had it for as long as it may.
    pub(crate) fn needs_no_lease(&self) -> bool {
        self.lease.is_some() || self.is_further
    }

    /// It waits for another process, or no longer. Meanwhile no follower becomes a further leader.
    pub(crate) fn waits_elsewhere(&self, waits: bool) {
        self.flight.lock().waits_elsewhere = waits;
    }

    /// The handler is about to be called, at this logical time.
    pub(crate) fn begin(&mut self, since: LogicalTime) {
        let mut state = self.flight.lock();
        let now = TimerPoint::now();
        (state.since, state.newest) = (Some(since), now);
        self.begun = (now, state.joined);
        self.closed = u64::MAX;
    }

    /// The handler has returned a response whose body is streamed.
    pub(crate) fn streams(&mut self) {
        self.is_streaming = true;
        self.flight.lock().streaming += 1;
    }

    /// The response is about to be put into the store: followers that join from now on look again.
    pub(crate) fn close(&mut self) {
        self.closed = self.flight.lock().joined;
    }

    /// The store has kept the response: all followers get it, but for those that came while it was
    /// put there.
    pub(crate) fn publish(self, published: Published) {
        self.count(&published.url);
        let (closed, published) = (self.closed, Arc::new(published));
        self.end(|follower| {
            if follower.number < closed {
                Outcome::Shared(Arc::clone(&published))
            } else {
                Outcome::LookAgain
            }
        });
    }

    /// The store could not be asked to keep the response, which no purge of this process concerns:
    /// followers get it that came before the handler was called, or soon after and before it had
    /// answered. The others go on with another handler call.
    pub(crate) fn publish_unstored(self, published: Published) {
        let ((begun, first_after), closed) = (self.begun, self.closed);
        self.publish_to(published, |follower| {
            let is_soon = follower.joined.since(begun) <= SHARED_WITHOUT_STORE;
            follower.number < first_after || (follower.number < closed && is_soon)
        });
    }

    /// A purge concerns the response, and it came after the handler was called: followers get it
    /// that came before that. The others go on with another handler call.
    pub(crate) fn publish_purged(self, published: Published) {
        let (_, first_after) = self.begun;
        self.publish_to(published, |follower| follower.number < first_after);
    }

    /// The store has had a response all the while.
    pub(crate) fn look_again(self) {
        self.end(|_| Outcome::LookAgain);
    }

    /// There will be nothing to share: all followers go on, side by side.
    pub(crate) fn release(self) {
        self.end(|_| Outcome::Alone);
    }

    /// The response cannot be shared, but the next one may: a follower calls the handler for all if
    /// they have not waited for long. Otherwise all go on, side by side.
    pub(crate) fn retry(self) {
        let is_quick = self.flight.lock().begun.elapsed() < RETRY_WITHIN;
        if is_quick { drop(self) } else { self.release() }
    }

    /// The handler has failed without a response: a follower calls it again for all. If that fails
    /// too, all go on, side by side.
    pub(crate) fn fail(self) {
        if self.is_first_failure() { drop(self) } else { self.release() }
    }

    fn is_first_failure(&self) -> bool {
        let mut state = self.flight.lock();
        let is_first = !state.has_failed || state.begun.elapsed() < RETRY_WITHIN;
        state.has_failed = true;
        is_first
    }

    /// Gives the response to followers that may have it. The role goes on to one of the others.
    fn publish_to(self, published: Published, may_have: impl Fn(&Waiting) -> bool) {
        let published = Arc::new(published);
        let given: Vec<_> = {
            let mut state = self.flight.lock();
            let followers = std::mem::take(&mut state.followers);
            let (given, others) = followers.into_iter().partition(|follower| may_have(follower));
            state.followers = others;
            VecDeque::into(given)
        };
        for follower in given {
            // a follower that has gone needs no response
            let _ = follower.sender.send(Outcome::Shared(Arc::clone(&published)));
        }
    }

    fn count(&self, url: &CacheKey) {
        // first counted and then gone from the table: a leader after it knows that it has to look
        if let Some(counter) = self.of.counter(url) {
            counter.fetch_add(1, Ordering::Release);
        }
    }

    /// Ends the flight, and gives each follower an outcome.
    fn end(mut self, outcome: impl Fn(&Waiting) -> Outcome) {
        self.ended = true;
        self.leave(&mut self.of.table());
        let followers = std::mem::take(&mut self.flight.lock().followers);
        for follower in followers {
            let outcome = outcome(&follower);
            // a follower that has gone needs no outcome
            let _ = follower.sender.send(outcome);
        }
    }

    /// Hands the role to the follower that has waited longest, unless other leaders are left. `false`
    /// where that one has gone meanwhile.
    fn hand_on(&mut self) -> bool {
        let next = {
            let mut table = self.of.table();
            let mut state = self.flight.lock();
            if state.leaders > 1 {
                state.leaders -= 1;
                state.streaming = state.streaming.saturating_sub(u32::from(self.is_streaming));
                return true;
            }
            let next = state.next();
            if next.is_none() {
                self.leave(&mut table);
                // followers that still wait go on alone, as their senders are gone
                state.followers.clear();
            }
            next
        };
        let Some(next) = next else { return true };
        let mut lead = Self::new(self.of.clone(), self.key.clone(), Arc::clone(&self.flight));
        lead.lease = self.lease.take();
        match next.sender.send(Outcome::Lead(lead)) {
            Err(Outcome::Lead(mut lead)) => {
                self.lease = lead.lease.take();
                lead.ended = true;
                false
            }
            _ => true,
        }
    }

    /// Takes the flight from the table, unless another has taken its place.
    fn leave(&self, table: &mut Table) {
        if table.get(&self.key).is_some_and(|flight| Arc::ptr_eq(flight, &self.flight)) {
            table.remove(&self.key);
        }
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        let panics = !self.ended && std::thread::panicking();
        if panics && !self.is_first_failure() {
            self.ended = true;
            self.leave(&mut self.of.table());
            self.flight.lock().followers.clear();
        }
        while !self.ended {
            self.ended = self.hand_on();
        }
    }
}
