//! A request's way: admitted or not, looked up, answered or passed on.

use std::{
    pin::pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use actix_service::Service;
use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::Method,
};
use futures_util::FutureExt as _;
use tokio::sync::oneshot;

use super::{
    asked::Asked,
    body::CacheBody,
    future::CacheFuture,
    passage::Passage,
    query::read_body,
    refresh::{Stale, refresh_behind},
    respond,
    validate::{Kept, validate},
    worker::{Asking, Worker},
};
use crate::{
    config::{
        keying::Keyed,
        plan::{Admission, Admitted},
    },
    engine::lookup::Found,
    entry::{Entry, StoredResponse},
    semantics::{
        fields::RequestView,
        invalidation::is_safe,
        reuse::{Reuse, only_if_cached},
        validation::{has_preconditions_for_origin, has_validator},
        verdict::{Forwarding, Verdict, WhyNot},
    },
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
        let admission = match worker.plan.admit(&req) {
            Admission::Cache(_) if !worker.engine.is_on() => Admission::Bypass(WhyNot::Disabled),
            admission => admission,
        };
        match admission {
            Admission::Bypass(WhyNot::Method) if worker.plan.asks_query(&req) => self.query(req),
            Admission::Bypass(WhyNot::Method) if !is_safe(req.method()) => self.change(req),
            Admission::Bypass(why) => {
                let outer = Passage::outer(&req);
                let asked = Asked::passing(worker, &req, outer, why);
                CacheFuture::asking(self.service.call(req), asked, Rc::clone(worker))
            }
            Admission::Cache(admitted) => self.cached(req, admitted),
        }
    }
}

impl<S, B> CacheService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    fn cached(&self, req: ServiceRequest, admitted: Admitted) -> CacheFuture<S, B> {
        if self.worker.engine.store().is_immediate() {
            let step = pin!(step(Rc::clone(&self.worker), req, admitted));
            return match step.now_or_never() {
                Some(Step::Answer(res)) => CacheFuture::answered(res),
                Some(Step::Ask(ask)) => {
                    let (req, asked) = *ask;
                    CacheFuture::asking(self.service.call(req), asked, Rc::clone(&self.worker))
                }
                Some(Step::Refresh(res, stale, answered)) => {
                    let (service, worker) = (Rc::clone(&self.service), Rc::clone(&self.worker));
                    refresh_behind(service, worker, *stale, answered);
                    CacheFuture::answered(res)
                }
                Some(Step::Validate(validation)) => {
                    let (req, asked, kept) = *validation;
                    let (service, worker) = (Rc::clone(&self.service), Rc::clone(&self.worker));
                    CacheFuture::waiting(validate(service, worker, req, asked, kept))
                }
                // never: an immediate store has answered when it is first polled
                None => CacheFuture::waiting(std::future::pending()),
            };
        }
        let (service, worker) = (Rc::clone(&self.service), Rc::clone(&self.worker));
        CacheFuture::waiting(proceed(service, worker, req, admitted))
    }

    /// A QUERY: its body is read before it can be looked up.
    fn query(&self, mut req: ServiceRequest) -> CacheFuture<S, B> {
        let (service, worker) = (Rc::clone(&self.service), Rc::clone(&self.worker));
        CacheFuture::waiting(async move {
            let admission = match read_body(&mut req).await {
                Some(_) if !worker.engine.is_on() => Err(WhyNot::Disabled),
                Some(body) => worker.plan.admit_query(&req, &body),
                None => Err(WhyNot::RequestBody),
            };
            match admission {
                Ok(admitted) => proceed(service, worker, req, admitted).await,
                Err(why) => {
                    let outer = Passage::outer(&req);
                    let asked = Asked::passing(&worker, &req, outer, why);
                    asked.finish(&worker, service.call(req).await)
                }
            }
        })
    }

    /// An unsafe request: what it changes is purged before its answer is given, so that whoever
    /// reads the answer does not read the past afterwards.
    fn change(&self, req: ServiceRequest) -> CacheFuture<S, B> {
        let outer = Passage::outer(&req);
        let asked = Asked::passing(&self.worker, &req, outer, WhyNot::Method);
        let (service, worker) = (Rc::clone(&self.service), Rc::clone(&self.worker));
        let method = req.method().clone();
        CacheFuture::waiting(async move {
            let res = service.call(req).await;
            if let Ok(res) = &res {
                invalidate(&worker, &method, res).await;
            }
            asked.finish(&worker, res)
        })
    }
}

/// The whole way of a request that the cache handles.
async fn proceed<S, B>(
    service: Rc<S>,
    worker: Rc<Worker>,
    req: ServiceRequest,
    admitted: Admitted,
) -> Result<ServiceResponse<CacheBody<B>>, Error>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    match step(Rc::clone(&worker), req, admitted).await {
        Step::Answer(res) => Ok(res),
        Step::Ask(ask) => {
            let (req, asked) = *ask;
            asked.finish(&worker, service.call(req).await)
        }
        Step::Validate(validation) => {
            let (req, asked, kept) = *validation;
            validate(service, worker, req, asked, kept).await
        }
        Step::Refresh(res, stale, answered) => {
            refresh_behind(service, worker, *stale, answered);
            Ok(res)
        }
    }
}

/// The next step of a request.
enum Step<B> {
    Answer(ServiceResponse<CacheBody<B>>),
    // boxed, as a hit is moved as often as these are large
    Ask(Box<(ServiceRequest, Asked)>),
    Validate(Box<(ServiceRequest, Asked, Kept)>),
    Refresh(ServiceResponse<CacheBody<B>>, Box<Stale>, oneshot::Receiver<()>),
}

