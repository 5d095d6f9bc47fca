//! What was popular among what a purge takes is asked for again at once.

use std::{collections::HashSet, sync::Arc, time::Duration};

use super::request::Refresh;
use crate::{
    engine::state::Engine,
    key::CacheKey,
    purge::{Purge, Target},
};

/// How many URLs are asked for again after a purge.
const MAX_REFRESHES: usize = 32;
/// How many of them run at a time.
const AT_A_TIME: usize = 4;
/// How long they wait for a worker that can run them.
const READY: Duration = Duration::from_secs(10);

impl Engine {
    /// The popular URLs that this purge concerns, most popular first. Only those whose key is
    /// the URL alone: the others depend on who is asking.
    pub(crate) async fn popular_among(&self, purges: &[Purge]) -> Vec<Refresh> {
        let mut popular = Vec::new();
        for key in self.counters.popular_keys() {
            if popular.len() == MAX_REFRESHES {
                break;
            }
            if self.concerns_popular(purges, &key).await {
                popular.push(refresh_of(&key));
            }
        }
        popular
    }

    async fn concerns_popular(&self, purges: &[Purge], key: &CacheKey) -> bool {
        let by_group = |purge: &Purge| matches!(purge.target(), Target::Group(_));
        if purges.iter().all(|purge| !by_group(purge)) {
            return purges.iter().any(|purge| purge.concerns(key, &[]));
        }
        // the groups of a response are known to its entry only
        let entry = self.store.get(key).await.ok().flatten();
        entry.is_some_and(|entry| purges.iter().any(|purge| purge.concerns(key, &entry.groups)))
    }

    /// Runs these in the background.
    pub(crate) fn refresh_in_background(self: &Arc<Self>, refreshes: Vec<Refresh>) {
        if refreshes.is_empty() {
            return;
        }
        let engine = Arc::clone(self);
        self.background_tasks.spawn(async move {
            let report = engine.refresh(refreshes, AT_A_TIME, READY).await;
            tracing::debug!(?report, "refreshed what was popular among what was purged");
        });
    }

    /// The URLs of stored responses whose key is the URL alone, no more than `at_most`: popular ones first,
    /// as far as they are stored, then others.
    pub(crate) async fn export_keys(&self, at_most: usize) -> Vec<String> {
        let mut urls = Vec::new();
        for key in self.counters.popular_keys() {
            if urls.len() < at_most && matches!(self.store.get(&key).await, Ok(Some(_))) {
                urls.push(url(&key));
            }
        }
        let (mut known, mut from): (HashSet<_>, _) = (urls.iter().cloned().collect(), None);
        while urls.len() < at_most {
            let Ok((keys, next)) = self.keys_of_urls(from.as_deref()).await else { break };
            urls.extend(keys.iter().map(url).filter(|url| known.insert(url.clone())));
            let Some(next) = next else { break };
            from = Some(next);
        }
        urls.truncate(at_most);
        urls
    }
}

fn url(key: &CacheKey) -> String {
    format!("//{}", key.url())
}

fn refresh_of(key: &CacheKey) -> Refresh {
    Refresh::get(url(key))
}
