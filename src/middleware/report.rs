//! What became of a request, reported: counted in the statistics, left for logs, and written into the
//! response or left with the cache outside.

use std::{rc::Rc, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{HeaderName, HeaderValue},
};

use tracing::Span;

use super::{
    body::CacheBody,
    context::{self, InnerOutcome, RequestContext},
    span,
    worker::{Worker, place},
};
use crate::{
    clock::Stopwatch,
    config::paths::RuleNumber,
    engine::event::CacheEvent,
    key::CacheKey,
    semantics::{
        cache_status,
        verdict::{Reason, Verdict},
    },
};

/// The name of this cache in `Cache-Status`.
pub(super) const NAME: &str = "actix-response-cache";
static CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");
static X_CACHE: HeaderName = HeaderName::from_static("x-cache");

/// Where the verdict on one request is reported, and what is known of it beside the verdict.
#[derive(Clone, Copy, Debug)]
pub(super) struct Report<'a> {
    /// The context of the cache outside. Among clones, the outermost counts the request; among all
    /// caches of this crate, the outermost writes it into the response.
    pub(super) outer: Option<&'a RequestContext>,
    /// What the cache inside did with the request, if it came there: that is what is reported.
    pub(super) inner: Option<InnerOutcome>,
    /// Where the verdict is left for logs, if it is.
    pub(super) verdict_holder: Option<VerdictHolder<'a>>,
    /// What the request was looked up by, for `Cache-Status`.
    pub(super) key: Option<&'a CacheKey>,
    /// The rule of the request's path.
    pub(super) rule: Option<RuleNumber>,
    /// Where the response is from the store: how long the handler took for it.
    pub(super) saved: Duration,
    /// Runs since before the look-up, unless the response is a fresh hit.
    pub(super) begun: Option<Stopwatch>,
    /// The span in which the handler ran.
    pub(super) span: Option<&'a Span>,
}

/// Where a verdict is left for logs.
#[derive(Clone, Copy, Debug)]
pub(super) enum VerdictHolder<'a> {
    /// The request has no context in this cache, as it did not go to the handler.
    Request(&'a HttpRequest),
    Context(&'a RequestContext),
}

impl Report<'_> {
    /// The same for a response from the store, for which the handler took this time.
    pub(super) fn with_saved(self, took: Duration) -> Self {
        Self { saved: took, ..self }
    }

    /// Counts the verdict, leaves it for logs, and writes it into the response or leaves it with the
    /// cache outside.
    pub(super) fn write<B>(
        &self,
        worker: &Rc<Worker>,
        res: &mut HttpResponse<CacheBody<B>>,
        verdict: Verdict,
    ) {
        let verdict = without_empty_promise(worker, verdict);
        let reported = self.inner.map_or(verdict, |inner| inner.verdict);
        let is_clone = self.is_clone(worker);
        if !is_clone {
            let by_clone = self.inner.is_some_and(|inner| inner.is_clone);
            worker.count(self.rule, if by_clone { &reported } else { &verdict });
        }
        self.count_response(worker, res.body().stored_length(), &verdict);
        if worker.plan.is_observed {
            self.leave_verdict(worker, reported);
            if !is_clone {
                let by_clone = self.inner.is_some_and(|inner| inner.is_clone);
                self.report_event(worker, if by_clone { &reported } else { &verdict });
            }
        }
        self.trace(worker, &reported);
        match self.outer {
            Some(outer) => outer.report_inner(InnerOutcome { verdict: reported, is_clone }),
            None => write_headers(worker, res, reported, self.key),
        }
    }

    /// Leaves the verdict for logs, where settings say so.
    fn leave_verdict(&self, worker: &Rc<Worker>, verdict: Verdict) {
        if !worker.plan.responses().verdict {
            return;
        }
        match self.verdict_holder {
            Some(VerdictHolder::Request(req)) => context::leave_verdict(worker, req, verdict),
            Some(VerdictHolder::Context(context)) => context.leave_verdict(verdict),
            None => {}
        }
    }

    /// Reports a verdict that was counted to the function of the application.
    fn report_event(&self, worker: &Worker, verdict: &Verdict) {
        if let Some(listener) = worker.plan.on_event() {
            let rule = self.rule.and_then(|rule| worker.plan.rule_pattern(rule));
            listener.report(&CacheEvent::for_verdict(verdict, rule, self.key));
        }
    }

    /// Counts what was served from the store, and how long other requests took. Of clones inside one
    /// another, the one counts it that has served the request.
    fn count_response(&self, worker: &Worker, stored_length: u64, verdict: &Verdict) {
        match verdict {
            Verdict::Hit { .. }
            | Verdict::Stale { .. }
            | Verdict::StaleFallback { .. }
            | Verdict::Forwarded { collapsed: true, .. } => {
                worker.counters.served(place(self.rule), stored_length, self.saved);
            }
            Verdict::Forwarded { .. } | Verdict::Refused(_) => {}
        }
        if let Verdict::Forwarded { .. } = verdict
            && let Some(begun) = self.begun
        {
            worker.counters.miss_took(place(self.rule), begun.elapsed());
        }
    }

    /// Records the verdict in the span of the request. One that did not go to the handler has a span that is
    /// over at once.
    fn trace(&self, worker: &Worker, verdict: &Verdict) {
        match self.span {
            Some(span) if span.is_disabled() => {}
            Some(span) => span::record(span, worker, self.rule, self.key, verdict),
            None if span::is_wanted() => {
                span::record(&span::begin(), worker, self.rule, self.key, verdict);
            }
            None => {}
        }
    }

    /// Counts a request whose handler failed without a response.
    pub(super) fn count_failed(&self, worker: &Worker, verdict: Verdict) {
        self.trace(worker, &verdict);
        if !self.is_clone(worker) {
            worker.count(self.rule, &verdict);
            self.report_event(worker, &verdict);
        }
    }

    /// Whether the cache outside is a clone of this one.
    fn is_clone(&self, worker: &Worker) -> bool {
        self.outer.is_some_and(|outer| outer.is_of_clone(worker))
    }
}

/// The verdict, without saying of a response that it is stored while the store takes none.
fn without_empty_promise(worker: &Worker, verdict: Verdict) -> Verdict {
    match verdict {
        Verdict::Forwarded { why, status, stored: Ok(_), collapsed: false }
            if !worker.engine.expects_to_store() =>
        {
            let stored = Err(Reason::StoreFailed);
            Verdict::Forwarded { why, status, stored, collapsed: false }
        }
        verdict => verdict,
    }
}

/// Writes `Cache-Status` (RFC 9211) and `X-Cache`.
pub(super) fn write_headers<B>(
    worker: &Worker,
    res: &mut HttpResponse<B>,
    verdict: Verdict,
    key: Option<&CacheKey>,
) {
    if worker.plan.responses().cache_status {
        let key = key.filter(|_| worker.plan.responses().cache_status_key).map(CacheKey::url);
        let member = || cache_status::member(&verdict, NAME, key.as_deref(), true);
        let member = match verdict {
            Verdict::Hit { left } if key.is_none() => worker.hits.get(left, member),
            Verdict::Forwarded { .. } if key.is_none() => worker.members.get(&verdict, member),
            _ => member(),
        };
        if let Some(member) = member {
            res.headers_mut().append(CACHE_STATUS.clone(), member);
        }
    }
    if worker.plan.responses().x_cache {
        res.headers_mut().insert(X_CACHE.clone(), HeaderValue::from_static(verdict.word()));
    }
}
