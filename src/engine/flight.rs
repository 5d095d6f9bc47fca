//! Coalescing: of the requests that need one response at a time, one asks the handler and the others
//! wait for what it is given. Over all workers of a process; it knows neither handlers nor stores.
//!
//! Whoever waits is woken by a channel of its own, at once. A lead that ends without a word, be it
//! dropped, failed or in a panic, goes to whoever has waited longest; one that is on its way to
//! somebody who is gone goes on to the next. So nobody waits for anyone who is not there.
//!
//! A follower may have come after a purge, and the handler may have begun before it. Two rules keep
//! what was purged from that follower:
//!
//! - The store refuses what a purge has concerned since the handler began, as of when it is asked to
//!   keep it. So a flight is *closing* from then on: who comes later is told to look again, and finds
//!   what the store has after all purges that returned before it came.
//!
//! ```text
//! leader    handler ───────────── close ─ put ───── land
//! purge                                       P
//! follower      F1 (before close)                F2 (late)
//!               gets what was put                looks again: P has taken it
//! ```
//!
//! - A flight that is known to have begun before a purge of its key takes no followers: the next
//!   request begins another flight, rather than to wait for a response that cannot be kept.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{sync::oneshot, time::timeout};

use crate::{
    clock::Clock,
    entry::{Entry, Selecting},
    key::CacheKey,
    purge::Mark,
    semantics::date::Monotonic,
    store::Lease,
};

/// Past so many flights at a time, requests go on their own.
const MOST_FLIGHTS: usize = 16_384;
/// Past so many that wait for one flight, requests go on their own.
const MOST_FOLLOWERS: usize = 16_384;
/// So often a lead is handed on; or whoever begins requests and abandons them could have a handler
/// run for ever while others wait.
const MOST_HANDOVERS: u32 = 8;
/// Landings are counted by URL, as far as so many counters can tell URLs apart.
const COUNTERS: usize = 64;

/// The flights of one cache.
#[derive(Clone, Debug)]
pub(crate) struct Flights(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    clock: Clock,
    hasher: ahash::RandomState,
    table: Mutex<HashMap<CacheKey, Arc<Flight>, ahash::RandomState>>,
    landed: [AtomicU64; COUNTERS],
}

/// One run of the handler and who waits for it.
#[derive(Debug)]
struct Flight {
    begun: Monotonic,
    waiting: Mutex<Waiting>,
    /// The flight in whose place it was begun, because a purge had come; if that is still under way,
    /// there is no third one.
    before: Weak<Flight>,
}

#[derive(Debug, Default)]
struct Waiting {
    followers: VecDeque<oneshot::Sender<Landing>>,
    /// Those who came while the response was being put into the store.
    late: VecDeque<oneshot::Sender<Landing>>,
    /// The response is being put into the store.
    is_closing: bool,
    /// The store's logical time before the handler ran, once that is known.
    since: Option<Mark>,
    handovers: u32,
}

/// What a request does that has found nothing to be answered with.
#[derive(Debug)]
pub(crate) enum Entered {
    /// It asks the handler, and others may wait for what it is given.
    Lead(Lead),
    /// It waits for another one.
    Follow(Follower),
    /// It asks the handler, and nobody waits.
    Alone,
}

/// What becomes of a request that has waited.
#[derive(Debug)]
pub(crate) enum Landing {
    /// The response is there.
    Stored(Arc<Landed>),
    /// Whoever had the lead has it no longer: the request goes on with it.
    Lead(Lead),
    /// The store has the response already.
    LookAgain,
    /// It has waited for as long as it may.
    Late,
    /// There is nothing to share: the request asks the handler itself.
    Alone,
}

/// A response that its store has kept.
#[derive(Debug)]
pub(crate) struct Landed {
    pub(crate) entry: Arc<Entry>,
    /// The URL's key.
    pub(crate) url: CacheKey,
    /// By what variants are selected, where the entry is one.
    pub(crate) selecting: Selecting,
}

impl Flights {
    pub(crate) fn new(clock: Clock) -> Self {
        Self(Arc::new(Shared {
            clock,
            hasher: ahash::RandomState::new(),
            table: Mutex::default(),
            landed: [const { AtomicU64::new(0) }; COUNTERS],
        }))
    }

    /// Enters the flight of `key`, or begins it where the request `may_lead` one. A flight that is
    /// `longest` under way is not waited for any more, nor one that a purge has concerned since the
    /// logical time that `is_purged` is asked for: the next one begins another.
    pub(crate) fn enter(
        &self,
        key: &CacheKey,
        may_lead: bool,
        longest: Duration,
        is_purged: impl Fn(Mark) -> bool,
    ) -> Entered {
        let mut table = self.table();
        let mut before = Weak::new();
        if let Some(flight) = table.get(key)
            && self.0.clock.monotonic().since(flight.begun) < longest
        {
            let mut waiting = flight.lock();
            let is_over = may_lead && waiting.since.is_some_and(is_purged);
            if !is_over || flight.before.strong_count() > 0 {
                return waiting.follow();
            }
            before = Arc::downgrade(flight);
        }
        if !may_lead || table.len() >= MOST_FLIGHTS {
            return Entered::Alone;
        }
        let begun = self.0.clock.monotonic();
        let flight = Arc::new(Flight { begun, waiting: Mutex::default(), before });
        table.insert(key.clone(), Arc::clone(&flight));
        Entered::Lead(Lead {
            of: self.clone(),
            key: key.clone(),
            flight,
            lease: None,
            ended: false,
        })
    }

    /// How many flights of URLs like this one have landed. A request that leads, but found nothing
    /// before the last of them, looks again.
    pub(crate) fn landed(&self, url: &CacheKey) -> u64 {
        self.counter(url).map_or(0, |counter| counter.load(Ordering::Acquire))
    }

