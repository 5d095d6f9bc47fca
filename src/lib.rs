#![doc = include_str!("../README.md")]

mod entry;
/// Guides, a page for each problem.
pub mod guide {
    #[doc = include_str!("guide/cdn_in_front.md")]
    pub mod cdn_in_front {}
    #[cfg(feature = "redis")]
    #[doc = include_str!("guide/faults.md")]
    pub mod faults {}
    #[doc = include_str!("guide/handlers_and_variants.md")]
    pub mod handlers_and_variants {}
    #[doc = include_str!("guide/lifetimes.md")]
    pub mod lifetimes {}
    #[doc = include_str!("guide/metrics.md")]
    pub mod metrics {}
    #[cfg(feature = "admin")]
    #[doc = include_str!("guide/observing.md")]
    pub mod observing {}
    #[doc = include_str!("guide/validators.md")]
    pub mod validators {}
    #[doc = include_str!("guide/who_is_asking.md")]
    pub mod who_is_asking {}
    #[doc = include_str!("guide/why_not_cached.md")]
    pub mod why_not_cached {}
}
mod key;
mod purge;
mod purge_log;
pub mod store;

#[cfg(feature = "admin")]
mod admin;
#[cfg_attr(not(feature = "testing"), allow(unreachable_pub, reason = "public with that feature"))]
mod clock;
mod config;
mod counting;
mod engine;
mod middleware;
mod semantics;

#[cfg(feature = "admin")]
pub use crate::admin::token::{AdminToken, AdminTokens};
#[cfg(feature = "testing")]
pub use crate::clock::Clock;
#[cfg(feature = "memory")]
pub use crate::config::settings::memory::Memory;
#[cfg(feature = "redis")]
pub use crate::config::settings::redis::Redis;
#[cfg(all(feature = "memory", feature = "redis"))]
pub use crate::config::settings::tiered::Tiered;
pub use crate::{
    config::{
        auth::Auth,
        cache::{CheckReport, ResponseCache},
        client::ClientCache,
        error::ConfigError,
        rule::Rule,
        settings::{
            coalescing::Coalescing,
            compliance::{Compliance, Forwarded},
            credentials::Credentials,
            handlers::HandlerPolicy,
            query::Query,
            responses::Responses,
            store::IntoStore,
        },
    },
    engine::{
        entries::{EntryPage, EntrySearch, EntryView},
        explanation::{
            Candidate, ExplainError, Explanation, Inquiry, KeyView, KeyViewPart, RuleMatch,
            RunningCall, StoredView,
        },
        fleet::ProcessInfo,
        handle::CacheHandle,
        preview::Preview,
        purge_hooks::{NoticeTarget, PurgeHook, PurgeNotice},
        stats::{
            CostlyKey, Histogram, LastError, PurgeCount, PurgeHookStats, RequestCount,
            RequestExample, RuleStats, Stats, TimelineStep, TopKey, TopKeys,
        },
    },
    middleware::{
        cached::Cached,
        extract::CacheHints,
        typed_headers::{CacheGroupInvalidation, CacheGroups},
        verdict::CacheVerdict,
    },
    purge::{Purge, Purged},
    semantics::{
        lifetime_source::LifetimeSource,
        verdict::{Reason, StaleCause, VerdictKind},
    },
    store::{Evictions, RedisHealth, Store, StoreError, StoreErrorKind, StoreHealth},
};
