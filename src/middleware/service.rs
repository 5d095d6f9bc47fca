//! The entrance: a request is admitted to the cache or bypasses it, and its future takes its steps.

use std::{
    rc::Rc,
    task::{Context, Poll},
};

use actix_service::Service;
use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::Method,
};
use futures_util::FutureExt as _;

use super::{
    body::{CacheBody, CacheResult},
    context::RequestContext,
    future::CacheFuture,
    refresh::KeptRequest,
    request::{
        background::refresh_in_background,
        detached::{call_handler, call_or_serve_stale},
        follow::follow,
        fresh_hit::{self, Plain},
        handler_call::{CallPurpose, HandlerCall},
        invalidate::{PendingChange, invalidated},
        lookup::{lead_now, look_up},
        normalise::normalise,
        state::{CacheRequest, Step},
    },
    request_body::read_body,
    worker::Worker,
};
use crate::{
    config::{paths::Refusal, plan::Admitted},
    purge::Purge,
    semantics::{groups::invalidated_groups, invalidation::is_safe, verdict::Reason},
    store::budget,
};

/// The service that `ResponseCache` makes of the one it wraps.
#[doc(hidden)]
#[derive(Debug)]
pub struct CacheService<S> {
    service: Rc<S>,
    worker: Rc<Worker>,
    /// The context of requests that bypass the cache.
    bypass: RequestContext,
}

impl<S> CacheService<S> {
    pub(super) fn new(service: Rc<S>, worker: Rc<Worker>) -> Self {
        let bypass = RequestContext::shared(&worker);
        Self { service, worker, bypass }
    }
}

impl<S, B> Service<ServiceRequest> for CacheService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<CacheBody<B>>;
    type Error = Error;
    type Future = CacheFuture<S, B>;

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.service.poll_ready(cx)
    }

    fn call(&self, mut req: ServiceRequest) -> Self::Future {
        let worker = &self.worker;
        let outer = RequestContext::outer(&req);
        let mut absent_at = None;
        if outer.is_none() {
            match fresh_hit::plain(worker, &req) {
                Ok(Plain::Hit(res)) => return CacheFuture::ready(req.into_response(res)),
                Ok(Plain::Absent(published)) => absent_at = Some(published),
                Ok(Plain::Unknown) => {}
                Err(refusal) => return self.bypass(req, None, refusal),
            }
        }
        let nested = RequestContext::nested(outer.as_ref(), worker);
        let admitted = match worker.plan.admit(req.request(), nested) {
            Ok(admitted) if !worker.engine.is_usual() => {
                return self.unusual(req, admitted, outer);
            }
            // admitted when its headers have been reduced
            Err(Refusal { why: Reason::HeldRequest, .. }) if normalise(worker, &mut req) => {
                return self.call(req);
            }
            admitted => admitted,
        };
        match admitted {
            Ok(admitted) => {
                self.cached(CacheRequest::new(req, admitted, outer).absent_at(absent_at))
            }
            Err(Refusal { why: Reason::Method, rule })
                if worker.plan.keys_body(req.request(), rule) =>
            {
                self.keyed_by_body(req)
            }
            Err(refusal @ Refusal { why: Reason::Method, .. }) if !is_safe(req.method()) => {
                CacheFuture::boxed(change(
                    Rc::clone(&self.service),
                    Rc::clone(worker),
                    req,
                    outer,
                    refusal,
                ))
            }
            Err(refusal) => {
                if refusal.why == Reason::Forwarded {
                    worker.engine.bypassed_for_forwarded();
                }
                self.bypass(req, outer, refusal)
            }
        }
    }
}

