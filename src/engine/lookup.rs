//! From a key to the stored response that the request selects, and whether it may be reused.

use std::sync::Arc;

use actix_web::http::header::{HeaderMap, HeaderName};

use super::state::Engine;
use crate::{
    entry::{Entry, Kind, Selecting, Terms},
    key::{CacheKey, KeyParts, Secret},
    semantics::{
        fields::{Fields, RequestView},
        policy::Policy,
        reuse::{Reuse, reuse},
        storing::UncoveredCredentials,
        vary,
        verdict::{Forwarding, Reason},
    },
};

/// What decides which stored response answers a request, and whether it may.
#[derive(Debug)]
pub(crate) struct Lookup<'a> {
    /// The key of the request.
    pub(crate) key: &'a CacheKey,
    /// The request, of which selecting headers and directives are read.
    pub(crate) view: RequestView<'a, HeaderMap>,
    /// The credentials of the request that its key does not cover: only a response that says that it
    /// may be shared answers a request with such.
    pub(crate) uncovered: UncoveredCredentials,
    pub(crate) policy: &'a Policy,
    /// The secret under which selecting headers that may tell who is asking enter keys.
    pub(crate) secret: &'a Secret,
}

impl Lookup<'_> {
    /// The key of the variant of `url` that the request selects.
    pub(super) fn variant_key(&self, url: &CacheKey, selecting: &Selecting) -> CacheKey {
        variant_key(url, selecting, self.view.fields, self.secret)
    }
}

/// What a look-up found.
#[derive(Debug)]
pub(crate) enum Found {
    /// A stored response that the request selects, and whether it may be reused now.
    Selected(Arc<Entry>, Reuse),
    /// No stored response, or none that the request selects.
    Nothing(Forwarding),
}

/// What a look-up without waiting found.
#[derive(Debug)]
pub(crate) enum FoundNow {
    /// A stored response that the request selects, and whether it may be reused now.
    Selected(Arc<Entry>, Reuse),
    /// The store has nothing under the key.
    Nothing,
    /// The store has to be waited for, or has only other variants.
    Unknown,
}

/// What a store has without waiting.
#[derive(Debug)]
pub(crate) enum PlainEntry {
    Found(Arc<Entry>),
    /// Nothing under the key.
    Nothing,
    /// The store has to be waited for, or the response may be under another query.
    Unknown,
}

impl Engine {
    /// Looks for the stored response that answers the request.
    pub(crate) async fn look_up(&self, lookup: &Lookup<'_>) -> Found {
        let canonical = self.no_vary_search.canonical(lookup.key);
        let key = canonical.as_ref().unwrap_or(lookup.key);
        match self.select(key, lookup).await {
            Ok(entry) => match entry.response() {
                Some(response) => {
                    let Lookup { view, uncovered, policy, .. } = lookup;
                    let now = self.clock.moment();
                    let verdict = reuse(view, &response.terms(), *uncovered, now, policy);
                    Found::Selected(entry, verdict)
                }
                None => Found::Nothing(Forwarding::UriMiss),
            },
            Err(why) => Found::Nothing(why),
        }
    }

    /// The stored response that answers the request, where the store has it without waiting.
    pub(crate) fn look_up_now(&self, lookup: &Lookup<'_>) -> FoundNow {
        let canonical = self.no_vary_search.canonical(lookup.key);
        let key = canonical.as_ref().unwrap_or(lookup.key);
        let entry = match self.get_now(key) {
            Some(entry) => entry,
            None if self.store.is_immediate() => return FoundNow::Nothing,
            None => return FoundNow::Unknown,
        };
        let entry = match &entry.kind {
            Kind::Response(_) => Some(entry),
            Kind::Varies(selecting) => self.get_now(&lookup.variant_key(key, selecting)),
        };
        let terms = entry.as_ref().and_then(|entry| Some(entry.response()?.terms()));
        let (Some(entry), Some(terms)) = (entry, terms) else { return FoundNow::Unknown };
        let Lookup { ref view, uncovered, policy, .. } = *lookup;
        FoundNow::Selected(entry, self.reuse_now(view, &terms, uncovered, policy))
    }

    fn get_now(&self, key: &CacheKey) -> Option<Arc<Entry>> {
        self.store.get_local(&KeyParts::of(key))
    }

    /// What the store has without waiting for requests whose key is nothing but this URL.
    pub(crate) fn get_plain(&self, key: &KeyParts<'_>) -> PlainEntry {
        if self.no_vary_search.has_any() {
            return PlainEntry::Unknown;
        }
        match self.store.get_local(key) {
            Some(entry) => PlainEntry::Found(entry),
            None if self.store.is_immediate() => PlainEntry::Nothing,
            None => PlainEntry::Unknown,
        }
    }

    /// Whether a response stored under these terms may answer the request now.
    pub(crate) fn reuse_now(
        &self,
        view: &RequestView<'_, HeaderMap>,
        terms: &Terms,
        uncovered: UncoveredCredentials,
        policy: &Policy,
    ) -> Reuse {
        reuse(view, terms, uncovered, self.clock.quick_moment(), policy)
    }

    /// The entry of the URL, or of its variant where it has some (RFC 9111 s.4.1).
    async fn select(&self, key: &CacheKey, lookup: &Lookup<'_>) -> Result<Arc<Entry>, Forwarding> {
        if !self.store.is_immediate()
            && let Some(selecting) = self.vary.selecting(key)
            && let Ok(entry) = self.get(&lookup.variant_key(key, &selecting)).await
        {
            return Ok(entry);
        }
        let entry = self.get(key).await?;
        let Kind::Varies(selecting) = &entry.kind else { return Ok(entry) };
        if !self.store.is_immediate() {
            self.vary.learn(key, selecting); // and no lock where it saves no round trip
        }
        self.get(&lookup.variant_key(key, selecting)).await.map_err(|why| match why {
            Forwarding::UriMiss => Forwarding::VaryMiss,
            why => why,
        })
    }

    async fn get(&self, key: &CacheKey) -> Result<Arc<Entry>, Forwarding> {
        match self.store.get(key).await {
            // the key is compared again: what a store returns is untrusted input
            Ok(Some(entry)) if entry.key == *key => Ok(entry),
            Ok(_) => Err(Forwarding::UriMiss),
            Err(error) => {
                self.store_failed("look up", &error);
                Err(Forwarding::Miss(Reason::StoreFailed))
            }
        }
    }
}

/// The key of the variant that a request with these headers selects. Their values enter the key as a
/// digest, unless none of the selecting headers can identify a person.
pub(super) fn variant_key<Q: Fields + ?Sized>(
    url: &CacheKey,
    selecting: &Selecting,
    req: &Q,
    secret: &Secret,
) -> CacheKey {
    let mut selected = Vec::new();
    vary::write_selecting(req, selecting, &mut selected);
    if selecting.names.iter().all(is_impersonal) {
        return url.variant(&selected);
    }
    url.variant(&secret.digest(&selected))
}

/// Whether a request header says which form of the content is wanted, and nothing of a person.
fn is_impersonal(name: &HeaderName) -> bool {
    let name = name.as_str();
    name.starts_with("accept") || matches!(name, "origin" | "user-agent" | "save-data")
}
