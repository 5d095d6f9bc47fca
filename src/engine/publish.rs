//! The end of a cache fill: the response is put into the store, and shared with the requests that
//! wait for it.

use std::{sync::Arc, time::Duration};

use super::{
    flight::{Leader, LogicalTime, Published},
    packing::Packing,
    state::Engine,
    store_watch::StoreWatch,
};
use crate::{
    entry::{Entry, Kind, StoredResponse},
    key::CacheKey,
    semantics::verdict::Reason,
    store::{Put, StoreErrorKind},
};

impl Engine {
    /// Stores the response, and shares it.
    pub(super) async fn store_entry(
        self: &Arc<Self>,
        mut published: Arc<Published>,
        since: LogicalTime,
        leader: Option<Leader>,
        packing: Option<Arc<Packing>>,
        mut watch: StoreWatch,
    ) {
        let keep_for =
            published.entry.response().map_or_else(Default::default, StoredResponse::useful_for);
        let put = self.put(&published.entry, since, keep_for).await;
        let stored = match put {
            Ok(Put::Stored | Put::Stale) => Ok(()),
            Ok(Put::Refused) => Err(Reason::Purged),
            Err(why) => Err(why),
        };
        match stored {
            Ok(()) => self.stored(&published.entry),
            Err(why) => self.left_out(why, &published.entry.key),
        }
        watch.tell(stored);
        // there is no other reference to it yet
        if let Some(published) = Arc::get_mut(&mut published) {
            published.stored = stored;
        }
        if let (Ok(Put::Stored), Some(packing)) = (put, &packing) {
            #[cfg(feature = "precompress")]
            Self::pack_behind(self, &published.entry, packing);
            #[cfg(not(feature = "precompress"))]
            match **packing {}
        }
        let displaced = self.add_variant(&published, keep_for).await;
        if let Some(leader) = leader {
            self.publish(leader, &published, put, since);
        }
        if let Some(oldest) = displaced
            && let Err(error) = self.store.forget(&oldest).await
        {
            self.store_failed("remove a variant", &error);
        }
    }

    /// Puts the entry into the store, unless the store could not give a logical time when the fill
    /// began: then it could not tell later purges from earlier ones.
    async fn put(
        &self,
        entry: &Arc<Entry>,
        since: LogicalTime,
        keep_for: Duration,
    ) -> Result<Put, Reason> {
        since.store.ok_or(Reason::StoreFailed)?;
        self.store.put(Arc::clone(entry), keep_for).await.map_err(|error| match error.kind() {
            StoreErrorKind::TooLarge => Reason::TooLarge,
            _ => self.not_stored(&error),
        })
    }

    /// Where the stored response is a variant, makes it known under its URL. Gives the key of the
    /// variant that is to be removed in its place.
    async fn add_variant(&self, published: &Published, keep_for: Duration) -> Option<CacheKey> {
        let Published { url, selecting, entry, stored } = published;
        if stored.is_err() || selecting.is_empty() {
            return None;
        }
        let displaced = self.vary.add(url, selecting, &entry.key);
        self.store_vary_entry(published, keep_for).await;
        displaced
    }

    /// Stores under the URL's own key which headers select between its variants. The entry is in
    /// the groups of the variant, so that a purge of the group does not leave it behind.
    async fn store_vary_entry(&self, variant: &Published, keep_for: Duration) {
        let Entry { since, ref groups, .. } = *variant.entry;
        let (key, kind) = (variant.url.clone(), Kind::Varies(variant.selecting.clone()));
        let entry = Entry { key, since, groups: groups.clone(), kind };
        if let Err(error) = self.store.put(Arc::new(entry), keep_for).await {
            self.store_failed("store the names that select variants", &error);
        }
    }

    /// Shares the response with the requests that wait for it and may have it.
    fn publish(
        &self,
        leader: Leader,
        published: &Arc<Published>,
        put: Result<Put, Reason>,
        since: LogicalTime,
    ) {
        let terms = published.entry.response().map(StoredResponse::terms);
        if terms.is_none_or(|terms| terms.no_cache || terms.initial_age >= terms.lifetime) {
            return self.mark_hit_for_miss(leader);
        }
        self.unmark_hit_for_miss(leader.key());
        match put {
            Ok(Put::Stored) => leader.publish(published),
            // kept as stale, or not at all: a purge came after the handler was called
            Ok(Put::Stale | Put::Refused) => leader.publish_purged(published),
            Err(_) => self.publish_unstored(leader, published, since),
        }
    }

    /// Shares a response that the store could not take, unless a purge of this process concerns it.
    fn publish_unstored(&self, leader: Leader, published: &Arc<Published>, since: LogicalTime) {
        // without this, requests for other variants would wait for this one
        if !published.selecting.is_empty() {
            self.vary.learn(&published.url, &published.selecting);
        }
        if self.local_purges.concerns(&published.entry, since.process) {
            leader.publish_purged(published);
        } else {
            leader.publish_unstored(published);
        }
    }
}
