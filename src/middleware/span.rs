//! The span of a request in the cache, for tracing. Without a subscriber that takes it, it costs one comparison.

use std::time::Duration;

use tracing::{Span, field::Empty};

use super::worker::Worker;
use crate::{
    config::paths::RuleNumber,
    key::CacheKey,
    semantics::verdict::{Verdict, VerdictKind},
};

/// The target of the spans, by which subscribers filter them.
const TARGET: &str = "actix_response_cache::request";

/// A span without its fields, which are recorded when they are known. The handler runs inside of it.
pub(super) fn begin() -> Span {
    tracing::debug_span!(
        target: TARGET,
        "cache",
        verdict = Empty,
        reason = Empty,
        not_stored = Empty,
        rule = Empty,
        key = Empty,
        ttl_ms = Empty,
        lookup_us = Empty,
        handler_us = Empty,
    )
}

/// Whether a subscriber takes these spans.
pub(super) fn is_wanted() -> bool {
    tracing::span_enabled!(target: TARGET, tracing::Level::DEBUG)
}

/// How long it took until the request went to the handler.
pub(super) fn record_lookup(span: &Span, took: Duration) {
    span.record("lookup_us", micros(took));
}

/// How long the handler took.
pub(super) fn record_handler(span: &Span, took: Duration) {
    span.record("handler_us", micros(took));
}

/// What became of the request. Its key is shown as digits of its digest: it may tell who is asking.
pub(super) fn record(
    span: &Span,
    worker: &Worker,
    rule: Option<RuleNumber>,
    key: Option<&CacheKey>,
    verdict: &Verdict,
) {
    span.record("verdict", VerdictKind::of(verdict).as_str());
    if let Some(rule) = rule.and_then(|rule| worker.plan.rule_pattern(rule)) {
        span.record("rule", rule);
    }
    if let Some(key) = key {
        span.record("key", key.short_digest());
    }
    match verdict {
        Verdict::Hit { left } => drop(span.record("ttl_ms", millis(*left))),
        Verdict::Stale { past } => drop(span.record("ttl_ms", -millis(*past))),
        Verdict::StaleFallback { past, cause } => {
            span.record("ttl_ms", -millis(*past));
            span.record("reason", cause.as_str());
        }
        Verdict::Forwarded { why, stored, .. } => {
            if let Some(reason) = why.reason() {
                span.record("reason", reason.as_str());
            }
            if let Some(not_stored) = stored.err().filter(|_| !verdict.is_bypass()) {
                span.record("not_stored", not_stored.as_str());
            }
        }
        Verdict::Refused(reason) => drop(span.record("reason", reason.as_str())),
    }
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}
