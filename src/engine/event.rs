//! `CacheEvent`: what happens in a cache, for a function of the application
//! ([`ResponseCache::on_event`](crate::ResponseCache::on_event)).

use std::time::Duration;

use super::stats::{RefreshResult, words};
use crate::{
    entry::{Entry, StoredResponse},
    key::CacheKey,
    purge::{Purge, Purged},
    semantics::verdict::{Reason, Verdict, VerdictKind},
};

/// Something that has happened in a cache. Each event is counted in [`Stats`](crate::Stats) at the same
/// place: statistics, metrics and events never differ.
///
/// | event | counted in |
/// | --- | --- |
/// | `Hit`, `Stale`, `Miss`, `Bypass` | [`RuleStats::outcomes`](crate::RuleStats::outcomes), by the same words |
/// | `Stored` | [`Stats::stores`](crate::Stats::stores) |
/// | `NotStored` | [`Stats::not_stored`](crate::Stats::not_stored) |
/// | `Purged` | [`Stats::purges_by_target`](crate::Stats::purges_by_target) |
/// | `Refreshed` | [`Stats::refreshes_by_result`](crate::Stats::refreshes_by_result) |
/// | `Evicted` | [`StoreHealth::evictions`](crate::StoreHealth::evictions) |
/// | `Breaker` | [`RedisHealth::outages`](crate::RedisHealth::outages) |
#[non_exhaustive]
#[derive(Clone, Copy, Debug)]
pub enum CacheEvent<'a> {
    /// A request was served a fresh stored response.
    Hit(RequestEvent<'a>),
    /// A request was served a stale stored response.
    Stale(RequestEvent<'a>),
    /// Nothing usable was stored for a request.
    Miss(RequestEvent<'a>),
    /// A request bypassed the cache.
    Bypass(RequestEvent<'a>),
    /// A response was stored, or renewed.
    Stored(StoredEvent<'a>),
    /// A response was not stored.
    NotStored(NotStoredEvent<'a>),
    /// A purge was carried out.
    Purged(PurgedEvent<'a>),
    /// A refresh in the background has ended.
    Refreshed(RefreshedEvent<'a>),
    /// Entries have left the memory of the store since the last such event; at most one a second.
    Evicted(EvictedEvent),
    /// Redis is not asked any more as it fails, or is back; reported within a second.
    Breaker(BreakerEvent),
}

/// What became of a request.
#[non_exhaustive]
#[derive(Clone, Copy, Debug)]
pub struct RequestEvent<'a> {
    /// The reason in one word, as statistics and metrics have it; empty for a fresh hit.
    pub reason: &'static str,
    /// Why the handler's response is not stored; `None` where it is, or where it was not to be.
    pub not_stored: Option<Reason>,
    /// Whether the response is that of another request, which this one has waited for.
    pub collapsed: bool,
    /// The pattern of the rule of its path.
    pub rule: Option<&'a str>,
    key: Option<&'a CacheKey>,
}

/// A response that was stored.
#[non_exhaustive]
#[derive(Clone, Copy, Debug)]
pub struct StoredEvent<'a> {
    /// Its status.
    pub status: u16,
    /// Its freshness lifetime.
    pub lifetime: Duration,
    /// How long its body is, before compression.
    pub body_bytes: usize,
    /// Its groups.
    pub groups: &'a [String],
    key: &'a CacheKey,
}

/// A response that was not stored.
#[non_exhaustive]
#[derive(Clone, Copy, Debug)]
pub struct NotStoredEvent<'a> {
    /// Why.
    pub reason: Reason,
    key: &'a CacheKey,
}

/// A purge that was carried out.
#[non_exhaustive]
#[derive(Clone, Copy, Debug)]
pub struct PurgedEvent<'a> {
    /// What it named: `url`, `path`, `prefix`, `group`, `entry` or `all`.
    pub target: &'static str,
    /// Whether it made responses stale instead of removing them.
    pub soft: bool,
    /// The purge.
    pub purge: &'a Purge,
    /// What it did.
    pub purged: Purged,
}

/// A refresh in the background that has ended.
#[non_exhaustive]
#[derive(Clone, Copy, Debug)]
pub struct RefreshedEvent<'a> {
    /// `succeeded`, `failed`, `panicked`, `skipped` or `overloaded`.
    pub result: &'static str,
    /// The path of the request.
    pub path: &'a str,
}

/// How many entries have left the memory of the store.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EvictedEvent {
    /// To make room for others.
    pub for_room: u64,
    /// As they were of no more use.
    pub expired: u64,
    /// By purges.
    pub purged: u64,
    /// As another response was stored in their place.
    pub replaced: u64,
}

/// The circuit breaker before Redis has changed.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerEvent {
    /// Whether it is open: Redis is not asked.
    pub open: bool,
}