    /// How many flights there are.
    pub(crate) fn len(&self) -> usize {
        self.table().len()
    }

    fn counter(&self, key: &CacheKey) -> Option<&AtomicU64> {
        let hash = usize::try_from(self.0.hasher.hash_one(key) % COUNTERS as u64).ok()?;
        self.0.landed.get(hash)
    }

    fn table(&self) -> MutexGuard<'_, HashMap<CacheKey, Arc<Flight>, ahash::RandomState>> {
        self.0.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Flight {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn follow(&mut self) -> Entered {
        let waiting = if self.is_closing { &mut self.late } else { &mut self.followers };
        if waiting.len() >= MOST_FOLLOWERS {
            waiting.retain(|follower| !follower.is_closed());
        }
        if waiting.len() >= MOST_FOLLOWERS {
            return Entered::Alone;
        }
        let (sender, receiver) = oneshot::channel();
        waiting.push_back(sender);
        Entered::Follow(Follower(receiver))
    }

    /// Whoever has waited longest, unless the lead has been handed on too often.
    fn next(&mut self) -> Option<oneshot::Sender<Landing>> {
        if self.handovers >= MOST_HANDOVERS {
            return None;
        }
        // another run of the handler begins, which all of them may wait for
        (self.is_closing, self.since) = (false, None);
        self.followers.append(&mut self.late);
        self.followers.retain(|follower| !follower.is_closed());
        let next = self.followers.pop_front()?;
        self.handovers += 1;
        Some(next)
    }
}

/// The lead of a flight. Dropped, it goes to whoever has waited longest.
#[derive(Debug)]
pub(crate) struct Lead {
    of: Flights,
    key: CacheKey,
    flight: Arc<Flight>,
    /// The lead of all processes, where the store gives it.
    lease: Option<Lease>,
    ended: bool,
}

impl Lead {
    /// The key of the flight.
    pub(crate) fn key(&self) -> &CacheKey {
        &self.key
    }

    /// Holds the lead of all processes as long as this one.
    pub(crate) fn hold(&mut self, lease: Lease) {
        self.lease = Some(lease);
    }

    /// Whether it is the lead of all processes.
    pub(crate) fn has_lease(&self) -> bool {
        self.lease.is_some()
    }

    /// The handler is about to run, at this logical time of the store.
    pub(crate) fn begin(&self, since: Mark) {
        self.flight.lock().since = Some(since);
    }

    /// The response is about to be put into the store: who follows from now on looks again.
    pub(crate) fn close(&self) {
        self.flight.lock().is_closing = true;
    }

    /// The response is in the store: all followers get it, except those who came while it was put there.
    pub(crate) fn land(self, landed: Landed) {
        // first counted and then gone from the table: who leads after it knows that it has to look
        if let Some(counter) = self.of.counter(&landed.url) {
            counter.fetch_add(1, Ordering::Release);
        }
        let landed = Arc::new(landed);
        self.end(
            |is_late| {
                if is_late { Landing::LookAgain } else { Landing::Stored(Arc::clone(&landed)) }
            },
        );
    }

    /// The store has had the response all the while.
    pub(crate) fn look_again(self) {
        self.end(|_| Landing::LookAgain);
    }

    /// There will be nothing to share: everybody goes on, side by side.
    pub(crate) fn release(self) {
        self.end(|_| Landing::Alone);
    }

    /// Gives each follower a landing, by whether it came late.
    fn end(mut self, landing: impl Fn(bool) -> Landing) {
        self.ended = true;
        self.leave(&mut self.of.table());
        let Waiting { followers, late, .. } = std::mem::take(&mut *self.flight.lock());
        let in_time = followers.into_iter().map(|follower| (follower, false));
        for (follower, is_late) in in_time.chain(late.into_iter().map(|late| (late, true))) {
            // who is gone needs no answer
            let _ = follower.send(landing(is_late));
        }
    }

    /// Hands the lead to whoever has waited longest; `false` where nobody is left to take it.
    fn hand_on(&mut self) -> bool {
        let next = {
            let mut table = self.of.table();
            let mut waiting = self.flight.lock();
            let next = waiting.next();
            if next.is_none() {
                self.leave(&mut table);
                // who still waits goes on alone, as its sender is gone
                waiting.followers.clear();
                waiting.late.clear();
            }
            next
        };
        let Some(next) = next else { return true };
        let lead = Self {
            of: self.of.clone(),
            key: self.key.clone(),
            flight: Arc::clone(&self.flight),
            lease: self.lease.take(),
            ended: false,
        };
        match next.send(Landing::Lead(lead)) {
            Err(Landing::Lead(mut lead)) => {
                self.lease = lead.lease.take();
                lead.ended = true;
                false
            }
            _ => true,
        }
    }

    /// Takes the flight from the table, unless another has taken its place.
    fn leave(&self, table: &mut HashMap<CacheKey, Arc<Flight>, ahash::RandomState>) {
        if table.get(&self.key).is_some_and(|flight| Arc::ptr_eq(flight, &self.flight)) {
            table.remove(&self.key);
        }
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        while !self.ended {
            self.ended = self.hand_on();
        }
    }
}

/// A request that waits. Dropped, it waits no longer.
#[derive(Debug)]
pub(crate) struct Follower(oneshot::Receiver<Landing>);

impl Follower {
    /// What becomes of the request, in `at_most` this time.
    pub(crate) async fn landing(self, at_most: Duration) -> Landing {
        match timeout(at_most, self.0).await {
            Ok(landing) => landing.unwrap_or(Landing::Alone),
            Err(_) => Landing::Late,
        }
    }
}

#[cfg(test)]
mod tests;