impl<S, B> CacheService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    /// A request that does not concern the cache.
    fn bypass(
        &self,
        req: ServiceRequest,
        outer: Option<RequestContext>,
        refusal: Refusal,
    ) -> CacheFuture<S, B> {
        let worker = &self.worker;
        if outer.is_none() && !worker.plan.is_observed {
            self.bypass.leave(&req);
            return CacheFuture::bypassing(self.service.call(req), refusal, Rc::clone(worker));
        }
        let Refusal { why, rule } = refusal;
        let call = HandlerCall::new(worker, &req, outer, CallPurpose::Bypass(why)).with_rule(rule);
        CacheFuture::calling(self.service.call(req), Box::new(call), Rc::clone(worker))
    }

    /// A request that comes while the cache is disabled, or wants to keep it when it has ended.
    #[cold]
    fn unusual(
        &self,
        req: ServiceRequest,
        admitted: Admitted,
        outer: Option<RequestContext>,
    ) -> CacheFuture<S, B> {
        let rule = admitted.keyed.rule;
        if !self.worker.engine.is_enabled() {
            return self.bypass(req, outer, Refusal { why: Reason::Disabled, rule });
        }
        let kept = outer.is_none().then(|| KeptRequest::new(&self.service, &self.worker, &req));
        let answer = self.cached(CacheRequest::new(req, admitted, outer));
        CacheFuture::boxed(async move {
            let res = answer.await?;
            Ok(match kept.flatten() {
                Some(kept) => kept.after(res),
                None => res,
            })
        })
    }

    /// A request that the cache handles. Its future is boxed only where it has to wait.
    fn cached(&self, mut request: CacheRequest) -> CacheFuture<S, B> {
        if let Some(res) = fresh_hit::stored(&self.worker, &mut request) {
            return CacheFuture::ready(request.req.into_response(res));
        }
        let worker = &self.worker;
        if !worker.engine.store().is_immediate() {
            let run = run(Rc::clone(&self.service), Rc::clone(worker), request);
            return CacheFuture::boxed(run);
        }
        match lead_now(worker, request) {
            Ok(step) => self.go_on(step),
            Err(request) => self.look_up_at_once(*request),
        }
    }

    /// Looks up in a store that answers at once.
    fn look_up_at_once(&self, request: CacheRequest) -> CacheFuture<S, B> {
        let (service, worker) = (Rc::clone(&self.service), Rc::clone(&self.worker));
        let mut first = Box::pin(look_up(Rc::clone(&worker), request));
        if let Some(step) = first.as_mut().now_or_never() {
            return self.go_on(step);
        }
        // the store has not kept its promise to answer at once
        worker.engine.counters().error();
        CacheFuture::boxed(async move {
            let step = first.await;
            drive(service, worker, step).await
        })
    }

    /// The future of a request from this step on.
    fn go_on(&self, step: Step<B>) -> CacheFuture<S, B> {
        let (service, worker) = (&self.service, Rc::clone(&self.worker));
        match step {
            Step::Respond(res) => CacheFuture::ready(res),
            Step::Forward(req, call) if worker.plan.handlers().finish_on_disconnect.is_none() => {
                let handler = call.span().in_scope(|| service.call(req));
                CacheFuture::calling(handler, call, worker)
            }
            step => CacheFuture::boxed(drive(Rc::clone(service), worker, step)),
        }
    }

    /// A QUERY, or a POST whose rule says something of it: its body is read before it can be looked up.
    fn keyed_by_body(&self, mut req: ServiceRequest) -> CacheFuture<S, B> {
        let (service, worker) = (Rc::clone(&self.service), Rc::clone(&self.worker));
        CacheFuture::boxed(async move {
            let outer = RequestContext::outer(&req);
            let refusal = match admit_with_body(&worker, &mut req, outer.as_ref()).await {
                Ok(admitted) => {
                    let request = CacheRequest::new(req, admitted, outer);
                    let res = run(service, Rc::clone(&worker), request).await;
                    return purge_groups(&worker, res).await;
                }
                Err(refusal) => refusal,
            };
            if !is_safe(req.method()) {
                return change(service, worker, req, outer, refusal).await;
            }
            let purpose = CallPurpose::Bypass(refusal.why);
            let call = HandlerCall::new(&worker, &req, outer, purpose).with_rule(refusal.rule);
            call.finish(&worker, service.call(req).await)
        })
    }
}

/// Reads the body of a request, and says whether the request is for the cache, and under which key.
async fn admit_with_body(
    worker: &Worker,
    req: &mut ServiceRequest,
    outer: Option<&RequestContext>,
) -> Result<Admitted, Refusal> {
    let rule = worker.plan.rule_of(req.match_info().as_str());
    let refuse = |why| Refusal { why, rule };
    let body = read_body(req).await.ok_or_else(|| refuse(Reason::RequestBody))?;
    let nested = RequestContext::nested(outer, worker);
    let admit = |req: &ServiceRequest| worker.plan.admit_with_body(req.request(), &body, nested);
    let admitted = match admit(req) {
        Err(Refusal { why: Reason::HeldRequest, .. }) if normalise(worker, req) => admit(req),
        admitted => admitted,
    }?;
    // as for other requests, why it never is for the cache comes first
    if worker.engine.is_enabled() { Ok(admitted) } else { Err(refuse(Reason::Disabled)) }
}

/// Purges the groups that the response to a POST names (RFC 9875 s.3) before it is given. It has just come
/// from the handler, as none that names any is stored.
async fn purge_groups<B>(worker: &Worker, res: CacheResult<B>) -> CacheResult<B> {
    if let Ok(res) = &res
        && *res.request().method() == Method::POST
    {
        let groups = invalidated_groups(res.headers()).into_iter().map(Purge::group);
        worker.engine.purge_all_uncounted(groups.collect()).await;
    }
    res
}

/// An unsafe request: what it changes is purged before its response is given: a read after the
/// response never sees the old entry.
async fn change<S, B>(
    service: Rc<S>,
    worker: Rc<Worker>,
    req: ServiceRequest,
    outer: Option<RequestContext>,
    Refusal { why, rule }: Refusal,
) -> CacheResult<B>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    let call = HandlerCall::new(&worker, &req, outer, CallPurpose::Bypass(why)).with_rule(rule);
    let method = req.method().clone();
    let pending = PendingChange::new(&worker, &req, &call.context);
    let res = service.call(req).await;
    pending.responded(res.as_ref().err());
    if let Ok(res) = &res {
        let changed = invalidated(&method, res, worker.engine.stored_paths());
        worker.engine.purge_all_uncounted(changed).await;
    }
    call.finish(&worker, res)
}

/// The whole way of a request that the cache handles. It is no `async fn`, which would move its future
/// once more.
fn run<S, B>(
    service: Rc<S>,
    worker: Rc<Worker>,
    request: CacheRequest,
) -> impl Future<Output = CacheResult<B>>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    budget::with_own_budget(async move {
        match look_up(Rc::clone(&worker), request).await {
            Step::Respond(res) => Ok(res),
            // boxed, or the future of a hit would be as large as this one, and moved as often
            step => Box::pin(drive(service, worker, step)).await,
        }
    })
}

/// Takes steps until the request has its response.
async fn drive<S, B>(service: Rc<S>, worker: Rc<Worker>, mut step: Step<B>) -> CacheResult<B>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    loop {
        match step {
            Step::Respond(res) => return Ok(res),
            Step::RespondAndRefresh(res, refresh) => {
                refresh_in_background(service, worker, *refresh);
                return Ok(res);
            }
            Step::Forward(req, call) => return call_handler(service, worker, req, *call).await,
            Step::Revalidate(forwarded) => {
                let (req, call, stale) = *forwarded;
                return call_or_serve_stale(service, worker, req, call, stale).await;
            }
            Step::Wait(waiting) => step = follow(&worker, *waiting).await,
        }
    }
}
