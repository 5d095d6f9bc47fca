//! What one process has learned of `No-Vary-Search`: under which differences in the query two URLs
//! of a path mean the same response. Bounded: forgetting costs a look-up, never an answer.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::{key::CacheKey, semantics::no_vary_search::NoVarySearch};

/// How many paths are remembered.
const MOST_PATHS: usize = 1024;
/// How many different fields of one path are remembered.
const MAX_RULES: usize = 8;

/// The paths whose responses carried `No-Vary-Search`.
#[derive(Debug, Default)]
pub(crate) struct SearchMemo {
    /// Most applications have none, and then nothing is looked up.
    any: AtomicBool,
    table: RwLock<Table>,
}

#[derive(Debug, Default)]
struct Table {
    paths: HashMap<CacheKey, Known, ahash::RandomState>,
    oldest_first: VecDeque<CacheKey>,
    /// A path, or a rule of one, was forgotten: what is known of paths is not all.
    is_incomplete: bool,
}

/// What the responses of one path have said.
#[derive(Debug, Default)]
struct Known {
    /// The last one; requests are looked up by it.
    current: Option<NoVarySearch>,
    /// All of them: responses may be stored under each.
    all: Vec<NoVarySearch>,
}

impl SearchMemo {
    /// The key with its query as all queries are written that mean the same response, where
    /// anything is known of the path.
    pub(crate) fn canonical(&self, key: &CacheKey) -> Option<CacheKey> {
        if !self.any.load(Ordering::Relaxed) {
            return None;
        }
        let table = self.read();
        let search = table.paths.get(&key.with_query(None))?.current.as_ref()?;
        Some(rewritten(key, search))
    }

    /// Learns what the response to `key` says, and gives the key to store it under, and whether the
    /// path has not said so before: purges up to now did not know of it.
    pub(crate) fn learn(
        &self,
        key: &CacheKey,
        search: Option<NoVarySearch>,
    ) -> Option<(CacheKey, bool)> {
        let path = || key.with_query(None);
        let Some(search) = search else {
            if self.any.load(Ordering::Relaxed)
                && let Some(known) = self.write().paths.get_mut(&path())
            {
                known.current = None;
            }
            return None;
        };
        let canonical = rewritten(key, &search);
        let is_new = self.write().learn(path(), search);
        self.any.store(true, Ordering::Relaxed);
        Some((canonical, is_new))
    }

    /// The queries under which responses to this URL may be stored because of what its path has
    /// said; `None` where that may not be all of them.
    pub(super) fn queries(&self, path: &str, query: &str) -> Option<Vec<String>> {
        if !self.any.load(Ordering::Relaxed) {
            return Some(Vec::new());
        }
        let table = self.read();
        if table.is_incomplete {
            return None;
        }
        let of_path = table.paths.iter().filter(|(key, _)| key.path() == path);
        let rules = of_path.flat_map(|(_, known)| &known.all);
        let queries = rules.map(|search| match search.canonical(query.trim_start_matches('?')) {
            query if query.is_empty() => query,
            query => format!("?{query}"),
        });
        Some(queries.collect())
    }

    fn read(&self) -> RwLockReadGuard<'_, Table> {
        self.table.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Table> {
        self.table.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Remembers what a path has said; whether that is new.
    fn learn(&mut self, path: CacheKey, search: NoVarySearch) -> bool {
        if !self.paths.contains_key(&path) {
            self.oldest_first.push_back(path.clone());
        }
        let known = self.paths.entry(path).or_default();
        let is_new = !known.all.contains(&search);
        if is_new {
            known.all.push(search.clone());
            if known.all.len() > MAX_RULES {
                known.all.remove(0);
                self.is_incomplete = true;
            }
        }
        known.current = Some(search);
        if self.oldest_first.len() > MOST_PATHS
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.paths.remove(&oldest);
            self.is_incomplete = true;
        }
        is_new
    }
}

fn rewritten(key: &CacheKey, search: &NoVarySearch) -> CacheKey {
    let canonical = search.canonical(key.query().trim_start_matches('?'));
    key.for_queries((!canonical.is_empty()).then_some(canonical.as_str()))
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
        let (stored, is_new) = memo.learn(&key("h", "/a", "x=1&b=2"), ignoring_order()).unwrap();
        assert_eq!(memo.canonical(&key("h", "/a", "b=2&x=1")), Some(stored.clone()));
        let again = memo.learn(&key("h", "/a", "x=1&b=2"), ignoring_order());
        assert_eq!((is_new, again), (true, Some((stored, false))));
        assert_eq!(memo.canonical(&key("other", "/a", "b=2&x=1")), None);
        assert_eq!(memo.canonical(&key("h", "/b", "b=2&x=1")), None);
        memo.learn(&key("h", "/a", "x=1"), None);
        assert_eq!(memo.canonical(&key("h", "/a", "b=2&x=1")), None);
        let stored = Some(vec!["?b=2&x=1".to_owned()]);
        assert_eq!(memo.queries("/a", "?x=1&b=2"), stored, "what was stored is still there");
        assert_eq!(memo.queries("/b", "?x=1&b=2"), Some(vec![]));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let memo = SearchMemo::default();
        for n in 0..MOST_PATHS + 10 {
            memo.learn(&key("h", &format!("/{n}"), "a=1"), ignoring_order());
        }
        assert_eq!(memo.read().paths.len(), MOST_PATHS);
        assert_eq!(memo.queries("/x", ""), None, "and then not all is known");
    }
}
