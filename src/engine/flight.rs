//! Coalescing: of the requests that need one response at a time, one asks the handler and the others
//! wait for its response. Over all workers of a process; it knows neither handlers nor stores.
//!
//! A request is a *leader* (it asks the handler) or a *follower* (it waits). Each follower is woken
//! by a channel of its own. A wait ends by one of three rules:
//!
//! - **One publishes, all get it.** A response that may be shared goes to all followers, whether the
//!   store could take it or not.
//! - **A slow handler gets company, not a crowd.** Once `coalesce_timeout` has passed since the last
//!   handler call began, one follower becomes a further leader; at most `max_leaders` run at a time.
//!   The other followers wait for the leader that publishes first.
//! - **A response that cannot be shared releases all followers**, side by side: a queue in which each
//!   follower waits for the one before it would be slower than no cache at all. A leader hands its
//!   role to the next follower where its client has gone, the first time that the handler fails
//!   without a response, and while the followers have hardly waited.
//!
//! A follower may have come after a purge, and the handler may have begun before it. So followers are
//! numbered as they join, and a leader remembers two of these numbers:
//!
//! ```text
//! leader     begin ───── handler ───── close ─── put ──── publish
//! followers  │ earlier │     in time     │    late    │
//! ```
//!
//! - *Earlier* followers came before the handler was called. Whatever it returns is newer than their
//!   request, so they may have it even if a purge has made the store refuse it.
//! - Followers *in time* get what the store has accepted: it refuses what a purge concerns.
//! - *Late* followers look again: a purge may have returned after the store was asked.
//!
//! A flight that is known to have begun before a purge of its key takes no followers: the next
//! request begins another flight, rather than wait for a response that cannot be kept.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::oneshot;

use crate::{
    clock::TimerPoint,
    entry::{Entry, Selecting},
    key::CacheKey,
    purge::Mark,
    semantics::verdict::WhyNot,
};

mod follower;
mod lead;

pub(crate) use follower::{Follower, Outcome};
pub(crate) use lead::Lead;

/// How many flights there are at a time at most; further requests ask the handler alone.
const MAX_FLIGHTS: usize = 16_384;
/// How many requests wait for one flight at most; further ones ask the handler alone.
const MAX_FOLLOWERS: usize = 16_384;
/// How often a leader hands its role on at most. Without a bound, a client that begins requests and
/// abandons them could have a handler run for ever while others wait.
const MAX_HANDOVERS: u32 = 8;
/// Published responses are counted by URL, as far as this many counters can tell URLs apart.
const COUNTERS: usize = 64;

/// How long requests wait for one another, and how many of them ask the handler at a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Coalescing {
    /// How long after a handler call a further one may begin. Zero: requests do not wait at all.
    pub(crate) timeout: Duration,
    /// How many handler calls run for one key at a time at most.
    pub(crate) max_leaders: u32,
}

/// The flights of one cache.
#[derive(Clone, Debug)]
pub(crate) struct Flights(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    hasher: ahash::RandomState,
    table: Mutex<Table>,
    published: [AtomicU64; COUNTERS],
}

type Table = HashMap<CacheKey, Arc<Flight>, ahash::RandomState>;

/// The handler calls for one key, and the requests that wait for them.
#[derive(Debug)]
struct Flight {
    state: Mutex<State>,
    /// The flight that this one replaced because a purge had come. While that one is still under
    /// way, no third one begins.
    replaced: Weak<Flight>,
}

#[derive(Debug)]
struct State {
    followers: VecDeque<Waiting>,
    /// How many followers have joined so far.
    joined: u64,
    /// How many leaders there are.
    leaders: u32,
    /// When the first handler call began.
    begun: TimerPoint,
    /// When the newest handler call began.
    newest: TimerPoint,
    /// The logical time before the newest handler call, once that is known.
    since: Option<LogicalTime>,
    /// The only leader waits for another process, for a bounded time: no further one is needed.
    waits_elsewhere: bool,
    /// How many leaders have a response whose body is still being streamed.
    streaming: u32,
    /// A handler call has failed.
    has_failed: bool,
    handovers: u32,
}

/// A follower, as its flight sees it.
#[derive(Debug)]
struct Waiting {
    /// Its number among the followers.
    number: u64,
    joined: TimerPoint,
    sender: oneshot::Sender<Outcome>,
}

/// Before a handler is called: how many purges there have been.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LogicalTime {
    /// As the store counts them; `None` where it could not be asked.
    pub(crate) store: Option<Mark>,
    /// As this process counts its own, where the store may be away.
    pub(crate) process: u64,
}

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

/// A response that requests may share.
#[derive(Debug)]
pub(crate) struct Published {
    pub(crate) entry: Arc<Entry>,
    /// The URL's key.
    pub(crate) url: CacheKey,
    /// By what variants are selected, where the entry is one.
    pub(crate) selecting: Selecting,
    /// Whether the store has it, or why not.
    pub(crate) stored: Result<(), WhyNot>,
}

impl Flights {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Shared {
            hasher: ahash::RandomState::new(),
            table: Mutex::default(),
            published: [const { AtomicU64::new(0) }; COUNTERS],
        }))
    }

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
                    let place = follower::Place { flight: Arc::clone(flight), number, may_lead };
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

    /// How many responses have been published for URLs like this one. A request that leads, but
    /// looked before the last of them was published, looks again.
    pub(crate) fn published(&self, url: &CacheKey) -> u64 {
        self.counter(url).map_or(0, |counter| counter.load(Ordering::Acquire))
    }

    /// How many flights there are.
    pub(crate) fn len(&self) -> usize {
        self.table().len()
    }

    fn counter(&self, key: &CacheKey) -> Option<&AtomicU64> {
        let hash = usize::try_from(self.0.hasher.hash_one(key) % COUNTERS as u64).ok()?;
        self.0.published.get(hash)
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Flight {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn new() -> Self {
        let now = TimerPoint::now();
        Self {
            followers: VecDeque::new(),
            joined: 0,
            leaders: 1,
            begun: now,
            newest: now,
            since: None,
            waits_elsewhere: false,
            streaming: 0,
            has_failed: false,
            handovers: 0,
        }
    }

    /// Adds a follower; `None` where there is no room.
    fn join(&mut self) -> Option<(u64, oneshot::Receiver<Outcome>)> {
        if self.followers.len() >= MAX_FOLLOWERS {
            self.followers.retain(|waiting| !waiting.sender.is_closed());
        }
        if self.followers.len() >= MAX_FOLLOWERS {
            return None;
        }
        let (sender, receiver) = oneshot::channel();
        let number = self.joined;
        self.joined += 1;
        self.followers.push_back(Waiting { number, joined: TimerPoint::now(), sender });
        Some((number, receiver))
    }

    /// The follower that has waited longest, unless the role has been handed on too often.
    fn next(&mut self) -> Option<Waiting> {
        if self.handovers >= MAX_HANDOVERS {
            return None;
        }
        self.followers.retain(|waiting| !waiting.sender.is_closed());
        let next = self.followers.pop_front()?;
        self.handovers += 1;
        // another handler call begins, for which all of them may wait
        (self.since, self.streaming, self.newest) = (None, 0, TimerPoint::now());
        Some(next)
    }
}

#[cfg(test)]
mod tests;
