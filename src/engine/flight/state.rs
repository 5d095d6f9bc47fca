//! What a flight consists of: who leads it, who follows, and what it gives them.

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
    engine::explanation::RunningCall,
    entry::{Entry, Selecting},
    key::{CacheKey, KeyParts},
    purge::PurgeNumber,
    semantics::verdict::Reason,
    store::LeaseGuard,
};

/// How many requests wait for one flight at most; further ones call the handler alone.
pub(super) const MAX_FOLLOWERS: usize = 16_384;
/// How often the role of a leader is handed on at most. Without a bound, a client that begins requests
/// and abandons them could have a handler run for ever while others wait.
pub(super) const MAX_HANDOVERS: u32 = 8;
/// How many counters of published responses there are. URLs with the same counter are counted
/// together, which costs a look-up.
const COUNTERS: usize = 64;

/// How long requests wait for one another, and how many of them call the handler at a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CoalescingLimits {
    /// How long after a handler call a further one may begin. Zero: requests do not wait at all.
    pub(crate) timeout: Duration,
    /// How many handler calls run for one key at a time at most.
    pub(crate) max_leaders: u32,
}

/// The flights of one cache.
#[derive(Clone, Debug)]
pub(crate) struct Flights(pub(super) Arc<Shared>);

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) hasher: ahash::RandomState,
    pub(super) table: Mutex<Table>,
    /// Flights that others have replaced and have outlived: they are still under way, and count when the
    /// next flight of their key begins. Locked after the table.
    pub(super) outlived: Mutex<HashMap<CacheKey, Weak<Flight>, ahash::RandomState>>,
    /// How many responses have been published, by the hash of the URL.
    pub(super) published: [AtomicU64; COUNTERS],
}

pub(super) type Table = HashMap<CacheKey, Arc<Flight>, ahash::RandomState>;

/// The handler calls for one key, and the requests that wait for them.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) state: Mutex<State>,
    /// The flight that this one replaced because a purge had come. While that one is still under
    /// way, no third one begins.
    pub(super) replaced: Weak<Flight>,
}

#[derive(Debug)]
pub(super) struct State {
    /// The followers that wait, in the order in which they joined.
    pub(super) followers: VecDeque<WaitingFollower>,
    /// How many followers have joined so far.
    pub(super) joined: u64,
    /// How many leaders there are.
    pub(super) leaders: u32,
    /// When the first handler call began.
    pub(super) first_call_at: TimerPoint,
    /// When the newest handler call began.
    pub(super) newest_call_at: TimerPoint,
    /// The logical time before the newest handler call, once that is known.
    pub(super) since: Option<LogicalTime>,
    /// The only leader waits for another process, for a bounded time: no further one is needed.
    pub(super) waits_for_lease: bool,
    /// How many leaders have a response whose body is still being streamed.
    pub(super) streaming: u32,
    /// Whether a handler call has failed.
    pub(super) has_failed: bool,
    /// How often the role of the leader was handed to a follower.
    pub(super) handovers: u32,
}

/// A follower, as its flight sees it.
#[derive(Debug)]
pub(super) struct WaitingFollower {
    /// How many followers had joined before it.
    pub(super) number: u64,
    pub(super) joined_at: TimerPoint,
    pub(super) sender: oneshot::Sender<Outcome>,
}

/// How many responses had been published for a URL and those that share its counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PublicationCount {
    counter: usize,
    count: u64,
}

/// A point in the order of purges: how many there were before a handler was called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LogicalTime {
    /// As the store counts them; `None` where it could not be asked.
    pub(crate) store: Option<PurgeNumber>,
    /// As this process counts its own, where the store may be away.
    pub(crate) process: u64,
}

/// The role of the request that calls the handler. If it is dropped, the follower that has waited
/// longest gets it.
#[derive(Debug)]
pub(crate) struct Leader {
    pub(super) flights: Flights,
    pub(super) key: CacheKey,
    pub(super) flight: Arc<Flight>,
    /// When the handler was called.
    pub(super) called_at: TimerPoint,
    /// The number of the first follower that joined after that.
    pub(super) first_after_call: u64,
    /// The number of the first follower that joined after the response was given to the store.
    pub(super) first_after_put: u64,
    /// The right to call the handler for all processes, where the store gives it.
    pub(super) lease: Option<LeaseGuard>,
    /// It was given to a follower because another leader's handler is slow.
    pub(super) is_additional: bool,
    pub(super) is_streaming: bool,
    pub(super) has_ended: bool,
}

/// How the wait of a follower ends.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Another request has got a response that may be shared.
    Shared(Arc<Published>),
    /// The follower becomes a leader: it calls the handler, and others may wait for the response.
    Promoted(Leader),
    /// The store may have a response by now.
    LookAgain,
    /// It has waited for as long as it would.
    TimedOut,
    /// The response is a long stream: it is not worth waiting for.
    LongStream,
    /// There is nothing to share: the request calls the handler for itself only.
    Alone,
}

