//! Purges. A purge that has begun is completed even if its caller is dropped: the data behind the
//! responses has already changed.

use std::sync::Arc;

use futures_util::{FutureExt as _, future::BoxFuture};
use tokio::{runtime::Handle, sync::oneshot};

use super::{event::CacheEvent, state::Engine};
use crate::{
    key::CacheKey,
    purge::{Purge, Purged, Target},
    store::{StoreError, StoreErrorKind, budget},
};

impl Engine {
    /// Purges; counts where the purge is counted. An error means that the purge may not have reached the store, or names
    /// nothing that could be stored.
    pub(crate) async fn purge(self: &Arc<Self>, purge: Purge) -> Result<Purged, StoreError> {
        let purge = self.with_time(purge);
        if let Some(problem) = purge.problem() {
            return Err(StoreError::with_source(StoreErrorKind::NoTarget, problem));
        }
        let spellings = self.all_spellings(&purge);
        let refreshes =
            if purge.refreshes() { self.popular_among(&spellings).await } else { Vec::new() };
        let purged = self.run_purges(spellings, vec![purge.clone()]).await;
        self.refresh_in_background(refreshes);
        match &purged {
            Ok(purged) => {
                self.purged(&purge, *purged);
                tracing::debug!(?purge, entries = purged.entries, "purged");
            }
            Err(error) => drop(self.store_failed("purge", error)),
        }
        purged
    }

    /// The purge, or where it names a URL, one for each query under which a response to it may be
    /// stored.
    pub(super) fn all_spellings(&self, purge: &Purge) -> Vec<Purge> {
        let Target::Url { host, path, query } = purge.target() else { return vec![purge.clone()] };
        let mut queries = self.query_rules.stored_queries(path, query);
        // under which queries other processes have stored it is not known here
        let mut any = !self.store.is_private();
        for query in queries.clone() {
            match self.no_vary_search.stored_queries(path, &query).filter(|_| !any) {
                Some(known) => queries.extend(known),
                None => any = true,
            }
        }
        queries.sort_unstable();
        queries.dedup();
        let url = |query| Target::Url { host: host.clone(), path: path.clone(), query };
        let mut all: Vec<Purge> = queries.into_iter().map(|query| purge.of(url(query))).collect();
        if any {
            all.push(purge.of(Target::AnyQuery { host: host.clone(), path: path.clone() }));
        }
        all
    }

    /// Removes an entry that has turned out to be of no use. Caches outside are not told: they find out
    /// as this one did.
    pub(crate) async fn purge_entry(self: &Arc<Self>, key: CacheKey) {
        let purges = vec![Purge::entry(key)];
        self.purge_uncounted(purges, Vec::new()).await;
    }

    /// Purges of whose failure the caller does not learn, such as those of an unsafe request (RFC 9111
    /// s.4.4). All of them are carried out, even if the caller is dropped meanwhile.
    pub(crate) async fn purge_all_uncounted(self: &Arc<Self>, purges: Vec<Purge>) {
        if !purges.is_empty() {
            self.purge_uncounted(purges.clone(), purges).await;
        }
    }

    async fn purge_uncounted(self: &Arc<Self>, purges: Vec<Purge>, told: Vec<Purge>) {
        match self.run_purges(purges.clone(), told).await {
            Ok(done) => {
                // what they removed together is counted with the first
                let each = std::iter::once(done).chain(std::iter::repeat(Purged::uncounted()));
                purges.iter().zip(each).for_each(|(purge, done)| self.purged(purge, done));
            }
            Err(error) => drop(self.store_failed("purge", &error)),
        }
    }

    /// Purges without waiting for the end: at once where the store is immediate, else in the
    /// background.
    pub(crate) fn purge_in_background(self: &Arc<Self>, purges: Vec<Purge>) {
        let engine = Arc::clone(self);
        let purges = purges.into_iter().map(|purge| self.with_time(purge)).collect();
        let run = async move { engine.purge_all_uncounted(purges).await };
        if !self.background_tasks.run(self.store.is_immediate(), run) {
            self.counters.error();
        }
    }

    /// Purges, and tells the hooks when that holds here, so that a CDN that asks again gets no old
    /// response. They are told where the store has failed as well: the data behind it has changed.
    async fn run_purges(
        self: &Arc<Self>,
        purges: Vec<Purge>,
        told: Vec<Purge>,
    ) -> Result<Purged, StoreError> {
        self.record_in_process(&purges);
        let engine = Arc::clone(self);
        let run = async move {
            let outcome = engine.store.purge_together(&purges).await;
            engine.purge_hooks.tell(&told);
            outcome
        };
        self.complete(run.boxed()).await
    }

    /// Records the purges of this process, for responses that are shared while the store is away.
    fn record_in_process(&self, purges: &[Purge]) {
        if !self.store.is_immediate() {
            for purge in purges {
                self.local_purges.record(purge);
            }
        }
    }

    /// A soft purge with the time from which on responses are stale.
    pub(super) fn with_time(&self, purge: Purge) -> Purge {
        match purge.stale_since() {
            Some(_) => purge.soft_since(self.clock.now()),
            None => purge,
        }
    }

    fn purged(&self, purge: &Purge, purged: Purged) {
        self.counters.purged(purge, purged);
        self.listeners.report(|| CacheEvent::purged(purge, purged));
        if purged.pending {
            self.counters.error();
        }
    }

    async fn complete(
        &self,
        purge: BoxFuture<'static, Result<Purged, StoreError>>,
    ) -> Result<Purged, StoreError> {
        // without a runtime there is no request that could be dropped
        if Handle::try_current().is_err() {
            return purge.await;
        }
        let mut purge = Box::pin(budget::with_own_budget(purge));
        if let Some(outcome) = purge.as_mut().now_or_never() {
            return outcome;
        }
        let (done, outcome) = oneshot::channel();
        self.background_tasks.spawn(async move {
            // the caller may have been dropped
            let _ = done.send(purge.await);
        });
        outcome.await.unwrap_or(Err(StoreError::new(StoreErrorKind::Unavailable)))
    }
}
