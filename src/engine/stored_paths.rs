//! Under which paths responses may be stored, over all clones of a cache: an unsafe request to any other
//! path has nothing to invalidate, and costs the store nothing.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use crate::key::path;

/// Whether responses of a path, [as the router reads it](path::reading), may be stored.
type Test = dyn Fn(&str) -> bool + Send + Sync;

/// The paths of all clones that requests go through.
#[derive(Default)]
pub(crate) struct StoredPaths(RwLock<Vec<(String, Arc<Test>)>>);

impl StoredPaths {
    /// Requests go through a clone that stores what passes this test. `settings` tell it from others:
    /// each worker has a clone.
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

    /// Whether anything may be stored under this path of a request.
    pub(crate) fn may_have(&self, path: &str) -> bool {
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
    fn paths_of_all_clones_count_in_any_spelling() {
        let paths = StoredPaths::default();
        assert!(paths.may_have("/a"), "nothing is known");
        paths.add("a".to_owned(), |path| path == "/a");
        paths.add("a".to_owned(), |_| panic!("another worker's clone is the same"));
        paths.add("b".to_owned(), |path| path == "/b/");
        let found = ["/a", "//%61", "/a/", "/b/", "/b", "/c"].map(|path| paths.may_have(path));
        assert_eq!(found, [true, true, false, true, false, false]);
    }
}
