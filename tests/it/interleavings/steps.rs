//! Steps at which a test can stop what is going on, and a store with a step before and after each
//! operation of a fill.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use actix_response_cache::{
    Purge, Purged, Store, StoreError,
    store::{CacheKey, Entry, PurgeNumber, Put},
};
use tokio::sync::{Notify, oneshot};

/// Steps shared by what a test stops, in the order in which they are reached.
#[derive(Clone, Default)]
pub(super) struct Steps(Arc<Shared>);

#[derive(Default)]
struct Shared {
    stop: Mutex<Option<Stop>>,
    go: Notify,
}

struct Stop {
    left: usize,
    reached: oneshot::Sender<&'static str>,
}

impl Steps {
    /// Passes, unless it is here that a test has asked to stop.
    pub(super) async fn step(&self, name: &'static str) {
        let stop = {
            let mut stop = self.0.stop.lock().unwrap();
            if let Some(Stop { left: left @ 1.., .. }) = stop.as_mut() {
                *left -= 1;
                return;
            }
            stop.take()
        };
        if let Some(stop) = stop {
            let go = self.0.go.notified();
            if stop.reached.send(name).is_ok() {
                go.await;
            }
        }
    }

    /// Waits until the step after `before` others is reached, and stops there; returns its name.
    /// All others pass.
    pub(super) fn stop_at(&self, left: usize) -> impl Future<Output = &'static str> + use<> {
        let (reached, waiting) = oneshot::channel();
        *self.0.stop.lock().unwrap() = Some(Stop { left, reached });
        async { waiting.await.expect("one stop at a time") }
    }

    /// Lets the stopped step go on, and stops at no step from then on.
    pub(super) fn go_on(&self) {
        self.0.stop.lock().unwrap().take();
        self.0.go.notify_waiters();
    }
}

/// A store with steps.
pub(super) struct Paused<S> {
    store: S,
    steps: Steps,
}

impl<S> Paused<S> {
    pub(super) fn new(store: S, steps: &Steps) -> Self {
        Self { store, steps: steps.clone() }
    }
}

impl<S: Store> Store for Paused<S> {
    async fn purge_number(&self) -> Result<PurgeNumber, StoreError> {
        self.steps.step("before mark").await;
        let mark = self.store.purge_number().await;
        self.steps.step("after mark").await;
        mark
    }

    async fn get(&self, key: &CacheKey) -> Result<Option<Arc<Entry>>, StoreError> {
        self.steps.step("before get").await;
        let entry = self.store.get(key).await;
        self.steps.step("after get").await;
        entry
    }

    async fn put(&self, entry: Arc<Entry>, keep_for: Duration) -> Result<Put, StoreError> {
        self.steps.step("before put").await;
        let put = self.store.put(entry, keep_for).await;
        self.steps.step("after put").await;
        put
    }

    async fn purge(&self, target: &Purge) -> Result<Purged, StoreError> {
        self.store.purge(target).await
    }
}
