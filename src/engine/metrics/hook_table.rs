//! The names of the metrics of purge hooks, and where their values come from.

use super::metric::{
    Kind::{Counter, Gauge},
    Metric, Sink,
    Value::Count,
    metric,
};
use crate::engine::stats::{PurgeHookStats, Stats};

/// The metrics of purge hooks.
pub(super) const OF_HOOKS: &[Metric] = &[
    metric(
        "http_cache_purge_hook_pending",
        Gauge,
        "Purges that a hook has yet to be told of.",
        |stats, sink| each_hook(stats, sink, |hook| hook.pending),
    ),
    metric(
        "http_cache_purge_hook_notices_total",
        Counter,
        "Notices that a hook has taken.",
        |stats, sink| each_hook(stats, sink, |hook| hook.delivered),
    ),
    metric(
        "http_cache_purge_hook_failures_total",
        Counter,
        "Attempts to tell a hook that failed.",
        |stats, sink| each_hook(stats, sink, |hook| hook.failures),
    ),
];

fn each_hook(stats: &Stats, sink: &mut Sink<'_>, read: fn(&PurgeHookStats) -> u64) {
    for hook in &stats.purge_hooks {
        sink(&[("hook", &hook.hook)], Count(read(hook)));
    }
}
