//! A request's way: admitted or not, looked up, answered or passed on.

use std::{
    rc::Rc,
    task::{Context, Poll},
};

use actix_service::Service;
use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
};
use futures_util::FutureExt as _;

use super::{
    answer::hit,
    asked::Asked,
    body::CacheBody,
    detached::{ask, ask_stale},
    follow::follow,
    future::CacheFuture,
    passage::Passage,
    query::read_body,
    refresh::refresh_behind,
    respond,
    step::{Looking, Step, step},
    unanswered::Unanswered,
    worker::Worker,
};
use crate::{
    config::plan::Admission,
    semantics::{invalidation::is_safe, verdict::Reason},
    store::budget,
};

/// The service that `ResponseCache` makes of the one it wraps.
#[doc(hidden)]
#[derive(Debug)]
pub struct CacheService<S> {
    service: Rc<S>,
    worker: Rc<Worker>,
}

impl<S> CacheService<S> {
    pub(super) fn new(service: Rc<S>, worker: Rc<Worker>) -> Self {
        Self { service, worker }
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

    fn call(&self, req: ServiceRequest) -> Self::Future {
        let worker = &self.worker;
        let outer = Passage::outer(&req);
        let admission = match worker.plan.admit(&req, worker.nested(outer.as_ref())) {
            Admission::Cache(_) if !worker.engine.is_on() => Admission::Bypass(Reason::Disabled),
            admission => admission,
        };
        match admission {
            Admission::Bypass(Reason::Method) if worker.plan.asks_query(&req) => self.query(req),
            Admission::Bypass(Reason::Method) if !is_safe(req.method()) => self.change(req, outer),
            Admission::Bypass(why) => {
                if why == Reason::Forwarded {
                    worker.engine.bypassed_for_forwarded();
                }
                let asked = Asked::passing(worker, &req, outer, why);
                CacheFuture::asking(self.service.call(req), asked, Rc::clone(worker))
            }
            Admission::Cache(admitted) => self.cached(Looking::new(req, admitted, outer)),
        }
    }
}

impl<S, B> CacheService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    fn cached(&self, looking: Looking) -> CacheFuture<S, B> {
        if let Some(res) = hit(&self.worker, &looking) {
            return CacheFuture::answered(looking.req.into_response(res));
        }
        let (service, worker) = (Rc::clone(&self.service), Rc::clone(&self.worker));
        if !worker.engine.store().is_immediate() {
            return CacheFuture::waiting(proceed(service, worker, looking));
        }
        let mut first = Box::pin(step(Rc::clone(&worker), looking));
        match first.as_mut().now_or_never() {
            Some(Step::Answer(res)) => CacheFuture::answered(res),
            Some(Step::Ask(asking)) if worker.plan.filling.finish_fills.is_none() => {
                let (req, asked) = *asking;
                CacheFuture::asking(self.service.call(req), asked, worker)
            }
            Some(step) => CacheFuture::waiting(take(service, worker, step)),
            None => {
                // the store has not kept its promise to answer at once
                worker.engine.counters().error();
                CacheFuture::waiting(async move {
                    let step = first.await;
                    take(service, worker, step).await
                })
            }
        }
    }

    /// A QUERY: its body is read before it can be looked up.
    fn query(&self, mut req: ServiceRequest) -> CacheFuture<S, B> {
        let (service, worker) = (Rc::clone(&self.service), Rc::clone(&self.worker));
        CacheFuture::waiting(async move {
            let outer = Passage::outer(&req);
            let admission = match read_body(&mut req).await {
                Some(_) if !worker.engine.is_on() => Err(Reason::Disabled),
                Some(body) => worker.plan.admit_query(&req, &body, worker.nested(outer.as_ref())),
                None => Err(Reason::RequestBody),
            };
            match admission {
                Ok(admitted) => proceed(service, worker, Looking::new(req, admitted, outer)).await,
                Err(why) => {
                    let asked = Asked::passing(&worker, &req, outer, why);
                    asked.finish(&worker, service.call(req).await)
                }
            }
        })
    }

    /// An unsafe request: what it changes (RFC 9111 s.4.4, RFC 9875 s.3) is purged before its answer
    /// is given: a read after the answer never gets the old response.
    fn change(&self, req: ServiceRequest, outer: Option<Passage>) -> CacheFuture<S, B> {
        let asked = Asked::passing(&self.worker, &req, outer, Reason::Method);
        let (service, worker) = (Rc::clone(&self.service), Rc::clone(&self.worker));
        let method = req.method().clone();
        let unanswered = Unanswered::new(&worker, &req, &asked.passage);
        CacheFuture::waiting(async move {
            let res = service.call(req).await;
            unanswered.answered(res.as_ref().err());
            if let Ok(res) = &res {
                let changed = respond::invalidated(&method, res, worker.engine.stored_paths());
                worker.engine.purge_all_uncounted(changed).await;
            }
            asked.finish(&worker, res)
        })
    }
}

/// The whole way of a request that the cache handles.
async fn proceed<S, B>(
    service: Rc<S>,
    worker: Rc<Worker>,
    looking: Looking,
) -> Result<ServiceResponse<CacheBody<B>>, Error>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    budget::within_one_budget(async {
        let step = step(Rc::clone(&worker), looking).await;
        take(service, worker, step).await
    })
    .await
}

/// Takes steps until the request is answered.
async fn take<S, B>(
    service: Rc<S>,
    worker: Rc<Worker>,
    mut step: Step<B>,
) -> Result<ServiceResponse<CacheBody<B>>, Error>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    loop {
        match step {
            Step::Answer(res) => return Ok(res),
            Step::Ask(asking) => {
                let (req, asked) = *asking;
                return ask(service, worker, req, asked).await;
            }
            Step::Validate(validation) => {
                let (req, asked, kept) = *validation;
                return ask_stale(service, worker, req, asked, kept).await;
            }
            Step::Refresh(res, stale, answered) => {
                refresh_behind(service, worker, *stale, answered);
                return Ok(res);
            }
            Step::Follow(following) => step = follow(&worker, *following).await,
        }
    }
}
