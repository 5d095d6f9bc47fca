//! Removals that no caller waits for. Each goes on, whatever happens to Redis meanwhile, from where it
//! was; one that ends with its process leaves entries that are never served, until they expire.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use tokio::{runtime::Handle, time::sleep};

use super::job::Removal;
use crate::{
    clock::Stopwatch,
    store::{
        breaker,
        error::{StoreError, StoreErrorKind},
        redis::{
            client::RedisClient,
            invalidation::{subscriber::Subscriber, tags::Tag},
            names::Names,
        },
    },
};

/// How many wait at most; what more purges named expires where it is.
const MAX_QUEUED: usize = 1 << 14;
/// How many are under way at a time.
const MAX_RUNNERS: usize = 16;
/// After how many refusals in a row a removal is given up: it is not permitted.
const MAX_REFUSALS: u32 = 5;
/// A step may be followed by a pause as long as it took, but for one that took less than this.
const SHORT_STEP: Duration = Duration::from_millis(1);

/// The removals of one store, carried out one after the other behind the purges.
pub(in crate::store::redis) struct Removals {
    client: Arc<RedisClient>,
    names: Names,
    subscriber: Arc<Subscriber>,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    order: VecDeque<Tag>,
    queued: HashMap<Tag, Removal>,
    runners: usize,
}

impl Removals {
    pub(in crate::store::redis) fn new(
        client: &Arc<RedisClient>,
        names: &Names,
        subscriber: &Arc<Subscriber>,
    ) -> Arc<Self> {
        let (client, names, subscriber) =
            (Arc::clone(client), names.clone(), Arc::clone(subscriber));
        Arc::new(Self { client, names, subscriber, queue: Mutex::default() })
    }

    /// Carries a removal out behind the caller. It takes the place of one that waits and has the same
    /// target, as that one's entries are its own.
    pub(in crate::store::redis) fn push(self: &Arc<Self>, removal: Removal) {
        let mut queue = self.lock();
        queue.add(removal);
        // runtimes of workers come and go
        let runtime = self.subscriber.runtime().or_else(|| Handle::try_current().ok());
        if queue.runners < MAX_RUNNERS
            && let Some(runtime) = runtime
        {
            queue.runners += 1;
            drop(queue);
            runtime.spawn(Runner { removals: Arc::downgrade(self), current: None }.run());
        }
    }

    /// How many are waiting or under way.
    #[cfg(test)]
    pub(in crate::store::redis) fn count(&self) -> usize {
        let queue = self.lock();
        queue.order.len() + queue.runners
    }

    /// Does some steps of a removal; how long they took.
    async fn step(&self, removal: &mut Removal) -> Result<Duration, StoreError> {
        let begun = Stopwatch::start();
        removal.step(&self.client, &self.names).await?;
        Ok(begun.elapsed())
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn add(&mut self, removal: Removal) {
        let tag = removal.tag();
        if self.queued.contains_key(&tag) {
            self.queued.insert(tag, removal);
        } else if self.order.len() < MAX_QUEUED {
            self.order.push_back(tag);
            self.queued.insert(tag, removal);
        }
    }

    /// Puts back one that was under way, unless a later one of its target waits.
    fn put_back(&mut self, removal: Removal) {
        if !self.queued.contains_key(&removal.tag()) {
            self.add(removal);
        }
    }

    fn next(&mut self) -> Option<Removal> {
        let tag = self.order.pop_front()?;
        self.queued.remove(&tag)
    }
}

/// Carries removals out until none waits. One that ends with its runtime leaves what it had to do to
/// the next.
struct Runner {
    removals: Weak<Removals>,
    current: Option<Removal>,
}

impl Runner {
    async fn run(mut self) {
        let (mut failures, mut refusals) = (0, 0);
        while let Some(removals) = self.removals.upgrade() {
            if self.current.is_none() {
                self.current = removals.lock().next();
                (failures, refusals) = (0, 0);
            }
            let Some(removal) = &mut self.current else { return };
            let stepped = removals.step(removal).await;
            drop(removals);
            let pause = match stepped {
                Ok(_) if removal.is_done() => {
                    self.current = None;
                    continue;
                }
                Ok(took) => {
                    (failures, refusals) = (0, 0);
                    took
                }
                Err(error) => {
                    failures += 1;
                    refusals += u32::from(is_refusal(&error));
                    if refusals >= MAX_REFUSALS {
                        tracing::debug!(%error, "what was purged stays until it expires");
                        self.current = None;
                        continue;
                    }
                    breaker::jittered(breaker::backoff(failures))
                }
            };
            // others have their turn
            if pause >= SHORT_STEP {
                sleep(pause).await;
            }
        }
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        let Some(removals) = self.removals.upgrade() else { return };
        let mut queue = removals.lock();
        queue.runners = queue.runners.saturating_sub(1);
        if let Some(removal) = self.current.take() {
            queue.put_back(removal);
        }
    }
}

fn is_refusal(error: &StoreError) -> bool {
    matches!(error.kind(), StoreErrorKind::Refused | StoreErrorKind::Corrupt)
}
