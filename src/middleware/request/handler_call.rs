//! A request that has gone to the handler, and what is done with the response.

use std::{cell::Cell, rc::Rc, time::Duration};

use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method,
        header::{self, HeaderMap},
    },
};

use tracing::Span;

use super::{
    bypass::concerns_keys,
    conditions::not_modified,
    store::{Handled, store, view},
    validate_only::validate,
};
use crate::{
    clock::Stopwatch,
    config::{downstream::make_private, paths::RuleNumber},
    engine::{
        cache_fill::{CacheFill, ClientConditions},
        running_handlers::HandlerPermit,
    },
    key::CacheKey,
    middleware::{
        body::{CacheBody, CacheResult},
        context::RequestContext,
        report::{Report, VerdictHolder},
        span,
        worker::{Worker, place},
    },
    semantics::{
        lifetime_source::LifetimeSource,
        verdict::{Forwarding, Reason, Stored, Verdict},
    },
};

/// A request that has gone to the handler.
#[derive(Debug)]
pub(crate) struct HandlerCall {
    outer: Option<RequestContext>,
    pub(crate) context: RequestContext,
    /// The rule of the request's path.
    pub(super) rule: Option<RuleNumber>,
    /// In which the handler runs.
    span: Span,
    watch: Stopwatch,
    /// Runs since before the look-up.
    begun: Option<Stopwatch>,
    pub(super) purpose: CallPurpose,
    /// Counts the handler among those that run, until its response is there or it is dropped.
    permit: Option<HandlerPermit>,
    /// What the request was looked up by, for `Cache-Status`.
    key: Option<CacheKey>,
    /// The client's conditions were removed from the request: the response is evaluated by them.
    pub(super) evaluates_conditions: bool,
    /// Whether the client has been given another response in the meantime.
    client_served: Option<Rc<Cell<bool>>>,
}

/// Why the handler is called.
#[derive(Debug)]
pub(crate) enum CallPurpose {
    /// The request does not concern the cache.
    Bypass(Reason),
    /// Nothing usable is stored, and the handler's response will not be either: it is one to HEAD,
    /// which answers no GET.
    Unstorable(Forwarding),
    /// Nothing usable is stored; the handler's response may be.
    Fill(Forwarding, Box<CacheFill>),
}

/// A call that has ended: whom to report it to.
#[derive(Debug)]
pub(super) struct EndedCall {
    outer: Option<RequestContext>,
    pub(super) context: RequestContext,
    pub(super) rule: Option<RuleNumber>,
    begun: Option<Stopwatch>,
    key: Option<CacheKey>,
    span: Span,
}

impl HandlerCall {
    pub(crate) fn new(
        worker: &Rc<Worker>,
        req: &ServiceRequest,
        outer: Option<RequestContext>,
        purpose: CallPurpose,
    ) -> Self {
        worker.engine.came_to(req.app_config().secure());
        let cached = !matches!(purpose, CallPurpose::Bypass(_));
        let context = RequestContext::open(worker, req, cached, outer.as_ref());
        Self {
            outer,
            context,
            rule: None,
            span: span::begin(),
            watch: Stopwatch::start(),
            begun: None,
            purpose,
            permit: None,
            key: None,
            evaluates_conditions: false,
            client_served: None,
        }
    }

    /// A call whose client has its response already.
    pub(in crate::middleware) fn in_background(
        worker: &Rc<Worker>,
        req: &ServiceRequest,
        purpose: CallPurpose,
    ) -> Self {
        let mut call = Self::new(worker, req, None, purpose);
        call.client_served().set(true);
        call
    }

    /// The request was looked up by this key, and its path has this rule.
    pub(in crate::middleware) fn with_key(self, key: CacheKey, rule: Option<RuleNumber>) -> Self {
        Self { key: Some(key), rule, ..self }
    }

    /// When the request began to be looked up.
    pub(super) fn begun_at(self, begun: Option<Stopwatch>) -> Self {
        if let Some(begun) = begun.filter(|_| !self.span.is_disabled()) {
            span::record_lookup(&self.span, begun.elapsed());
        }
        Self { begun, ..self }
    }

