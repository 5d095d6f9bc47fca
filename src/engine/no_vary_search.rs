//! What this process has learned from `No-Vary-Search` headers: which differences in the query make
//! no difference to the responses of a path. Bounded: what is forgotten costs a miss.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::{key::CacheKey, semantics::no_vary_search::NoVarySearch};

/// How many paths are remembered at most.
const MAX_PATHS: usize = 1024;
/// How many different headers of one path are remembered at most.
const MAX_RULES_PER_PATH: usize = 8;

/// The rules of paths whose responses carried `No-Vary-Search`.
#[derive(Debug, Default)]
pub(crate) struct NoVarySearchIndex {
    /// Whether there are any. Most applications have none, and then no lock is taken.
    has_any: AtomicBool,
    table: RwLock<Table>,
}

#[derive(Debug, Default)]
struct Table {
    paths: HashMap<CacheKey, PathRules, ahash::RandomState>,
    oldest_first: VecDeque<CacheKey>,
    /// A path, or a rule of one, was forgotten: responses may be stored under queries that are not
    /// known any more.
    is_incomplete: bool,
}

/// The rules of one path.
#[derive(Debug, Default)]
struct PathRules {
    /// The newest one, by which requests are looked up.
    current: Option<NoVarySearch>,
    /// All of them: responses may be stored under the queries of each.
    all: Vec<NoVarySearch>,
}

impl NoVarySearchIndex {
    /// The key with its query in canonical form: all queries that select the same response have the
    /// same one. `None` where the path has no rule.
    pub(crate) fn canonical(&self, key: &CacheKey) -> Option<CacheKey> {
        if !self.has_any() {
            return None;
        }
        let table = self.read();
        let rule = table.paths.get(&key.with_query(None))?.current.as_ref()?;
        Some(with_canonical_query(key, rule))
    }

    /// Whether any path has a rule.
    pub(super) fn has_any(&self) -> bool {
        self.has_any.load(Ordering::Relaxed)
    }

    /// Learns the rule of a response to `key`. Gives the key to store it under, and whether the rule
    /// is new to the path: then purges up to now did not know that key.
    pub(crate) fn learn(
        &self,
        key: &CacheKey,
        rule: Option<NoVarySearch>,
    ) -> Option<(CacheKey, bool)> {
        let path = || key.with_query(None);
        let Some(rule) = rule else {
            if self.has_any()
                && let Some(rules) = self.write().paths.get_mut(&path())
            {
                rules.current = None;
            }
            return None;
        };
        let canonical = with_canonical_query(key, &rule);
        let is_new = self.write().learn(path(), rule);
        self.has_any.store(true, Ordering::Relaxed);
        Some((canonical, is_new))
    }

    /// The queries under which responses to this URL may be stored because of its path's rules;
    /// `None` where others may have been forgotten.
    pub(super) fn stored_queries(&self, path: &str, query: &str) -> Option<Vec<String>> {
        if !self.has_any() {
            return Some(Vec::new());
        }
        let table = self.read();
        if table.is_incomplete {
            return None;
        }
        let of_path = table.paths.iter().filter(|(key, _)| key.path() == path);
        let all = of_path.flat_map(|(_, rules)| &rules.all);
        let queries = all.map(|rule| match rule.canonical(query.trim_start_matches('?')) {
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
    /// Remembers a rule of a path; whether it is new.
    fn learn(&mut self, path: CacheKey, rule: NoVarySearch) -> bool {
        if !self.paths.contains_key(&path) {
            self.oldest_first.push_back(path.clone());
        }
        let rules = self.paths.entry(path).or_default();
        let is_new = !rules.all.contains(&rule);
        if is_new {
            rules.all.push(rule.clone());
            if rules.all.len() > MAX_RULES_PER_PATH {
                rules.all.remove(0);
                self.is_incomplete = true;
            }
        }
        rules.current = Some(rule);
        if self.oldest_first.len() > MAX_PATHS
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.paths.remove(&oldest);
            self.is_incomplete = true;
        }
        is_new
    }
}

fn with_canonical_query(key: &CacheKey, rule: &NoVarySearch) -> CacheKey {
    let canonical = rule.canonical(key.query().trim_start_matches('?'));
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
    fn rule_holds_for_its_path_on_its_host() {
        let index = NoVarySearchIndex::default();
        assert_eq!(index.canonical(&key("h", "/a", "x=1&b=2")), None);
        let (stored, is_new) = index.learn(&key("h", "/a", "x=1&b=2"), ignoring_order()).unwrap();
        assert_eq!(index.canonical(&key("h", "/a", "b=2&x=1")), Some(stored.clone()));
        let again = index.learn(&key("h", "/a", "x=1&b=2"), ignoring_order());
        assert_eq!((is_new, again), (true, Some((stored, false))));
        assert_eq!(index.canonical(&key("other", "/a", "b=2&x=1")), None);
        assert_eq!(index.canonical(&key("h", "/b", "b=2&x=1")), None);
        index.learn(&key("h", "/a", "x=1"), None);
        assert_eq!(index.canonical(&key("h", "/a", "b=2&x=1")), None);
        let stored = Some(vec!["?b=2&x=1".to_owned()]);
        assert_eq!(
            index.stored_queries("/a", "?x=1&b=2"),
            stored,
            "what was stored under the old rule is still there"
        );
        assert_eq!(index.stored_queries("/b", "?x=1&b=2"), Some(vec![]));
    }

    #[test]
    fn number_of_paths_is_bounded() {
        let index = NoVarySearchIndex::default();
        for n in 0..MAX_PATHS + 10 {
            index.learn(&key("h", &format!("/{n}"), "a=1"), ignoring_order());
        }
        assert_eq!(index.read().paths.len(), MAX_PATHS);
        assert_eq!(index.stored_queries("/x", ""), None, "others may have been forgotten");
    }
}
