//! What becomes of a response that has been got: it is put into the store, and given to the requests
//! that wait for it.

use std::{sync::Arc, time::Duration};

use super::{
    flight::{Lead, LogicalTime, Published},
    state::Engine,
};
use crate::{
    entry::{Entry, Kind, StoredResponse},
    key::CacheKey,
    semantics::verdict::Reason,
    store::{Put, StoreErrorKind},
};

/// How long a key stays hit-for-miss after a response that was not stored.
const HIT_FOR_MISS: Duration = Duration::from_secs(5);
/// How long a key stays hit-for-miss after requests have waited for a long stream in vain.
const HIT_FOR_MISS_STREAM: Duration = Duration::from_secs(60);

impl Engine {
    pub(super) async fn store_entry(
        &self,
        mut published: Published,
        since: LogicalTime,
        lead: Option<Lead>,
    ) {
        let keep_for =
            published.entry.response().map_or_else(Default::default, StoredResponse::useful_for);
        let put = self.put(&published.entry, since, keep_for).await;
        published.stored = match put {
            Ok(Put::Kept | Put::Stale) => Ok(()),
            Ok(Put::Refused) => Err(Reason::Purged),
            Err(why) => Err(why),
        };
        match published.stored {
            Ok(()) => self.stored(),
            Err(why) => self.counters.not_stored(why),
        }
        let mut displaced = None;
        if published.stored.is_ok() && !published.selecting.is_empty() {
            let Published { url, selecting, entry, .. } = &published;
            displaced = self.vary.stored(url, selecting, &entry.key);
            self.store_note(&published, keep_for).await;
        }
        if let Some(lead) = lead {
            self.publish(lead, published, put, since);
        }
        if let Some(oldest) = displaced
            && let Err(error) = self.store.forget(&oldest).await
        {
            self.failed("forget a variant", &error);
        }
    }

    /// Puts the entry into the store, unless that could not even be asked for the time.
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

    /// Stores the note that the URL has variants; named by the same groups as the variant, so that
    /// a purge of the group leaves no note without variants.
    async fn store_note(&self, variant: &Published, keep_for: Duration) {
        let Entry { since, ref groups, .. } = *variant.entry;
        let (key, kind) = (variant.url.clone(), Kind::Varies(variant.selecting.clone()));
        let note = Entry { key, since, groups: groups.clone(), kind };
        if let Err(error) = self.store.put(Arc::new(note), keep_for).await {
            self.failed("store the variants' note", &error);
        }
    }

    /// Gives the response to the requests that wait for it and may have it.
    fn publish(
        &self,
        lead: Lead,
        published: Published,
        put: Result<Put, Reason>,
        since: LogicalTime,
    ) {
        let terms = published.entry.response().map(|response| response.terms);
        if terms.is_none_or(|terms| terms.no_cache || terms.initial_age >= terms.lifetime) {
            return self.mark_hit_for_miss(lead);
        }
        self.hit_for_miss.clear(lead.key());
        match put {
            Ok(Put::Kept) => lead.publish(published),
            // kept as stale, or not at all: a purge has come since the handler was called
            Ok(Put::Stale | Put::Refused) => lead.publish_purged(published),
            Err(_) => {
                // so that requests for other variants wait for their own
                if !published.selecting.is_empty() {
                    self.vary.learn(&published.url, &published.selecting);
                }
                if self.purges_here.concerns(&published.entry, since.process) {
                    lead.publish_purged(published);
                } else {
                    lead.publish_unstored(published);
                }
            }
        }
    }

    /// Requests for the key do not wait for one another for a while: its responses cannot be shared.
    pub(super) fn mark_hit_for_miss(&self, lead: Lead) {
        self.hit_for_miss.set(lead.key(), HIT_FOR_MISS);
        lead.release();
    }

    /// Requests for the key do not wait for one another for a while: its response is a long stream.
    pub(crate) fn is_long_stream(&self, key: &CacheKey) {
        self.hit_for_miss.set(key, HIT_FOR_MISS_STREAM);
    }
}
