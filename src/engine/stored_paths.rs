//! The paths under which clones of a cache store responses. An unsafe request to any other path has
//! nothing to invalidate; without this, it would cost the store a purge.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use crate::key::path;

/// Whether responses of a path, [as the router reads it](path::reading), may be stored.
type Test = dyn Fn(&str) -> bool + Send + Sync;

/// The paths of all clones that serve requests.
#[derive(Default)]
pub(crate) struct StoredPaths(RwLock<Vec<(String, Arc<Test>)>>);

impl StoredPaths {
    /// Adds the paths of a clone, those that pass the test. Each worker has a clone with the same
    /// `settings`: they are added once.
    pub(crate) fn add(
        &self,
        settings: String,
        test: impl Fn(&str) -> bool + Send + Sync + 'static,
    ) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if !all.iter().any(|(known, _)| *known == settings) {
            all.push((settings, Arc::new(test)));
        }
    }

    /// Whether responses may be stored under this path of a request.
    pub(crate) fn contains(&self, path: &str) -> bool {
        let reading = path::reading(path);
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        all.is_empty() || all.iter().any(|(_, test)| test(&reading))
    }
}

impl fmt::Debug for StoredPaths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        f.debug_list().entries(all.iter().map(|(settings, _)| settings)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_all_clones_are_contained_in_any_spelling() {
        let paths = StoredPaths::default();
        assert!(paths.contains("/a"), "nothing is known");
        paths.add("a".to_owned(), |path| path == "/a");
        paths.add("a".to_owned(), |_| panic!("another worker's clone is the same"));
        paths.add("b".to_owned(), |path| path == "/b/");
        let found = ["/a", "//%61", "/a/", "/b/", "/b", "/c"].map(|path| paths.contains(path));
        assert_eq!(found, [true, true, false, true, false, false]);
    }
}