/// A response that requests may share.
#[derive(Debug)]
pub(crate) struct Published {
    pub(crate) entry: Arc<Entry>,
    /// The URL's key.
    pub(crate) url: CacheKey,
    /// What selects between the variants of the URL, where the entry is one.
    pub(crate) selecting: Selecting,
    /// Whether the store has it, or why not.
    pub(crate) stored: Result<(), Reason>,
}

impl Flights {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Shared {
            hasher: ahash::RandomState::new(),
            table: Mutex::default(),
            outlived: Mutex::default(),
            published: [const { AtomicU64::new(0) }; COUNTERS],
        }))
    }

    /// How many responses have been published for URLs like this one.
    pub(crate) fn publication_count(&self, url: &KeyParts<'_>) -> PublicationCount {
        let counter = self.counter_of(url);
        PublicationCount { counter, count: self.publications(counter) }
    }

    /// Whether none has been published since. A leader that looked up its key before the last of them
    /// was published looks it up again.
    pub(crate) fn is_current(&self, count: PublicationCount) -> bool {
        self.publications(count.counter) == count.count
    }

    /// Another response has been published for URLs like this one.
    pub(super) fn count_publication(&self, url: &KeyParts<'_>) {
        if let Some(counter) = self.0.published.get(self.counter_of(url)) {
            counter.fetch_add(1, Ordering::Release);
        }
    }

    fn publications(&self, counter: usize) -> u64 {
        self.0.published.get(counter).map_or(0, |counter| counter.load(Ordering::Acquire))
    }

    fn counter_of(&self, url: &KeyParts<'_>) -> usize {
        usize::try_from(self.0.hasher.hash_one(url) % COUNTERS as u64).unwrap_or_default()
    }

    /// How many flights there are.
    pub(crate) fn len(&self) -> usize {
        self.table().len()
    }

    /// How many requests wait for the handler call of another one.
    pub(crate) fn followers(&self) -> usize {
        self.table().values().map(|flight| flight.lock().followers.len()).sum()
    }

    /// The handler calls for this key.
    pub(crate) fn call_for(&self, key: &CacheKey) -> Option<RunningCall> {
        self.table().get(key).map(|flight| flight.call(key))
    }

    /// All handler calls.
    pub(crate) fn calls(&self) -> Vec<RunningCall> {
        self.table().iter().map(|(key, flight)| flight.call(key)).collect()
    }

    pub(super) fn table(&self) -> MutexGuard<'_, Table> {
        self.0.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// A flight has ended, and the one that it had replaced may still be under way.
    pub(super) fn outlive(&self, key: &CacheKey, replaced: &Weak<Flight>) {
        if replaced.strong_count() > 0 {
            let mut outlived = self.outlived.lock().unwrap_or_else(PoisonError::into_inner);
            // before it would grow, so that looking for those that have ended is rare
            if outlived.len() == outlived.capacity() {
                outlived.retain(|_, flight| flight.strong_count() > 0);
            }
            outlived.insert(key.clone(), Weak::clone(replaced));
        }
    }

    /// The flight of this key that is still under way though another has replaced it, if there is one.
    pub(super) fn outlived(&self, key: &CacheKey) -> Weak<Flight> {
        let mut outlived = self.outlived.lock().unwrap_or_else(PoisonError::into_inner);
        if outlived.is_empty() { Weak::new() } else { outlived.remove(key).unwrap_or_default() }
    }
}

impl Flight {
    fn call(&self, key: &CacheKey) -> RunningCall {
        let state = self.lock();
        let State { leaders, first_call_at, .. } = *state;
        RunningCall::new(key, leaders, state.followers.len(), first_call_at.elapsed())
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    pub(super) fn new(now: TimerPoint) -> Self {
        Self {
            followers: VecDeque::new(),
            joined: 0,
            leaders: 1,
            first_call_at: now,
            newest_call_at: now,
            since: None,
            waits_for_lease: false,
            streaming: 0,
            has_failed: false,
            handovers: 0,
        }
    }

    /// Adds a follower; `None` where there is no room.
    pub(super) fn join(&mut self) -> Option<(u64, oneshot::Receiver<Outcome>)> {
        if self.followers.len() >= MAX_FOLLOWERS {
            self.followers.retain(|follower| !follower.sender.is_closed());
        }
        if self.followers.len() >= MAX_FOLLOWERS {
            return None;
        }
        let (sender, receiver) = oneshot::channel();
        let number = self.joined;
        self.joined += 1;
        self.followers.push_back(WaitingFollower { number, joined_at: TimerPoint::now(), sender });
        Some((number, receiver))
    }

    /// The follower that leads next, the one that has waited longest; `None` where the role has been
    /// handed on too often.
    pub(super) fn next_leader(&mut self) -> Option<WaitingFollower> {
        if self.handovers >= MAX_HANDOVERS {
            return None;
        }
        self.followers.retain(|follower| !follower.sender.is_closed());
        let next = self.followers.pop_front()?;
        self.handovers += 1;
        // another handler call begins, for which all of them may wait
        (self.since, self.streaming, self.newest_call_at) = (None, 0, TimerPoint::now());
        Some(next)
    }
}