    /// The rule of the request's path.
    pub(crate) fn with_rule(self, rule: Option<RuleNumber>) -> Self {
        Self { rule, ..self }
    }

    /// The handler is counted among those that run.
    pub(in crate::middleware) fn with_permit(self, permit: Option<HandlerPermit>) -> Self {
        if permit.is_some() {
            self.context.set_counts();
        }
        Self { permit, ..self }
    }

    /// The span in which the handler is to run.
    pub(crate) fn span(&self) -> &Span {
        &self.span
    }

    pub(super) fn key(&self) -> Option<&CacheKey> {
        self.key.as_ref()
    }

    /// Whether the handler's response may be stored.
    pub(super) fn fills(&self) -> bool {
        matches!(self.purpose, CallPurpose::Fill(..))
    }

    /// Whether the handler's response may renew a stored one that it is asked about.
    pub(super) fn renews(&self) -> bool {
        matches!(&self.purpose, CallPurpose::Fill(_, fill) if fill.may_renew())
    }

    /// Whether no cache downstream may share the response.
    pub(super) fn is_personal(&self) -> bool {
        match &self.purpose {
            CallPurpose::Fill(_, fill) => fill.is_personal(),
            CallPurpose::Bypass(_) | CallPurpose::Unstorable(_) => true,
        }
    }

    /// To be set when the client has been given another response.
    pub(super) fn client_served(&mut self) -> Rc<Cell<bool>> {
        Rc::clone(self.client_served.get_or_insert_default())
    }

    /// The context to report to. A response that no client is given is reported to a cache outside
    /// that does not exist, so that it is not counted.
    pub(super) fn report_to(&self) -> Option<RequestContext> {
        let is_served = self.client_served.as_ref().is_some_and(|served| served.get());
        if is_served { Some(self.context.clone()) } else { self.outer.clone() }
    }

    /// The handler has responded, or failed: its time is measured.
    pub(super) fn end(self, worker: &Worker) -> (CallPurpose, EndedCall) {
        if !matches!(self.purpose, CallPurpose::Bypass(_)) {
            let took = self.watch.elapsed();
            worker.counters.handler_took(place(self.rule), self.key.as_ref(), took);
            span::record_handler(&self.span, took);
        }
        let outer = self.report_to();
        let Self { context, purpose, rule, begun, key, span, permit, .. } = self;
        // its body may stream for long, without the handler
        drop(permit);
        (purpose, EndedCall { outer, context, rule, begun, key, span })
    }

    /// The handler has responded, or failed: its response is stored where it may be, and given to the
    /// client.
    pub(crate) fn finish<B: MessageBody + 'static>(
        self,
        worker: &Rc<Worker>,
        res: Result<ServiceResponse<B>, Error>,
    ) -> CacheResult<B> {
        let evaluates_conditions = self.evaluates_conditions;
        let (purpose, ended) = self.end(worker);
        let res = match res {
            Ok(res) => res,
            Err(error) => {
                ended.fail(worker, purpose);
                return Err(error);
            }
        };
        let concerns_keys = purpose.concerns_keys();
        let (mut res, verdict) = match purpose {
            CallPurpose::Fill(why, fill) => {
                let Filled { res, stored, status } =
                    fill_from(worker, &ended, fill, res, evaluates_conditions);
                (res, Verdict::filled(why, stored).with_status(status))
            }
            CallPurpose::Bypass(Reason::ValidateOnly) => {
                let res = res.map_body(|_, body| CacheBody::passed(body));
                let (res, status) = validate(worker, res);
                let verdict = purpose.verdict(Ok(LifetimeSource::default()));
                (res, verdict.with_status(status))
            }
            purpose => (
                res.map_body(|_, body| CacheBody::passed(body)),
                purpose.verdict(Ok(LifetimeSource::default())),
            ),
        };
        if *res.request().method() != Method::HEAD {
            let rule = place(ended.rule);
            res = res.map_body(|_, body| body.measured(&worker.counters, rule));
        }
        worker.strip(&mut res);
        if concerns_keys {
            worker.report_downstream(ended.rule, &mut res);
        }
        ended.keep_private(res.headers_mut());
        worker.take_example(res.request(), &verdict);
        ended.report().write(worker, res.response_mut(), verdict);
        Ok(res)
    }
}

