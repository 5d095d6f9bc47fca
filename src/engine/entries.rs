//! Looking into a cache: which responses are stored.

use std::time::Duration;

use serde::Serialize;

use super::state::Engine;
use crate::{
    counting::serialized::seconds,
    entry::Entry,
    key::{CacheKey, KeyParts},
    semantics::freshness::current_age,
    store::{
        StoreError,
        listing::{Listed, Listing},
    },
};

/// How many entries one page has at most.
const MAX_PER_PAGE: usize = 50;

/// Which stored responses are listed: [`CacheHandle::entries`](crate::CacheHandle::entries).
///
/// ```
/// use actix_response_cache::EntrySearch;
///
/// let search = EntrySearch::new().containing("/products").limit(20);
/// ```
#[derive(Clone, Debug)]
pub struct EntrySearch {
    containing: String,
    from: Option<String>,
    limit: usize,
}

impl Default for EntrySearch {
    fn default() -> Self {
        Self { containing: String::new(), from: None, limit: MAX_PER_PAGE }
    }
}

impl EntrySearch {
    /// All stored responses, 50 on a page.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only those whose host, path and query contain this text.
    #[must_use]
    pub fn containing(self, text: impl Into<String>) -> Self {
        Self { containing: text.into(), ..self }
    }

    /// Begins where an earlier page has ended: at its [`EntryPage::next`].
    #[must_use]
    pub fn from(self, next: impl Into<String>) -> Self {
        Self { from: Some(next.into()), ..self }
    }

    /// How many responses a page has: 1 to 50.
    #[must_use]
    pub fn limit(self, limit: usize) -> Self {
        Self { limit: limit.clamp(1, MAX_PER_PAGE), ..self }
    }

    fn takes(&self, entry: &Entry) -> bool {
        let is_response = entry.response().is_some();
        is_response && (self.containing.is_empty() || entry.key.url().contains(&self.containing))
    }
}

/// Some of the stored responses.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct EntryPage {
    /// The responses, in no particular order.
    pub entries: Vec<EntryView>,
    /// Where the next page begins, if there may be more: a page may have few responses, or none, before
    /// all have been searched. A response that is stored while pages are read may be missing.
    pub next: Option<String>,
    /// Whether the store says what it has: one of your own does not, and all pages are empty.
    pub is_listed: bool,
}

/// A stored response in a list.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EntryView {
    /// Host, path and query of the key.
    pub url: String,
    /// What tells the key from others of the same URL: the beginning of its digest.
    pub digest: String,
    /// The status of the response.
    pub status: u16,
    /// How old it is.
    #[serde(serialize_with = "seconds")]
    pub age: Duration,
    /// How old it is when it becomes stale.
    #[serde(serialize_with = "seconds")]
    pub lifetime: Duration,
    /// The groups by which it can be purged.
    pub groups: Vec<String>,
    /// The length of its body in bytes, in Redis as it may be compressed there.
    pub body_bytes: u64,
    /// How many bytes of memory it takes, or of Redis, where names and indexes come on top.
    pub bytes: u64,
}

impl Engine {
    /// Some of the stored responses.
    pub(crate) async fn entries(&self, search: &EntrySearch) -> Result<EntryPage, StoreError> {
        let EntrySearch { from, limit, .. } = search;
        let takes = |entry: &Entry| search.takes(entry);
        let listing = self.store.list(from.as_deref(), *limit, takes).await?;
        let Some(Listing { entries, next }) = listing else { return Ok(EntryPage::default()) };
        let entries = entries.iter().filter_map(|listed| self.entry_view(listed)).collect();
        Ok(EntryPage { entries, next, is_listed: true })
    }

    /// The keys of stored responses that only a URL keys, and where the next ones begin.
    pub(crate) async fn keys_of_urls(
        &self,
        from: Option<&str>,
    ) -> Result<(Vec<CacheKey>, Option<String>), StoreError> {
        let takes = |entry: &Entry| {
            entry.response().is_some() && KeyParts::of(&entry.key).is_of_url_alone()
        };
        let listing = self.store.list(from, MAX_PER_PAGE, takes).await?;
        let Some(Listing { entries, next }) = listing else { return Ok((Vec::new(), None)) };
        Ok((entries.iter().map(|listed| listed.entry.key.clone()).collect(), next))
    }

    fn entry_view(&self, Listed { entry, body_bytes, bytes }: &Listed) -> Option<EntryView> {
        let response = entry.response()?;
        let terms = response.terms();
        Some(EntryView {
            url: entry.key.url(),
            digest: entry.key.short_digest(),
            status: response.status().as_u16(),
            age: current_age(&terms, self.clock.moment()),
            lifetime: terms.lifetime,
            groups: entry.groups.clone(),
            body_bytes: *body_bytes,
            bytes: *bytes,
        })
    }
}
