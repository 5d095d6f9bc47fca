//! What one process remembers of URLs that have variants, so that finding one takes one look-up.
//! Bounded: forgetting costs a look-up, never an answer.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use actix_web::http::header::HeaderName;

use crate::key::CacheKey;

/// How many URLs are remembered.
const MOST_URLS: usize = 16_384;
/// How many variants of one URL are stored; the oldest go.
const MOST_VARIANTS: usize = 64;

/// The selecting fields of URLs, and which variants were stored.
#[derive(Debug, Default)]
pub(crate) struct VaryMemo {
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    urls: HashMap<CacheKey, Known, ahash::RandomState>,
    oldest_first: VecDeque<CacheKey>,
}

#[derive(Debug)]
struct Known {
    names: Arc<[HeaderName]>,
    variants: VecDeque<CacheKey>,
}

impl VaryMemo {
    /// The selecting fields of the URL, if it is known to have variants.
    pub(crate) fn names(&self, url: &CacheKey) -> Option<Arc<[HeaderName]>> {
        self.lock().urls.get(url).map(|known| Arc::clone(&known.names))
    }

    /// Remembers the selecting fields of the URL.
    pub(crate) fn learn(&self, url: &CacheKey, names: &[HeaderName]) {
        self.lock().known(url, names);
    }

    /// Remembers that `variant` is stored, and says which one has to go for it.
    pub(crate) fn stored(
        &self,
        url: &CacheKey,
        names: &[HeaderName],
        variant: &CacheKey,
    ) -> Option<CacheKey> {
        let mut table = self.lock();
        let variants = &mut table.known(url, names)?.variants;
        variants.retain(|stored| stored != variant);
        variants.push_back(variant.clone());
        if variants.len() > MOST_VARIANTS { variants.pop_front() } else { None }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn known(&mut self, url: &CacheKey, names: &[HeaderName]) -> Option<&mut Known> {
        if let Some(known) = self.urls.get_mut(url) {
            if *known.names != *names {
                known.names = names.into();
            }
        } else {
            let known = Known { names: names.into(), variants: VecDeque::new() };
            self.urls.insert(url.clone(), known);
            self.oldest_first.push_back(url.clone());
            if self.oldest_first.len() > MOST_URLS {
                let oldest = self.oldest_first.pop_front()?;
                self.urls.remove(&oldest);
            }
        }
        self.urls.get_mut(url)
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{ACCEPT, ORIGIN};

    use super::*;
    use crate::key::KeyBuilder;

    fn url(path: &str) -> CacheKey {
        KeyBuilder::new(false, "h", path, None).finish()
    }

    #[test]
    fn remembers_the_latest_names() {
        let memo = VaryMemo::default();
        assert_eq!(memo.names(&url("/a")), None);
        memo.learn(&url("/a"), &[ACCEPT]);
        memo.learn(&url("/a"), &[ORIGIN]);
        assert_eq!(memo.names(&url("/a")).as_deref(), Some([ORIGIN].as_slice()));
    }

    #[test]
    fn the_oldest_variant_goes() {
        let memo = VaryMemo::default();
        let url = url("/a");
        let variant = |n: usize| url.variant(n.to_string().as_bytes());
        for n in 0..MOST_VARIANTS {
            assert_eq!(memo.stored(&url, &[ACCEPT], &variant(n)), None);
        }
        assert_eq!(memo.stored(&url, &[ACCEPT], &variant(0)), None, "stored again, now newest");
        assert_eq!(memo.stored(&url, &[ACCEPT], &variant(MOST_VARIANTS)), Some(variant(1)));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let memo = VaryMemo::default();
        for n in 0..MOST_URLS + 100 {
            memo.learn(&url(&format!("/{n}")), &[ACCEPT]);
        }
        let table = memo.lock();
        assert!(table.urls.len() <= MOST_URLS && table.oldest_first.len() <= MOST_URLS);
    }
}
