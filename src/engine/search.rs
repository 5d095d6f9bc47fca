//! What one process has learned of `No-Vary-Search`: under which differences in the query two URLs
//! of a path mean the same response. Bounded: forgetting costs a look-up, never an answer.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::{
    key::CacheKey,
    purge::{Purge, Target},
    semantics::no_vary_search::NoVarySearch,
};

/// How many paths are remembered.
const MOST_PATHS: usize = 1024;

/// The paths whose responses carried `No-Vary-Search`.
#[derive(Debug, Default)]
pub(crate) struct SearchMemo {
    /// Most applications have none, and then nothing is looked up.
    any: AtomicBool,
    table: RwLock<Table>,
}

#[derive(Debug, Default)]
struct Table {
    paths: HashMap<CacheKey, NoVarySearch, ahash::RandomState>,
    oldest_first: VecDeque<CacheKey>,
}

impl SearchMemo {
    /// The key with its query as all queries are written that mean the same response, where
    /// anything is known of the path.
    pub(crate) fn canonical(&self, key: &CacheKey) -> Option<CacheKey> {
        if !self.any.load(Ordering::Relaxed) {
            return None;
        }
        let table = self.read();
        let search = table.paths.get(&key.with_query(None))?;
        Some(rewritten(key, search))
    }

    /// Learns what the response to `key` says, and gives the key to store it under.
    pub(crate) fn learn(&self, key: &CacheKey, search: Option<NoVarySearch>) -> Option<CacheKey> {
        let path = || key.with_query(None);
        let Some(search) = search else {
            if self.any.load(Ordering::Relaxed) {
                self.write().paths.remove(&path());
            }
            return None;
        };
        let canonical = rewritten(key, &search);
        let mut table = self.write();
        if table.paths.insert(path(), search).is_none() {
            table.oldest_first.push_back(path());
            if table.oldest_first.len() > MOST_PATHS
                && let Some(oldest) = table.oldest_first.pop_front()
            {
                table.paths.remove(&oldest);
            }
        }
        self.any.store(true, Ordering::Relaxed);
        Some(canonical)
    }

    /// What else has to be purged with a URL: it may be stored under another spelling of its query.
    pub(crate) fn spellings(&self, purge: &Purge) -> Vec<Purge> {
        let Target::Url { host, path, query } = purge.target() else { return Vec::new() };
        if !self.any.load(Ordering::Relaxed) {
            return Vec::new();
        }
        let table = self.read();
        let of_path = table.paths.iter().filter(|(key, _)| key.path() == path);
        let spelled = of_path.map(|(_, search)| {
            let query = search.canonical(query.trim_start_matches('?'));
            let query = if query.is_empty() { query } else { format!("?{query}") };
            purge.of(Target::Url { host: host.clone(), path: path.clone(), query })
        });
        let mut spelled: Vec<_> = spelled.filter(|spelled| spelled != purge).collect();
        spelled.dedup();
        spelled
    }

    fn read(&self) -> RwLockReadGuard<'_, Table> {
        self.table.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Table> {
        self.table.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn rewritten(key: &CacheKey, search: &NoVarySearch) -> CacheKey {
    let canonical = search.canonical(key.query().trim_start_matches('?'));
    key.with_query((!canonical.is_empty()).then_some(canonical.as_str()))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;
    use crate::key::KeyBuilder;

    fn key(host: &str, path: &str, query: &str) -> CacheKey {
        KeyBuilder::new(false, host, path, Some(query)).finish()
    }

    fn ignoring_order() -> Option<NoVarySearch> {
        let name = HeaderName::from_static("no-vary-search");
        NoVarySearch::parse([(name, HeaderValue::from_static("key-order"))].as_slice())
    }

    #[test]
    fn what_is_learned_holds_for_the_path_on_its_host() {
        let memo = SearchMemo::default();
        assert_eq!(memo.canonical(&key("h", "/a", "x=1&b=2")), None);
        let stored = memo.learn(&key("h", "/a", "x=1&b=2"), ignoring_order());
        assert_eq!(memo.canonical(&key("h", "/a", "b=2&x=1")), stored);
        assert_eq!(memo.canonical(&key("other", "/a", "b=2&x=1")), None);
        assert_eq!(memo.canonical(&key("h", "/b", "b=2&x=1")), None);
        assert_eq!(memo.spellings(&Purge::url("/a?x=1&b=2")), [Purge::url("/a?b=2&x=1")]);
        memo.learn(&key("h", "/a", "x=1"), None);
        assert_eq!(memo.canonical(&key("h", "/a", "b=2&x=1")), None);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let memo = SearchMemo::default();
        for n in 0..MOST_PATHS + 10 {
            memo.learn(&key("h", &format!("/{n}"), "a=1"), ignoring_order());
        }
        assert_eq!(memo.read().paths.len(), MOST_PATHS);
    }
}