/// Looks the request up and decides. Never waits where the store does not.
async fn step<B>(worker: Rc<Worker>, req: ServiceRequest, admitted: Admitted) -> Step<B> {
    let watch = worker.engine.counters().sample_hit();
    let outer = Passage::outer(&req);
    let view = RequestView { method: req.method(), fields: req.headers() };
    let Admitted { keyed, conditional, directives } = admitted;
    let policy = &worker.plan.whole().policy;
    let found = worker.engine.look_up(&keyed.key, &view, keyed.unkeyed, policy).await;
    let found = match found {
        // a precondition is the handler's to judge
        Found::Selected(
            _,
            Reuse::Fresh { .. } | Reuse::MaxStale { .. } | Reuse::WhileRevalidate { .. },
        ) if conditional && has_preconditions_for_origin(req.headers()) => {
            Found::Nothing(Forwarding::Request)
        }
        found => found,
    };
    let (why, kept) = match found {
        Found::Selected(entry, reuse) => match usable(&reuse, &entry) {
            Some((stored, age, verdict)) => {
                let routed = req.match_info().as_str();
                let asking = Asking { req: view, routed, conditional, personal: keyed.personal };
                let mut res = worker.answer(&asking, stored, age);
                worker.tell(&mut res, verdict, outer.as_ref(), None, Some(&keyed.key));
                if let Some(watch) = watch {
                    worker.engine.counters().hit_took(watch.elapsed());
                }
                if let Reuse::WhileRevalidate { age } = reuse
                    && let Some(stale) = refresh(&worker, age, &req, &entry, keyed)
                {
                    let (gone, answered) = oneshot::channel();
                    let res = res.map_body(|_, body| body.telling(gone));
                    return Step::Refresh(req.into_response(res), Box::new(stale), answered);
                }
                return Step::Answer(req.into_response(res));
            }
            None => (reason(&reuse), keep(reuse, entry, *req.method() == Method::HEAD)),
        },
        Found::Nothing(why) => (why, None),
    };
    if directives && only_if_cached(req.headers()) {
        let mut res = respond::only_if_cached();
        let verdict = Verdict::Refused(WhyNot::OnlyIfCached);
        worker.tell(&mut res, verdict, outer.as_ref(), None, Some(&keyed.key));
        return Step::Answer(req.into_response(res));
    }
    let Keyed { key, unkeyed, personal } = keyed;
    if *req.method() == Method::HEAD && kept.is_none() {
        let asked = Asked::missing(&worker, &req, outer, why).looked_up_by(key);
        return Step::Ask(Box::new((req, asked)));
    }
    // what a HEAD brings up to date is the response to a GET
    let view = RequestView { method: &Method::GET, fields: req.headers() };
    let fill = worker.engine.begin_fill(key.clone(), &view, unkeyed, personal).await;
    let asked = Asked::filling(&worker, &req, outer, why, fill).looked_up_by(key);
    match kept {
        Some(kept) => Step::Validate(Box::new((req, asked, kept))),
        None => Step::Ask(Box::new((req, asked))),
    }
}

/// The stored response, its age and the verdict, where it is served as it is.
fn usable<'e>(reuse: &Reuse, entry: &'e Entry) -> Option<(&'e StoredResponse, Duration, Verdict)> {
    let stored = entry.response()?;
    match *reuse {
        Reuse::Fresh { age, left } => Some((stored, age, Verdict::Hit { left })),
        Reuse::MaxStale { age } | Reuse::WhileRevalidate { age } => {
            let past = age.saturating_sub(stored.terms.lifetime);
            Some((stored, age, Verdict::Stale { past }))
        }
        _ => None,
    }
}

/// What a refresh behind the answer needs, where there is to be one and none is running. Only what
/// a GET asks for can be asked again.
fn refresh(
    worker: &Worker,
    age: Duration,
    req: &ServiceRequest,
    entry: &Arc<Entry>,
    keyed: Keyed,
) -> Option<Stale> {
    if !matches!(*req.method(), Method::GET | Method::HEAD) {
        return None;
    }
    let refresh = worker.engine.refreshes().begin(&entry.key)?;
    let kept = Kept { entry: Arc::clone(entry), age, if_error: false };
    Some(Stale { request: req.request().clone(), keyed, kept, refresh })
}

/// The stored response where it is still of use: to be validated, or to stand in.
fn keep(reuse: Reuse, entry: Arc<Entry>, is_head: bool) -> Option<Kept> {
    let Reuse::Validate { age, if_error, .. } = reuse else { return None };
    let validates = has_validator(entry.response()?.fields.as_slice());
    // whether a HEAD's answer agrees with it can always be told
    (validates || if_error || is_head).then_some(Kept { entry, age, if_error })
}

/// Why a stored response that is not served as it is sends the request to the handler.
fn reason(reuse: &Reuse) -> Forwarding {
    match *reuse {
        Reuse::Unusable(why @ (WhyNot::Authorization | WhyNot::Cookie)) => Forwarding::Bypass(why),
        Reuse::Unusable(why) => Forwarding::Miss(why),
        Reuse::Validate { why: WhyNot::RequestDirective, .. } => Forwarding::Request,
        _ => Forwarding::Stale,
    }
}

/// Purges what a successful unsafe request has changed (RFC 9111 s.4.4, RFC 9875 s.3).
async fn invalidate<B>(worker: &Worker, method: &Method, res: &ServiceResponse<B>) {
    for target in respond::invalidated(method, res) {
        worker.engine.purge_uncounted(&target).await;
    }
}
