//! One purge, whoever asks for it. A purge that has begun comes to its end, even if whoever asked
//! goes away: what it is for has already been changed.

use std::{future::Future, sync::Arc};

use futures_util::FutureExt as _;
use tokio::sync::oneshot;

use super::Engine;
use crate::{
    purge::{Purge, Purged, Target},
    store::{StoreError, StoreErrorKind, any::AnyStore},
};

impl Engine {
    /// Purges and counts. An error means that the purge may not have reached the store, or names
    /// nothing that could be stored.
    pub(crate) async fn purge(&self, purge: Purge) -> Result<Purged, StoreError> {
        let purge = match purge.stale_since() {
            Some(_) => purge.softly_since(self.clock.now()),
            None => purge,
        };
        if let Some(problem) = purge.problem() {
            return Err(StoreError::with_source(StoreErrorKind::NoTarget, problem));
        }
        let each = self.all_spellings(&purge);
        let purged = self.to_its_end(purge_each(self.store.clone(), each)).await;
        match &purged {
            Ok(purged) => {
                self.purged(*purged);
                tracing::debug!(?purge, entries = purged.entries, "purged");
            }
            Err(error) => drop(self.failed("purge", error)),
        }
        purged
    }

    /// The purge, or where it names a URL, one for each way in which a response to it may be stored.
    fn all_spellings(&self, purge: &Purge) -> Vec<Purge> {
        let Target::Url { host, path, query } = purge.target() else { return vec![purge.clone()] };
        let mut queries = self.query_rules.all_spellings(query);
        // what other processes have stored, and by which rules, is not known here
        let known = self.store.is_private().then(|| self.search.queries(path, query)).flatten();
        let any = known.is_none();
        queries.extend(known.into_iter().flatten());
        queries.sort_unstable();
        queries.dedup();
        let url = |query| Target::Url { host: host.clone(), path: path.clone(), query };
        let mut all: Vec<Purge> = queries.into_iter().map(|query| purge.of(url(query))).collect();
        if any {
            all.push(purge.of(Target::AnyQuery { host: host.clone(), path: path.clone() }));
        }
        all
    }

    /// A purge whose count nobody wants, such as that of an unsafe request (RFC 9111 s.4.4).
    pub(crate) async fn purge_uncounted(&self, purge: &Purge) {
        let (store, of) = (self.store.clone(), purge.clone());
        match self.to_its_end(async move { store.purge_uncounted(&of).await }).await {
            Ok(purged) => self.purged(purged),
            Err(error) => drop(self.failed("purge", &error)),
        }
    }

    /// Purges that nobody waits for: at once where the store is immediate, else behind.
    pub(crate) fn purge_behind(self: &Arc<Self>, purges: Vec<Purge>) {
        let engine = Arc::clone(self);
        let run = async move {
            for purge in purges {
                let purge = match purge.stale_since() {
                    Some(_) => purge.softly_since(engine.clock.now()),
                    None => purge,
                };
                engine.purge_uncounted(&purge).await;
            }
        };
        if self.store.is_immediate() {
            let _done = run.now_or_never();
        } else {
            self.pending.spawn(run);
        }
    }

    fn purged(&self, purged: Purged) {
        self.counters.purged(purged);
        if purged.pending {
            self.counters.error();
        }
    }

    async fn to_its_end<T: Send + 'static>(
        &self,
        purge: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        if self.store.is_immediate() {
            return purge.await;
        }
        let (done, outcome) = oneshot::channel();
        self.pending.spawn(async move {
            // whoever asked may have gone away
            let _ = done.send(purge.await);
        });
        outcome.await.unwrap_or(Err(StoreError::new(StoreErrorKind::Unavailable)))
    }
}

async fn purge_each(store: AnyStore, purges: Vec<Purge>) -> Result<Purged, StoreError> {
    let mut all = Purged::default();
    for purge in &purges {
        let each = store.purge(purge).await?;
        all.entries += each.entries;
        all.pending |= each.pending;
    }
    Ok(all)
}
