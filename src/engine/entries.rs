//! Looking into a cache: which responses are stored, and how many a purge would take.

use std::time::Duration;

use serde::Serialize;

use super::state::Engine;
use crate::{
    counting::serialized::seconds,
    entry::Entry,
    purge::Purge,
    semantics::freshness::current_age,
    store::{StoreError, StoreErrorKind},
};

/// How many entries one page has at most.
const MAX_PER_PAGE: usize = 100;

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
    from: u32,
    limit: usize,
}

impl Default for EntrySearch {
    fn default() -> Self {
        Self { containing: String::new(), from: 0, limit: MAX_PER_PAGE }
    }
}

impl EntrySearch {
    /// All stored responses, 100 on a page.
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
    pub fn from(self, next: u32) -> Self {
        Self { from: next, ..self }
    }

    /// How many responses a page has: 1 to 100.
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
    /// all have been searched.
    pub next: Option<u32>,
    /// Whether this process lists what is stored. With Redis in memory's place it does not; of a tiered
    /// cache, the responses in this process's memory are listed.
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
    /// The length of its body in bytes.
    pub body_bytes: u64,
    /// How many bytes of memory it takes.
    pub bytes: u64,
}

impl Engine {
    /// Some of the stored responses.
    pub(crate) fn entries(&self, search: &EntrySearch) -> EntryPage {
        let listing = self.store.list(search.from, search.limit, |entry| search.takes(entry));
        let Some(listing) = listing else { return EntryPage::default() };
        let views = listing.entries.iter();
        let views = views.filter_map(|listed| self.entry_view(&listed.entry, listed.bytes));
        EntryPage { entries: views.collect(), next: listing.next, is_listed: true }
    }

    fn entry_view(&self, entry: &Entry, bytes: u64) -> Option<EntryView> {
        let response = entry.response()?;
        let terms = response.terms();
        Some(EntryView {
            url: entry.key.url(),
            digest: entry.key.short_digest(),
            status: response.status().as_u16(),
            age: current_age(&terms, self.clock.moment()),
            lifetime: terms.lifetime,
            groups: entry.groups.clone(),
            body_bytes: response.body.len() as u64,
            bytes,
        })
    }

    /// How many responses the purge would take now; `None` where this process does not know all that
    /// is stored.
    pub(crate) async fn preview(&self, purge: Purge) -> Result<Option<u64>, StoreError> {
        let purge = self.with_time(purge);
        if let Some(problem) = purge.problem() {
            return Err(StoreError::with_source(StoreErrorKind::NoTarget, problem));
        }
        Ok(self.store.count(self.all_spellings(&purge)).await)
    }
}