impl CacheEvent<'_> {
    /// The event in one word: `hit`, `stale`, `miss`, `bypass`, `stored`, `not-stored`, `purged`,
    /// `refreshed`, `evicted` or `breaker`.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Hit(_) => "hit",
            Self::Stale(_) => "stale",
            Self::Miss(_) => "miss",
            Self::Bypass(_) => "bypass",
            Self::Stored(_) => "stored",
            Self::NotStored(_) => "not-stored",
            Self::Purged(_) => "purged",
            Self::Refreshed(_) => "refreshed",
            Self::Evicted(_) => "evicted",
            Self::Breaker(_) => "breaker",
        }
    }
}

impl RequestEvent<'_> {
    /// Host, path and query of the key; `None` where the request bypassed the cache, and has none. It is
    /// made anew at each call.
    pub fn url(&self) -> Option<String> {
        self.key.map(CacheKey::url)
    }

    /// What tells the key from others of the same URL: the beginning of its digest, made anew at each call.
    pub fn digest(&self) -> Option<String> {
        self.key.map(CacheKey::short_digest)
    }
}

impl StoredEvent<'_> {
    /// Host, path and query of the key, made anew at each call.
    pub fn url(&self) -> String {
        self.key.url()
    }

    /// What tells the key from others of the same URL: the beginning of its digest, made anew at each call.
    pub fn digest(&self) -> String {
        self.key.short_digest()
    }
}

impl NotStoredEvent<'_> {
    /// Host, path and query of the key, made anew at each call.
    pub fn url(&self) -> String {
        self.key.url()
    }

    /// What tells the key from others of the same URL: the beginning of its digest, made anew at each call.
    pub fn digest(&self) -> String {
        self.key.short_digest()
    }
}

impl<'a> CacheEvent<'a> {
    /// A request had this verdict.
    pub(crate) fn for_verdict(
        verdict: &Verdict,
        rule: Option<&'a str>,
        key: Option<&'a CacheKey>,
    ) -> Self {
        let (kind, reason) = words(verdict);
        let (not_stored, collapsed) = match verdict {
            Verdict::Forwarded { stored, collapsed, .. } => (stored.err(), *collapsed),
            _ => (None, false),
        };
        let not_stored = not_stored.filter(|_| kind != VerdictKind::Bypass);
        let event = RequestEvent { reason, not_stored, collapsed, rule, key };
        match kind {
            VerdictKind::Hit => Self::Hit(event),
            VerdictKind::Stale => Self::Stale(event),
            VerdictKind::Miss => Self::Miss(event),
            VerdictKind::Bypass => Self::Bypass(event),
        }
    }

    /// The store has taken an entry.
    pub(super) fn stored(entry: &'a Entry, response: &StoredResponse) -> Self {
        let Entry { key, groups, .. } = entry;
        let status = response.status().as_u16();
        let (lifetime, body_bytes) = (response.terms().lifetime, response.stored_body().len());
        Self::Stored(StoredEvent { status, lifetime, body_bytes, groups, key })
    }

    /// The response for this key is not stored.
    pub(super) fn not_stored(reason: Reason, key: &'a CacheKey) -> Self {
        Self::NotStored(NotStoredEvent { reason, key })
    }

    /// A purge was carried out.
    pub(super) fn purged(purge: &'a Purge, purged: Purged) -> Self {
        let (target, soft) = (purge.target().as_str(), purge.stale_since().is_some());
        Self::Purged(PurgedEvent { target, soft, purge, purged })
    }

    /// A refresh has ended.
    pub(super) fn refreshed(result: RefreshResult, path: &'a str) -> Self {
        Self::Refreshed(RefreshedEvent { result: result.as_str(), path })
    }
}
