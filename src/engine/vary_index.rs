//! The `Vary` names of URLs, as far as this process has learned them, so that it finds a variant in
//! the store with one look-up (RFC 9111 s.4.1). Without that a hit in Redis would take two round
//! trips: one for the names, one for the variant. Bounded: what is forgotten costs a look-up.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{entry::Selecting, key::CacheKey};

/// How many URLs are remembered at most.
const MAX_URLS: usize = 16_384;
/// How many bytes the remembered keys may have together, beside a fixed part for each.
const MAX_BYTES: usize = 8 * 1024 * 1024;
/// How many variants of one URL are stored at most; the oldest are removed.
const MAX_VARIANTS_PER_URL: usize = 64;

/// The selecting headers of URLs, and which variants are stored.
#[derive(Debug, Default)]
pub(crate) struct VaryIndex {
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    urls: HashMap<CacheKey, Variants, ahash::RandomState>,
    oldest_first: VecDeque<CacheKey>,
    bytes: usize,
}

/// The variants of one URL.
#[derive(Debug)]
struct Variants {
    selecting: Arc<Selecting>,
    /// The keys of those that this process has stored, the oldest first.
    keys: VecDeque<CacheKey>,
}

impl VaryIndex {
    /// What selects between the variants of the URL, if it is known to have some.
    pub(crate) fn selecting(&self, url: &CacheKey) -> Option<Arc<Selecting>> {
        self.lock().urls.get(url).map(|variants| Arc::clone(&variants.selecting))
    }

    /// How many variants of the URL this process has stored.
    pub(crate) fn variants(&self, url: &CacheKey) -> usize {
        self.lock().urls.get(url).map_or(0, |variants| variants.keys.len())
    }

    /// Remembers what selects between the variants of the URL.
    pub(crate) fn learn(&self, url: &CacheKey, selecting: &Selecting) {
        self.lock().variants(url, selecting);
    }

    /// Remembers that `variant` is stored, and gives the one that is to be removed in its place.
    pub(crate) fn add(
        &self,
        url: &CacheKey,
        selecting: &Selecting,
        variant: &CacheKey,
    ) -> Option<CacheKey> {
        let mut table = self.lock();
        let variants = table.variants(url, selecting)?;
        let before = variants.bytes();
        variants.keys.retain(|stored| stored != variant);
        variants.keys.push_back(variant.clone());
        let displaced = if variants.keys.len() > MAX_VARIANTS_PER_URL {
            variants.keys.pop_front()
        } else {
            None
        };
        let after = variants.bytes();
        table.bytes = table.bytes.saturating_sub(before).saturating_add(after);
        table.make_room();
        displaced
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn variants(&mut self, url: &CacheKey, selecting: &Selecting) -> Option<&mut Variants> {
        if let Some(variants) = self.urls.get_mut(url) {
            if *variants.selecting != *selecting {
                variants.selecting = Arc::new(selecting.clone());
            }
        } else {
            let selecting = Arc::new(selecting.clone());
            let variants = Variants { selecting, keys: VecDeque::new() };
            self.bytes += url.as_bytes().len() + variants.bytes();
            self.urls.insert(url.clone(), variants);
            self.oldest_first.push_back(url.clone());
            self.make_room();
        }
        self.urls.get_mut(url)
    }

    /// Forgets the oldest URLs.
    fn make_room(&mut self) {
        while self.oldest_first.len() > MAX_URLS || self.bytes > MAX_BYTES {
            let Some(oldest) = self.oldest_first.pop_front() else { return };
            if let Some(variants) = self.urls.remove(&oldest) {
                let freed = oldest.as_bytes().len() + variants.bytes();
                self.bytes = self.bytes.saturating_sub(freed);
            }
        }
    }
}

impl Variants {
    fn bytes(&self) -> usize {
        self.keys.iter().map(|key| key.as_bytes().len()).sum()
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
    fn newest_names_replace_earlier_ones() {
        let index = VaryIndex::default();
        assert_eq!(index.selecting(&url("/a")), None);
        index.learn(&url("/a"), &by(ACCEPT));
        index.learn(&url("/a"), &by(ORIGIN));
        assert_eq!(index.selecting(&url("/a")).as_deref(), Some(&by(ORIGIN)));
    }

    #[test]
    fn oldest_variant_is_removed() {
        let index = VaryIndex::default();
        let url = url("/a");
        let variant = |n: usize| url.variant(n.to_string().as_bytes());
        for n in 0..MAX_VARIANTS_PER_URL {
            assert_eq!(index.add(&url, &by(ACCEPT), &variant(n)), None);
        }
        assert_eq!(index.add(&url, &by(ACCEPT), &variant(0)), None, "stored again, now newest");
        assert_eq!(index.add(&url, &by(ACCEPT), &variant(MAX_VARIANTS_PER_URL)), Some(variant(1)));
    }

    #[test]
    fn number_of_urls_is_bounded() {
        let index = VaryIndex::default();
        for n in 0..MAX_URLS + 100 {
            index.learn(&url(&format!("/{n}")), &by(ACCEPT));
        }
        let table = index.lock();
        assert!(table.urls.len() <= MAX_URLS && table.oldest_first.len() <= MAX_URLS);
    }

    #[test]
    fn memory_of_long_keys_is_bounded() {
        let index = VaryIndex::default();
        let long = "x".repeat(8000);
        for n in 0..200 {
            let url = url(&format!("/{n}{long}"));
            for variant in 0..MAX_VARIANTS_PER_URL {
                index.add(&url, &by(ACCEPT), &url.variant(&variant.to_be_bytes()));
            }
        }
        let table = index.lock();
        let held: usize = table.urls.values().map(Variants::bytes).sum();
        assert!(held <= MAX_BYTES && !table.urls.is_empty(), "{held}");
    }
}
