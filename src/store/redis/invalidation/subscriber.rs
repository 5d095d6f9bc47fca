//! The thread on which a store is subscribed to announcements. It is a thread of its own, as the
//! runtimes of workers come and go; it begins with the store's first use and ends with the store.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex, OnceLock, PoisonError, mpsc},
    thread::{self, ThreadId},
    time::Duration,
};

use tokio::{
    runtime::{Builder, Handle},
    sync::oneshot,
};

use super::subscription::SubscriptionTask;
use crate::store::redis::lease::Releases;

/// How long a process that ends waits until others know. It mostly takes less than a millisecond.
const LEAVE_TIMEOUT: Duration = Duration::from_millis(100);

/// Keeps an [`InvalidationState`](super::state::InvalidationState) up to date while it lives.
#[derive(Default)]
pub(in crate::store::redis) struct Subscriber {
    running: OnceLock<Option<Running>>,
    releases: Arc<Releases>,
}

struct Running {
    runtime: Handle,
    thread: ThreadId,
    /// Dropped to end the thread.
    stop: Option<oneshot::Sender<Infallible>>,
    /// Closed when the thread ends.
    ended: Mutex<mpsc::Receiver<Infallible>>,
}

impl Subscriber {
    /// Subscribes, unless that has been done.
    pub(in crate::store::redis) fn start(&self, task: impl FnOnce() -> SubscriptionTask) {
        self.running.get_or_init(|| {
            let running = on_a_thread(task()).inspect_err(|error| {
                tracing::warn!(%error, "announcements of purges cannot be subscribed to");
            });
            running.ok()
        });
    }

    /// The leases that were released lately.
    pub(in crate::store::redis) const fn releases(&self) -> &Arc<Releases> {
        &self.releases
    }

    /// The runtime of the thread, for work that no request waits for.
    pub(in crate::store::redis) fn runtime(&self) -> Option<Handle> {
        self.running.get()?.as_ref().map(|running| running.runtime.clone())
    }
}

impl Drop for Running {
    /// Waits a moment for the thread: a program that ends would take the thread along before it has told
    /// others.
    fn drop(&mut self) {
        self.stop = None;
        // what runs on the thread may have been the last to hold the store
        if thread::current().id() != self.thread {
            let ended = self.ended.get_mut().unwrap_or_else(PoisonError::into_inner);
            let _ = ended.recv_timeout(LEAVE_TIMEOUT);
        }
    }
}

fn on_a_thread(task: SubscriptionTask) -> std::io::Result<Running> {
    let (stop, stopped) = oneshot::channel();
    let (end, ended) = mpsc::channel();
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    let run = move || {
        let _end = end;
        runtime.block_on(task.run(stopped));
        runtime.block_on(task.leave());
    };
    let thread = thread::Builder::new().name("response-cache".to_owned()).spawn(run)?;
    let (thread, ended) = (thread.thread().id(), Mutex::new(ended));
    Ok(Running { runtime: handle, thread, stop: Some(stop), ended })
}
