//! HTTP caching as pure functions: no clock, no I/O, nothing that waits.
//!
//! | text | file |
//! | --- | --- |
//! | RFC 9110 s.5.6.7 dates | [`date`] |
//! | RFC 9110 s.7.6.1 fields of the connection | [`fields`] |
//! | RFC 9111 s.3.1 which fields are stored | [`stored_fields`] |
//! | RFC 9110 s.8.4, s.12.5.3 content codings | [`coding`], [`coding_choice`], [`negotiation`], [`preference`] |
//! | RFC 9110 s.8.8.3 entity tags of the cache's own | [`etag`] |
//! | RFC 9110 s.14 range requests | [`range`], written out by [`multipart`] |
//! | RFC 9111 s.3, s.3.5 storing | [`storing`], [`cacheable_status`], [`credentials`] |
//! | RFC 9111 s.4.3 validation, RFC 9110 s.13 conditional requests | [`validation`] |
//! | RFC 9111 s.3.2, s.4.3.4, s.4.3.5 updating what is stored | [`freshening`] |
//! | RFC 9111 s.4 reuse, s.5.2.1 request directives | [`reuse`] |
//! | RFC 9111 s.4.1 `Vary` | [`vary`] |
//! | RFC 9111 s.4.2 freshness and age, s.5.1 `Age`, s.5.3 `Expires` | [`freshness`] |
//! | RFC 9111 s.4.4 invalidation | [`invalidation`] |
//! | RFC 9111 s.5.2 grammar of `Cache-Control` | [`cache_control`], [`list_members`] |
//! | RFC 5861 stale windows | [`terms`], [`reuse`] |
//! | RFC 8246 `immutable` | [`reuse`] |
//! | RFC 9211 `Cache-Status` | [`verdict`], [`cache_status`] |
//! | RFC 9213 targeted fields | [`targeted`] |
//! | RFC 9875 cache groups | [`groups`] |
//! | No-Vary-Search (draft-ietf-httpbis-no-vary-search) | [`no_vary_search`] |
//! | what clients are told | [`client`] |
//!
//! The two questions are [`storing::storable`] and [`reuse::reuse`]; each answers with a value that
//! names its reason. [`terms::Terms`] is what the first leaves for the second.

pub(crate) mod cache_control;
pub(crate) mod cache_status;
mod cacheable_status;
pub(crate) mod client;
pub(crate) mod coding;
pub(crate) mod coding_choice;
pub(crate) mod credentials;
pub(crate) mod date;
pub(crate) mod declared;
pub(crate) mod emitted_groups;
pub(crate) mod etag;
pub(crate) mod fields;
pub(crate) mod freshening;
pub(crate) mod freshness;
pub(crate) mod groups;
pub(crate) mod invalidation;
pub(crate) mod languages;
pub(crate) mod lifetime_source;
mod list_members;
pub(crate) mod multipart;
mod names;
pub(crate) mod negotiation;
pub(crate) mod no_vary_search;
pub(crate) mod policy;
mod preference;
pub(crate) mod range;
pub(crate) mod reason;
pub(crate) mod reuse;
pub(crate) mod stored_fields;
pub(crate) mod storing;
pub(crate) mod targeted;
pub(crate) mod terms;
pub(crate) mod validation;
pub(crate) mod vary;
pub(crate) mod verdict;

#[cfg(test)]
mod properties;
