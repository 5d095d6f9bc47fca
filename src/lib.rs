#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod entry;
#[cfg(any(fuzzing, test))]
#[doc(hidden)]
pub mod fuzzing;
pub mod guide {
    #![doc = include_str!("guide/index.md")]

    #[doc = include_str!("guide/cdn_in_front.md")]
    pub mod cdn_in_front {}
    #[doc = include_str!("guide/conformance.md")]
    pub mod conformance {}
    #[doc = include_str!("guide/crowds.md")]
    pub mod crowds {}
    #[doc = include_str!("guide/compare.md")]
    pub mod compare {}
    #[cfg(feature = "precompress")]
    #[doc = include_str!("guide/compression.md")]
    pub mod compression {}
    #[cfg(feature = "redis")]
    #[doc = include_str!("guide/faults.md")]
    pub mod faults {}
    #[doc = include_str!("guide/first_steps.md")]
    pub mod first_steps {}
    #[cfg(all(feature = "memory", feature = "redis"))]
    #[doc = include_str!("guide/fleet.md")]
    pub mod fleet {}
    #[doc = include_str!("guide/handlers_and_variants.md")]
    pub mod handlers_and_variants {}
    #[doc = include_str!("guide/lifetimes.md")]
    pub mod lifetimes {}
    #[doc = include_str!("guide/metrics.md")]
    pub mod metrics {}
    #[doc = include_str!("guide/middleware_order.md")]
    pub mod middleware_order {}
    #[doc = include_str!("guide/moving_here.md")]
    pub mod moving_here {}
    #[cfg(feature = "admin")]
    #[doc = include_str!("guide/observing.md")]
    pub mod observing {}
    #[cfg(all(feature = "admin", feature = "memory", feature = "redis"))]
    #[doc = include_str!("guide/operations.md")]
    pub mod operations {}
    #[doc = include_str!("guide/own_store.md")]
    pub mod own_store {}
    #[doc = include_str!("guide/purging.md")]
    pub mod purging {}
    #[doc = include_str!("guide/security.md")]
    pub mod security {}
    #[cfg(all(feature = "memory", feature = "testing"))]
    #[doc = include_str!("guide/testing.md")]
    pub mod testing {}
    #[doc = include_str!("guide/validators.md")]
    pub mod validators {}
    #[doc = include_str!("guide/warming.md")]
    pub mod warming {}
    #[doc = include_str!("guide/who_is_asking.md")]
    pub mod who_is_asking {}
    #[doc = include_str!("guide/why_not_cached.md")]
    pub mod why_not_cached {}
}
mod key;
mod purge;
mod purge_log;
pub mod store;
#[cfg(feature = "testing")]
pub mod testing;

#[cfg_attr(not(feature = "testing"), allow(unreachable_pub, reason = "public with that feature"))]
mod clock;
mod config;
mod counting;
mod engine;
mod middleware;
mod semantics;

// last, so that the documentation of `ResponseCache` begins with how one is made
#[cfg(feature = "admin")]
mod admin;

#[cfg(feature = "admin")]
pub use crate::admin::token::{AdminToken, AdminTokens};
#[cfg(feature = "testing")]
pub use crate::clock::Clock;
#[cfg(feature = "memory")]
pub use crate::config::settings::memory::Memory;
#[cfg(feature = "precompress")]
pub use crate::config::settings::precompress::Precompress;
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
        event::{
            BreakerEvent, CacheEvent, EvictedEvent, NotStoredEvent, PurgedEvent, RefreshedEvent,
            RequestEvent, StoredEvent,
        },
        explanation::{
            Candidate, ExplainError, Explanation, Inquiry, KeyView, KeyViewPart, PackedForm,
            RuleMatch, RunningCall, StoredView,
        },
        fleet::ProcessInfo,
        handle::CacheHandle,
        preview::Preview,
        purge_hooks::{NoticeTarget, PurgeHook, PurgeNotice},
        refresher::{Refresh, RefreshOutcome, RefreshReport, RefreshedUrl},
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
