//! By which rules queries become parts of keys, over all clones of a cache: a URL is stored under what
//! each of them makes of its query, and a purge of the URL has to reach all of these.

use std::sync::{Arc, PoisonError, RwLock};

use crate::key::query::QueryRules;

/// The rules of all clones of one cache.
#[derive(Debug, Default)]
pub(crate) struct AllQueryRules(RwLock<Vec<Arc<QueryRules>>>);

impl AllQueryRules {
    /// Clones with these rules share the store.
    pub(crate) fn add(&self, rules: &Arc<QueryRules>) {
        let is_known = |all: &[Arc<QueryRules>]| all.contains(rules);
        if is_known(&self.0.read().unwrap_or_else(PoisonError::into_inner)) {
            return;
        }
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if !is_known(&all) {
            all.push(Arc::clone(rules));
        }
    }

    /// The queries, each with its question mark, that clones store a URL with this query under.
    pub(super) fn all_spellings(&self, query: &str) -> Vec<String> {
        let mut queries = vec![query.to_owned()];
        for rules in self.0.read().unwrap_or_else(PoisonError::into_inner).iter() {
            let counted = query.strip_prefix('?').and_then(|query| rules.apply(query));
            queries.push(counted.map_or_else(String::new, |query| format!("?{query}")));
        }
        queries.sort_unstable();
        queries.dedup();
        queries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_purged_as_each_clone_stores_it() {
        let all = AllQueryRules::default();
        let spellings = |query: &str| all.all_spellings(query);
        assert_eq!(spellings("?b=1&a=1"), ["?b=1&a=1"]);
        for rules in [
            QueryRules::default(),
            QueryRules { sort: true, ..QueryRules::default() },
            QueryRules { ignore: vec!["b".into()], ..QueryRules::default() },
            QueryRules { ignore: vec!["b".into()], ..QueryRules::default() },
        ] {
            all.add(&Arc::new(rules));
        }
        assert_eq!(spellings("?b=1&a=1"), ["?a=1", "?a=1&b=1", "?b=1&a=1"]);
        assert_eq!(spellings("?b=1"), ["", "?b=1"]);
    }
}
