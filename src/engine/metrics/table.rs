//! The names of the metrics of requests, and where their values come from. Labels are bounded: verdicts,
//! reasons and the patterns of rules, never URLs.

use super::metric::{
    Kind::{Counter, Gauge, Histogram},
    Metric, Sink,
    Value::{self, Count, Number, Times},
    metric,
};
use crate::{
    counting::serialized::unix_time,
    engine::stats::{RuleStats, Stats},
};

/// The metrics of requests, and of what is under way.
pub(super) const OF_REQUESTS: &[Metric] = &[
    metric(
        "http_cache_requests_total",
        Counter,
        "Requests by verdict (hit, stale, miss, bypass), reason and rule.",
        |stats, sink| {
            for rule in &stats.rules {
                for outcome in &rule.outcomes {
                    let (verdict, reason) = (outcome.verdict.as_str(), outcome.reason);
                    let labels = [("verdict", verdict), ("reason", reason), ("rule", name(rule))];
                    sink(&labels, Count(outcome.count));
                }
            }
        },
    ),
    metric(
        "http_cache_collapsed_requests_total",
        Counter,
        "Misses that were answered with the response to another request.",
        |stats, sink| {
            each_rule(stats, sink, |rule| Count(rule.collapsed));
        },
    ),
    metric("http_cache_stores_total", Counter, "Responses stored.", |stats, sink| {
        sink(&[], Count(stats.stores));
    }),
    metric(
        "http_cache_not_stored_total",
        Counter,
        "Responses that were not stored, by reason.",
        |stats, sink| {
            for (reason, count) in &stats.not_stored {
                sink(&[("reason", reason.as_str())], Count(*count));
            }
        },
    ),
    metric(
        "http_cache_response_bytes_total",
        Counter,
        "Bytes of bodies from the store and from handlers.",
        |stats, sink| {
            for rule in &stats.rules {
                let bytes =
                    [("store", rule.bytes_from_store), ("handler", rule.bytes_from_handlers)];
                for (source, bytes) in bytes {
                    sink(&[("source", source), ("rule", name(rule))], Count(bytes));
                }
            }
        },
    ),
    metric(
        "http_cache_handler_seconds_saved_total",
        Counter,
        "What handlers took for the responses that were served from the store.",
        |stats, sink| {
            each_rule(stats, sink, |rule| Number(rule.handler_time_saved.as_secs_f64()));
        },
    ),
    metric(
        "http_cache_hit_duration_seconds",
        Histogram,
        "Time until a stored response is ready; a sample of one in 16.",
        |stats, sink| {
            sink(&[], Times(&stats.hit_times));
        },
    ),
    metric(
        "http_cache_miss_duration_seconds",
        Histogram,
        "Time until the response to a miss is ready, with its handler.",
        |stats, sink| {
            sink(&[], Times(&stats.miss_times));
        },
    ),
    metric(
        "http_cache_handler_duration_seconds",
        Histogram,
        "Time until the head of a handler's response.",
        |stats, sink| {
            for rule in &stats.rules {
                sink(&[("rule", name(rule))], Times(&rule.handler_times));
            }
        },
    ),
    metric("http_cache_entries", Gauge, "Entries in memory.", |stats, sink| {
        optional(stats.entries, sink);
    }),
    metric(
        "http_cache_stored_bytes",
        Gauge,
        "Bytes that the entries in memory take.",
        |stats, sink| {
            optional(stats.bytes, sink);
        },
    ),
    metric(
        "http_cache_flights",
        Gauge,
        "Handler calls for which requests may be waiting.",
        |stats, sink| {
            sink(&[], Count(stats.flights));
        },
    ),
    metric(
        "http_cache_followers",
        Gauge,
        "Requests that wait for the handler call of another one.",
        |stats, sink| {
            sink(&[], Count(stats.followers));
        },
    ),
    metric("http_cache_overruns_total", Counter, "Deadlines that were overrun.", |stats, sink| {
        each_word(&stats.overruns, "deadline", sink);
    }),
    metric(
        "http_cache_refreshes_total",
        Counter,
        "Refreshes in the background by result.",
        |stats, sink| {
            each_word(&stats.refreshes_by_result, "result", sink);
        },
    ),
    metric(
        "http_cache_purges_total",
        Counter,
        "Purges by what they name and whether they are soft.",
        |stats, sink| {
            for purge in &stats.purges_by_target {
                let mode = if purge.soft { "soft" } else { "hard" };
                sink(&[("target", purge.target), ("mode", mode)], Count(purge.count));
            }
        },
    ),
    metric(
        "http_cache_purged_entries_total",
        Counter,
        "Responses removed by purges that counted them.",
        |stats, sink| {
            sink(&[], Count(stats.purged));
        },
    ),
    metric(
        "http_cache_errors_total",
        Counter,
        "Failures behind the cache that failed no request.",
        |stats, sink| {
            sink(&[], Count(stats.errors));
        },
    ),
    metric(
        "http_cache_start_time_seconds",
        Gauge,
        "Since when the cache counts, in seconds since the Unix epoch.",
        |stats, sink| {
            sink(&[], Number(unix_time(stats.since).as_secs_f64()));
        },
    ),
];

/// The value of the label `rule`: the pattern, or empty for requests without a rule.
fn name(rule: &RuleStats) -> &str {
    rule.rule.as_deref().unwrap_or_default()
}

fn each_rule<'s>(stats: &'s Stats, sink: &mut Sink<'_>, read: impl Fn(&'s RuleStats) -> Value<'s>) {
    for rule in &stats.rules {
        sink(&[("rule", name(rule))], read(rule));
    }
}

pub(super) fn each_word(counts: &[(&'static str, u64)], label: &'static str, sink: &mut Sink<'_>) {
    for (word, count) in counts {
        sink(&[(label, word)], Count(*count));
    }
}

pub(super) fn optional(value: Option<u64>, sink: &mut Sink<'_>) {
    if let Some(value) = value {
        sink(&[], Count(value));
    }
}
