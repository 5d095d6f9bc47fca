//! The entries that one worker uses most, before the store that all workers share: a hit on one of them
//! takes no lock, and writes to no memory that another worker writes to.
//!
//! An entry is remembered when it is used for the second time in a row in its place, so that requests
//! for ever other URLs do not pay for it. It holds for as long as its store says so. Its headers and
//! its body are counted by this worker alone: workers that count references to one body together wait
//! for one another.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
};

use actix_web::http::header::{self, HeaderName, HeaderValue};
use bytes::Bytes;

use super::state::Engine;
use crate::{
    entry::{Entry, PackedBodies, StoredBody, Terms},
    key::KeyParts,
    store::local::LocalEntry,
};

/// How many entries a worker remembers at most.
const PLACES: usize = 128;
/// How many bytes of bodies and headers it keeps alive at most, which their store may have evicted.
const MAX_BYTES: usize = 2 * 1024 * 1024;
/// How large an entry is at most.
const MAX_ENTRY_BYTES: usize = 128 * 1024;
/// The first uses are reported to the store, and then one in some number, so that it does not evict what
/// is used most.
const FIRST_REPORTED: u32 = 16;
const USES_PER_REPORT: u32 = 32;

/// What one worker remembers.
#[derive(Debug)]
pub(crate) struct WorkerCache {
    hasher: ahash::RandomState,
    places: RefCell<Box<[Place]>>,
    bytes: Cell<usize>,
}

#[derive(Debug, Default)]
struct Place {
    /// The hash of the key that was used last in this place.
    last: u64,
    /// The hash of the entry's key.
    hash: u64,
    entry: Option<Rc<RememberedEntry>>,
}

/// A remembered response.
#[derive(Debug)]
pub(crate) struct RememberedEntry {
    local: LocalEntry,
    /// The headers for clients.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: StoredBody,
    pub(crate) packed: PackedBodies,
    pub(crate) terms: Terms,
    /// The weak form of an `ETag` of the cache's own, where compression outside may change the bytes.
    pub(crate) weak_tag: Option<HeaderValue>,
    /// Whether it has `Access-Control-Allow-Origin`.
    pub(crate) allows_origin: bool,
    bytes: usize,
    uses: Cell<u32>,
}

impl Default for WorkerCache {
    fn default() -> Self {
        Self {
            hasher: ahash::RandomState::new(),
            places: RefCell::new((0..PLACES).map(|_| Place::default()).collect()),
            bytes: Cell::new(0),
        }
    }
}

impl WorkerCache {
    /// The response that is remembered under this key, if its store still has no other one.
    pub(crate) fn get(&self, engine: &Engine, key: &KeyParts<'_>) -> Option<Rc<RememberedEntry>> {
        // then the response may be stored under another query
        if engine.no_vary_search.has_any() {
            return None;
        }
        let hash = self.hasher.hash_one(key);
        let mut places = self.places.borrow_mut();
        let place = places.get_mut(place_of(hash))?;
        let entry = place.entry.as_ref().filter(|_| place.hash == hash)?;
        if KeyParts::of(&entry.entry().key) != *key {
            return None;
        }
        if !engine.store().is_current(&entry.local) {
            self.clear(place);
            return None;
        }
        if entry.is_report_due() {
            engine.store().use_again(&entry.local);
        }
        place.last = hash;
        Some(Rc::clone(entry))
    }

    /// An entry has been found in the store. It is remembered when that happens a second time.
    /// `stripped` headers are not for clients.
    pub(crate) fn found(&self, engine: &Engine, entry: &Arc<Entry>, stripped: &[HeaderName]) {
        let hash = self.hasher.hash_one(KeyParts::of(&entry.key));
        let mut places = self.places.borrow_mut();
        let Some(place) = places.get_mut(place_of(hash)) else { return };
        if place.last != hash {
            place.last = hash;
        } else if let Some(found) = RememberedEntry::of(engine, entry, stripped) {
            self.clear(place);
            if self.bytes.get() + found.bytes <= MAX_BYTES {
                self.bytes.set(self.bytes.get() + found.bytes);
                place.hash = hash;
                place.entry = Some(Rc::new(found));
            }
        }
    }

    fn clear(&self, place: &mut Place) {
        if let Some(entry) = place.entry.take() {
            self.bytes.set(self.bytes.get() - entry.bytes);
        }
    }
}

fn place_of(hash: u64) -> usize {
    usize::try_from(hash % PLACES as u64).unwrap_or_default()
}

impl RememberedEntry {
    /// The entry as a worker remembers it, unless it is too large, no response, or gone.
    fn of(engine: &Engine, entry: &Arc<Entry>, stripped: &[HeaderName]) -> Option<Self> {
        let response = entry.response()?;
        let bodies = response.stored_body().whole().map_or(0, Bytes::len) + response.packed.total();
        let bytes = response.headers.as_bytes().len() + bodies;
        if bytes > MAX_ENTRY_BYTES {
            return None;
        }
        // what is found now may be another entry, or one that is not to be remembered
        let local = engine.store().locate(&entry.key)?;
        let is_same = Arc::ptr_eq(local.entry(), entry);
        let is_sent = |(name, _): &(HeaderName, HeaderValue)| !stripped.contains(name);
        let headers: Vec<_> = response.headers.expand().filter(is_sent).collect();
        let allows_origin =
            headers.iter().any(|(name, _)| *name == header::ACCESS_CONTROL_ALLOW_ORIGIN);
        let counted = |body: &Bytes| Bytes::from_owner(body.clone());
        let body = response.stored_body().map(counted);
        let uses = Cell::new(0);
        let terms = response.terms();
        let weak_tag = response.weak_etag();
        let packed = response.packed.map(counted);
        is_same.then_some(Self {
            local,
            headers,
            body,
            packed,
            terms,
            weak_tag,
            allows_origin,
            bytes,
            uses,
        })
    }

    pub(crate) fn entry(&self) -> &Arc<Entry> {
        self.local.entry()
    }

    fn is_report_due(&self) -> bool {
        let uses = self.uses.get();
        self.uses.set(uses.wrapping_add(1));
        uses < FIRST_REPORTED || uses.is_multiple_of(USES_PER_REPORT)
    }
}

#[cfg(all(test, feature = "memory"))]
mod tests;
