//! The names of the metrics of stores, and where their values come from.

use super::{
    metric::{
        Kind::{Counter, Gauge, Histogram},
        Metric, Sink,
        Value::{Count, Number, Times},
        metric,
    },
    table::{each_word, optional},
};
use crate::{
    engine::stats::Stats,
    store::{Evictions, RedisHealth},
};

/// The metrics of stores.
pub(super) const OF_STORES: &[Metric] = &[
    metric(
        "http_cache_capacity_bytes",
        Gauge,
        "Bytes that the memory of the store takes at most.",
        |stats, sink| {
            optional(stats.store.capacity, sink);
        },
    ),
    metric(
        "http_cache_evictions_total",
        Counter,
        "Entries that have left memory, by cause.",
        |stats, sink| {
            let Some(evictions) = &stats.store.evictions else { return };
            let Evictions { for_room, expired, purged, replaced, .. } = *evictions;
            for (cause, count) in [
                ("room", for_room),
                ("expired", expired),
                ("purged", purged),
                ("replaced", replaced),
            ] {
                sink(&[("cause", cause)], Count(count));
            }
        },
    ),
    metric(
        "http_cache_store_exchange_duration_seconds",
        Histogram,
        "Time of exchanges with Redis.",
        |stats, sink| {
            redis_samples(stats, sink, |redis, sink| sink(&[], Times(&redis.exchanges)));
        },
    ),
    metric(
        "http_cache_store_errors_total",
        Counter,
        "Exchanges with Redis that failed, by kind.",
        |stats, sink| {
            redis_samples(stats, sink, |redis, sink| each_word(&redis.errors, "kind", sink));
        },
    ),
    metric(
        "http_cache_store_corrupt_total",
        Counter,
        "Values in Redis that were none of this cache's, damaged, or of another version.",
        |stats, sink| {
            redis_samples(stats, sink, |redis, sink| sink(&[], Count(redis.corrupt)));
        },
    ),
    metric(
        "http_cache_store_away",
        Gauge,
        "1 while Redis is not asked, as it has not answered lately.",
        |stats, sink| {
            redis_samples(stats, sink, |redis, sink| sink(&[], Count(redis.is_away.into())));
        },
    ),
    metric(
        "http_cache_store_outages_total",
        Counter,
        "How often Redis has stopped answering.",
        |stats, sink| {
            redis_samples(stats, sink, |redis, sink| sink(&[], Count(redis.outages)));
        },
    ),
    metric(
        "http_cache_subscribed",
        Gauge,
        "1 while announcements of purges arrive.",
        |stats, sink| {
            redis_samples(stats, sink, |redis, sink| sink(&[], Count(redis.is_subscribed.into())));
        },
    ),
    metric(
        "http_cache_announcement_lag_seconds",
        Gauge,
        "Time that the last announcement took to Redis and back.",
        |stats, sink| {
            redis_samples(stats, sink, |redis, sink| {
                if let Some(lag) = redis.announcement_lag {
                    sink(&[], Number(lag.as_secs_f64()));
                }
            });
        },
    ),
    metric(
        "http_cache_pending_purges",
        Gauge,
        "Purges that Redis has not confirmed.",
        |stats, sink| {
            redis_samples(stats, sink, |redis, sink| sink(&[], Count(redis.pending_purges)));
        },
    ),
];

fn redis_samples(stats: &Stats, sink: &mut Sink<'_>, read: fn(&RedisHealth, &mut Sink<'_>)) {
    if let Some(redis) = &stats.store.redis {
        read(redis, sink);
    }
}
