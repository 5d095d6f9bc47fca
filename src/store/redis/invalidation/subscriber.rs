//! The thread on which a store is subscribed to announcements. It is a thread of its own, as the
//! runtimes of workers come and go; it begins with the store's first use and ends with the store.

use std::{
    convert::Infallible,
    pin::pin,
    sync::{Arc, OnceLock},
};

use futures_util::future::select;
use tokio::{
    runtime::{Builder, Handle},
    sync::oneshot,
};

use super::{state::InvalidationState, subscription::SubscriptionTask};
use crate::store::redis::{
    client::RedisClient, configuration::Configuration, lease::Releases, names::Names,
};

/// Keeps an [`InvalidationState`] up to date while it lives.
#[derive(Default)]
pub(in crate::store::redis) struct Subscriber {
    running: OnceLock<Option<Running>>,
    releases: Arc<Releases>,
}

struct Running {
    runtime: Handle,
    /// Dropped with the subscriber, which ends the thread.
    _stop: oneshot::Sender<Infallible>,
}

impl Subscriber {
    /// Subscribes, unless that has been done.
    pub(in crate::store::redis) fn start(
        &self,
        invalidation: &Arc<InvalidationState>,
        client: &Arc<RedisClient>,
        names: &Names,
        configuration: &Arc<Configuration>,
    ) {
        self.running.get_or_init(|| {
            let task = SubscriptionTask {
                invalidation: Arc::clone(invalidation),
                client: Arc::clone(client),
                names: names.clone(),
                configuration: Arc::clone(configuration),
                releases: Arc::clone(&self.releases),
            };
            let running = on_a_thread(task).inspect_err(|error| {
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

fn on_a_thread(task: SubscriptionTask) -> std::io::Result<Running> {
    let (stop, stopped) = oneshot::channel();
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    let run = move || {
        let subscribed = pin!(task.run());
        runtime.block_on(select(subscribed, stopped));
    };
    std::thread::Builder::new().name("response-cache".to_owned()).spawn(run)?;
    Ok(Running { runtime: handle, _stop: stop })
}
