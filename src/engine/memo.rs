//! What one process remembers of URLs that have variants, so that finding one takes one look-up.
//! Bounded: forgetting costs a look-up, never an answer.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{entry::Selecting, key::CacheKey};

/// How many URLs are remembered.
const MOST_URLS: usize = 16_384;
/// How many bytes the remembered keys may have together, beside a fixed part for each.
const MOST_BYTES: usize = 8 * 1024 * 1024;
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
    bytes: usize,
}

#[derive(Debug)]
struct Known {
    selecting: Arc<Selecting>,
    variants: VecDeque<CacheKey>,
}

impl VaryMemo {
    /// By what the variants of the URL are selected, if it is known to have some.
    pub(crate) fn selecting(&self, url: &CacheKey) -> Option<Arc<Selecting>> {
        self.lock().urls.get(url).map(|known| Arc::clone(&known.selecting))
    }

    /// Remembers by what the variants of the URL are selected.
    pub(crate) fn learn(&self, url: &CacheKey, selecting: &Selecting) {
        self.lock().known(url, selecting);
    }

    /// Remembers that `variant` is stored, and says which one has to go for it.
    pub(crate) fn stored(
        &self,
        url: &CacheKey,
        selecting: &Selecting,
        variant: &CacheKey,
    ) -> Option<CacheKey> {
        let mut table = self.lock();
        let known = table.known(url, selecting)?;
        let before = known.bytes();
        known.variants.retain(|stored| stored != variant);
        known.variants.push_back(variant.clone());
        let displaced =
            if known.variants.len() > MOST_VARIANTS { known.variants.pop_front() } else { None };
        let after = known.bytes();
        table.bytes = table.bytes.saturating_sub(before).saturating_add(after);
        table.make_room();
        displaced
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn known(&mut self, url: &CacheKey, selecting: &Selecting) -> Option<&mut Known> {
        if let Some(known) = self.urls.get_mut(url) {
            if *known.selecting != *selecting {
                known.selecting = Arc::new(selecting.clone());
            }
        } else {
            let known = Known { selecting: Arc::new(selecting.clone()), variants: VecDeque::new() };
            self.bytes += url.as_bytes().len() + known.bytes();
            self.urls.insert(url.clone(), known);
            self.oldest_first.push_back(url.clone());
            self.make_room();
        }
        self.urls.get_mut(url)
    }

    /// Forgets the oldest URLs.
    fn make_room(&mut self) {
        while self.oldest_first.len() > MOST_URLS || self.bytes > MOST_BYTES {
            let Some(oldest) = self.oldest_first.pop_front() else { return };
            if let Some(known) = self.urls.remove(&oldest) {
                let freed = oldest.as_bytes().len() + known.bytes();
                self.bytes = self.bytes.saturating_sub(freed);
            }
        }
    }
}

impl Known {
    fn bytes(&self) -> usize {
        self.variants.iter().map(|variant| variant.as_bytes().len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{ACCEPT, HeaderName, ORIGIN};

    use super::*;
    use crate::key::KeyBuilder;

    fn url(path: &str) -> CacheKey {
        KeyBuilder::new(false, "h", path, None).finish()
    }

    fn by(name: HeaderName) -> Selecting {
        vec![name].into()
    }

    #[test]
    fn remembers_the_latest_names() {
        let memo = VaryMemo::default();
        assert_eq!(memo.selecting(&url("/a")), None);
        memo.learn(&url("/a"), &by(ACCEPT));
        memo.learn(&url("/a"), &by(ORIGIN));
        assert_eq!(memo.selecting(&url("/a")).as_deref(), Some(&by(ORIGIN)));
    }

    #[test]
    fn the_oldest_variant_goes() {
        let memo = VaryMemo::default();
        let url = url("/a");
        let variant = |n: usize| url.variant(n.to_string().as_bytes());
        for n in 0..MOST_VARIANTS {
            assert_eq!(memo.stored(&url, &by(ACCEPT), &variant(n)), None);
        }
        assert_eq!(memo.stored(&url, &by(ACCEPT), &variant(0)), None, "stored again, now newest");
        assert_eq!(memo.stored(&url, &by(ACCEPT), &variant(MOST_VARIANTS)), Some(variant(1)));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let memo = VaryMemo::default();
        for n in 0..MOST_URLS + 100 {
            memo.learn(&url(&format!("/{n}")), &by(ACCEPT));
        }
        let table = memo.lock();
        assert!(table.urls.len() <= MOST_URLS && table.oldest_first.len() <= MOST_URLS);
    }

    #[test]
    fn long_keys_make_fewer_of_them() {
        let memo = VaryMemo::default();
        let long = "x".repeat(8000);
        for n in 0..200 {
            let url = url(&format!("/{n}{long}"));
            for variant in 0..MOST_VARIANTS {
                memo.stored(&url, &by(ACCEPT), &url.variant(&variant.to_be_bytes()));
            }
        }
        let table = memo.lock();
        let held: usize = table.urls.values().map(Known::bytes).sum();
        assert!(held <= MOST_BYTES && !table.urls.is_empty(), "{held}");
    }
}
