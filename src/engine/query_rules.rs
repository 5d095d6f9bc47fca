//! The query rules of all clones of a cache: by its rules, each clone stores a URL under another
//! form of its query, and a purge of the URL has to reach all of these.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use crate::key::{path, query::QueryRules};

/// The rules of a path, [as the router reads it](path::reading).
type ByPath = dyn Fn(&str) -> Arc<QueryRules> + Send + Sync;

/// The rules of all clones of one cache.
#[derive(Default)]
pub(crate) struct AllQueryRules(RwLock<Vec<(String, Box<ByPath>)>>);

impl AllQueryRules {
    /// Adds the rules of a clone. Each worker has one with the same rules: they are built for the
    /// first clone with these `settings` only.
    pub(crate) fn add<E>(
        &self,
        settings: &str,
        rules: impl FnOnce() -> Result<Box<ByPath>, E>,
    ) -> Result<(), E> {
        if self.is_known(settings) {
            return Ok(());
        }
        let rules = rules()?;
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if !all.iter().any(|(known, _)| known == settings) {
            all.push((settings.to_owned(), rules));
        }
        Ok(())
    }

    fn is_known(&self, settings: &str) -> bool {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        all.iter().any(|(known, _)| known == settings)
    }

    /// The queries, each with its question mark, under which clones store a URL of this canonical path
    /// with this query.
    pub(super) fn stored_queries(&self, path: &str, query: &str) -> Vec<String> {
        let mut queries = vec![query.to_owned()];
        // rules tell `/a/` from `/a`, purges do not
        let readings = [path::reading(path).into_owned(), format!("{path}/")];
        for (_, rules) in self.0.read().unwrap_or_else(PoisonError::into_inner).iter() {
            for reading in &readings {
                let rules = rules(reading);
                let kept = query.strip_prefix('?').and_then(|query| rules.apply(query));
                queries.push(kept.map_or_else(String::new, |query| format!("?{query}")));
            }
        }
        queries.sort_unstable();
        queries.dedup();
        queries
    }
}

impl fmt::Debug for AllQueryRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        f.debug_list().entries(all.iter().map(|(settings, _)| settings)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(all: &AllQueryRules, name: &str, rules: QueryRules, under: &'static str) {
        let (rules, default) = (Arc::new(rules), Arc::default());
        let by_path = move |path: &str| {
            if path::is_under(path, under) { Arc::clone(&rules) } else { Arc::clone(&default) }
        };
        all.add::<()>(name, || Ok(Box::new(by_path))).unwrap();
    }

    #[test]
    fn purge_of_a_url_reaches_the_query_of_each_clone() {
        let all = AllQueryRules::default();
        let spellings = |query: &str| all.stored_queries("/a", query);
        assert_eq!(spellings("?b=1&a=1"), ["?b=1&a=1"]);
        add(&all, "default", QueryRules::default(), "/");
        add(&all, "sorted", QueryRules { sort: true, ..QueryRules::default() }, "/");
        let ignoring = QueryRules { ignore: vec!["b".into()], ..QueryRules::default() };
        add(&all, "ignoring", ignoring, "/");
        all.add::<()>("ignoring", || panic!("another worker's clone is the same")).unwrap();
        assert_eq!(spellings("?b=1&a=1"), ["?a=1", "?a=1&b=1", "?b=1&a=1"]);
        assert_eq!(spellings("?b=1"), ["", "?b=1"]);
    }

    #[test]
    fn rules_of_another_path_are_not_applied() {
        let all = AllQueryRules::default();
        let none = QueryRules { only: Some(Vec::new()), ..QueryRules::default() };
        add(&all, "rule", none, "/search");
        assert_eq!(all.stored_queries("/search", "?q=1"), ["", "?q=1"]);
        assert_eq!(all.stored_queries("/products", "?q=1"), ["?q=1"]);
    }
}
