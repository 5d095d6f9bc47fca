//! How a store is doing, beside how much is in it.

use std::time::Duration;

use serde::Serialize;

use crate::counting::{
    histogram::Histogram,
    serialized::{by_word, optional_seconds},
};

/// How a store is doing.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StoreHealth {
    /// Which store it is: `memory`, `redis`, `tiered` or `custom`.
    pub store: &'static str,
    /// How many bytes its memory takes at most; `None` where it has none.
    pub capacity: Option<u64>,
    /// How entries have left its memory; `None` where it has none.
    pub evictions: Option<Evictions>,
    /// How it does with Redis; `None` where it has none.
    pub redis: Option<RedisHealth>,
}

/// How entries have left the memory of a store.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Evictions {
    /// To make room for others. If there are many of them, and they were young, more memory would make
    /// more hits.
    pub for_room: u64,
    /// As they were of no more use.
    pub expired: u64,
    /// By purges.
    pub purged: u64,
    /// As another response was stored in their place.
    pub replaced: u64,
    /// How old those were, since they were received, that made room.
    pub ages_for_room: Histogram,
}

/// How a process does with Redis.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RedisHealth {
    /// Whether Redis has not answered lately: it is not asked, or only now and then.
    pub is_away: bool,
    /// How often several exchanges in a row have failed, after which it was not asked any more.
    pub outages: u64,
    /// Whether announcements of purges arrive: only then entries in memory are used without asking.
    pub is_subscribed: bool,
    /// How long the last announcement took from this process to Redis and back; `None` where there has
    /// been none.
    #[serde(serialize_with = "optional_seconds")]
    pub announcement_lag: Option<Duration>,
    /// Purges that Redis has not confirmed.
    pub pending_purges: u64,
    /// How long exchanges with Redis took, also those that failed.
    pub exchanges: Histogram,
    /// Exchanges that failed, by kind.
    #[serde(serialize_with = "by_word")]
    pub errors: Vec<(&'static str, u64)>,
    /// Values that were none of this cache's, damaged, or of another version.
    pub corrupt: u64,
}
