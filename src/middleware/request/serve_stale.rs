//! The one place where a stale stored response is served instead of the handler's (RFC 5861 s.4):
//! because the handler failed, is slow, or is not called: it failed a short while ago, or too many run.
//!
//! Response, verdict, log line and counter come from [`serve_stale`]; the other functions are for the
//! places where the request may be at that time: at hand, with a handler that has failed, or with one
//! that is still running.

use std::{rc::Rc, sync::Arc, time::Duration};

use actix_web::{
    Error, HttpResponse,
    body::BoxBody,
    dev::ServiceRequest,
    error::{ErrorServiceUnavailable, InternalError},
    http::header,
};

use super::{
    handler_call::{CallPurpose, HandlerCall},
    hit::respond_only_if_cached,
    state::{CacheRequest, Miss, OriginalRequest, StaleEntry, Step},
};
use crate::{
    config::paths::RuleNumber,
    engine::flight::Leader,
    entry::{Entry, StoredResponse},
    key::CacheKey,
    middleware::{
        body::CacheBody,
        context::RequestContext,
        report::{Report, VerdictHolder},
        respond::{self, ClientView},
        worker::Worker,
    },
    semantics::verdict::{Reason, StaleCause, Verdict},
};

/// A stale stored response, and the request that it is served to.
pub(super) struct StaleResponse<'a> {
    pub(super) client: ClientView<'a>,
    pub(super) entry: &'a Entry,
    pub(super) stored: &'a StoredResponse,
    pub(super) age: Duration,
}

/// Serves the stale response: counted, logged, and reported for its `cause`.
fn serve_stale<B>(
    worker: &Rc<Worker>,
    stale: &StaleResponse<'_>,
    report: &Report<'_>,
    cause: StaleCause,
) -> HttpResponse<CacheBody<B>> {
    let past = stale.age.saturating_sub(stale.stored.terms().lifetime);
    worker.engine.served_stale(cause, past, stale.entry.key.path());
    let mut res = worker.respond(&stale.client, stale.stored, stale.age);
    report.with_saved(stale.stored.terms().took).write(
        worker,
        &mut res,
        Verdict::StaleFallback { past, cause },
    );
    res
}

/// Whether a stale response may be served to the request.
pub(super) fn is_allowed(miss: &Miss) -> bool {
    miss.stale.as_ref().is_some_and(|stale| stale.if_error)
}

/// Whether a stale response may be served while the handler has the request's only handle: as an
/// error that carries a response, to which CORS middleware outside adds nothing.
pub(super) fn is_allowed_during_call(req: &ServiceRequest, stale: &StaleEntry) -> bool {
    stale.if_error && !req.headers().contains_key(header::ORIGIN)
}

/// Serves the stale response without a handler call.
pub(super) fn for_request<B>(
    worker: &Rc<Worker>,
    mut request: CacheRequest,
    miss: &Miss,
    cause: StaleCause,
) -> Step<B> {
    let found = miss.stale.as_ref().and_then(|stale| Some((stale, stale.entry.response()?)));
    let Some((&StaleEntry { ref entry, age, .. }, stored)) = found else {
        return respond_only_if_cached(worker, request);
    };
    let stale = StaleResponse { client: request.client_view(), entry, stored, age };
    let res = serve_stale(worker, &stale, &request.report(), cause);
    if let Some(leader) = request.leader.take() {
        leader.release();
    }
    Step::Respond(request.req.into_response(res))
}

/// Serves the stale response where it may be, else 503: as many handlers run as may.
pub(super) fn or_unavailable<B>(
    worker: &Rc<Worker>,
    mut request: CacheRequest,
    miss: &Miss,
    leader: Option<Leader>,
) -> Step<B> {
    request.leader = leader;
    if is_allowed(miss) {
        return for_request(worker, request, miss, StaleCause::Overloaded);
    }
    worker.engine.overloaded(request.req.path());
    let mut res = respond::overloaded();
    let verdict = Verdict::Refused(Reason::Overloaded);
    worker.take_example(request.req.request(), &verdict);
    request.report().write(worker, &mut res, verdict);
    // those that wait for it find out for themselves
    request.leader.take().into_iter().for_each(Leader::release);
    Step::Respond(request.req.into_response(res))
}

/// Serves the stale response instead of what the handler responded with: this `status`, or no
/// response at all. The handler is not called for a while.
pub(super) fn for_failed_call<B>(
    worker: &Rc<Worker>,
    call: HandlerCall,
    stale: &StaleResponse<'_>,
    status: Option<u16>,
) -> HttpResponse<CacheBody<B>> {
    let (purpose, ended) = call.end(worker);
    if let CallPurpose::Fill(_, fill) = purpose {
        fill.end_with_stale(&stale.entry.key, worker.plan.failure_backoff);
    }
    serve_stale(worker, stale, &ended.report(), StaleCause::Failed(status))
}

/// What is needed to serve a stale response while the handler has the request.
pub(super) struct StaleFallback {
    original: OriginalRequest,
    outer: Option<RequestContext>,
    context: RequestContext,
    entry: Arc<Entry>,
    age: Duration,
    key: Option<CacheKey>,
    rule: Option<RuleNumber>,
}

impl StaleFallback {
    pub(super) fn new(req: &ServiceRequest, call: &HandlerCall, stale: &StaleEntry) -> Self {
        Self {
            original: OriginalRequest::new(req, call),
            outer: call.report_to(),
            context: call.context.clone(),
            entry: Arc::clone(&stale.entry),
            age: stale.age,
            key: call.key().cloned(),
            rule: call.rule,
        }
    }

    /// Serves the stale response as the handler has been running for this time: as an error that
    /// carries the response, as only the handler can make one of the request.
    pub(super) fn for_slow_call(&self, worker: &Rc<Worker>, running: Duration) -> Error {
        let Some(stored) = self.entry.response() else {
            return ErrorServiceUnavailable("nothing is stored");
        };
        let age = self.age.saturating_add(running);
        let (client, entry) = (self.original.client_view(), &self.entry);
        let stale = StaleResponse { client, entry, stored, age };
        let report = Report {
            outer: self.outer.as_ref(),
            inner: None,
            verdict_holder: Some(VerdictHolder::Context(&self.context)),
            key: self.key.as_ref(),
            rule: self.rule,
            saved: Duration::ZERO,
            begun: None,
            span: None,
        };
        let res: HttpResponse<CacheBody<BoxBody>> =
            serve_stale(worker, &stale, &report, StaleCause::Slow);
        let cause = "the handler is still running; a stale response is served";
        InternalError::from_response(cause, res.map_into_boxed_body()).into()
    }
}