impl EndedCall {
    /// Marks the response where the handler has said that it is private.
    pub(super) fn keep_private(&self, headers: &mut HeaderMap) {
        if self.context.hints().private {
            make_private(headers);
        }
    }

    /// The handler has failed without a response.
    fn fail(&self, worker: &Worker, purpose: CallPurpose) {
        self.report().count_failed(worker, purpose.verdict(Err(Reason::HandlerFailed)));
        if let CallPurpose::Fill(_, fill) = purpose {
            fill.end_without_response();
        }
    }

    pub(super) fn report(&self) -> Report<'_> {
        let (outer, key) = (self.outer.as_ref(), self.key.as_ref());
        let verdict_holder = Some(VerdictHolder::Context(&self.context));
        let Self { rule, begun, .. } = *self;
        let (inner, saved) = (self.context.inner(), Duration::ZERO);
        let span = Some(&self.span);
        Report { outer, inner, verdict_holder, key, rule, saved, begun, span }
    }
}

/// A response that has been stored, or not.
struct Filled<B> {
    res: ServiceResponse<CacheBody<B>>,
    stored: Stored,
    /// The handler's status, where the client is given a 304 instead.
    status: Option<u16>,
}

/// Stores the handler's response where it may be. A client whose conditions it meets gets a 304.
fn fill_from<B: MessageBody + 'static>(
    worker: &Rc<Worker>,
    ended: &EndedCall,
    mut fill: Box<CacheFill>,
    res: ServiceResponse<B>,
    evaluates_conditions: bool,
) -> Filled<B> {
    let status = res.status();
    if status.is_server_error() && res.response().error().is_some() {
        fill.set_handler_failed();
    }
    let conditions = evaluates_conditions.then(|| fill.client_conditions());
    let handled = store(worker, &ended.context, ended.rule, fill, res);
    let Handled { mut res, stored, is_negotiated } = handled;
    // after storing, which may have made the response an `ETag`
    if conditions.is_some_and(|conditions| is_known(&conditions, &mut res, is_negotiated)) {
        Filled { res: not_modified(worker, res), stored, status: Some(status.as_u16()) }
    } else {
        Filled { res, stored, status: None }
    }
}

/// Whether the client has the response already, as it is or in the form in which it will be packed: then
/// the response says the tag of that.
fn is_known<B>(
    conditions: &ClientConditions,
    res: &mut ServiceResponse<B>,
    is_negotiated: bool,
) -> bool {
    if conditions.are_met_by(&view(res)) {
        return true;
    }
    let form = if is_negotiated { conditions.packed_form(&view(res)) } else { None };
    let Some(tag) = form else { return false };
    res.headers_mut().insert(header::ETAG, tag);
    true
}

impl CallPurpose {
    /// Whether the request is one of those that have keys.
    fn concerns_keys(&self) -> bool {
        match self {
            Self::Bypass(why) => concerns_keys(*why),
            Self::Unstorable(_) | Self::Fill(..) => true,
        }
    }

    /// Why the request goes to the handler.
    pub(super) fn forwarding(&self) -> Forwarding {
        match self {
            Self::Bypass(why) => Forwarding::Bypass(*why),
            Self::Unstorable(why) | Self::Fill(why, _) => *why,
        }
    }

    fn verdict(&self, stored: Stored) -> Verdict {
        match self {
            Self::Bypass(why) => Verdict::bypassed(*why),
            Self::Unstorable(why) => Verdict::missed(*why, Err(Reason::Method)),
            Self::Fill(why, _) => Verdict::filled(*why, stored),
        }
    }
}
