//! A request that has no response from the store goes to the handler.

use std::rc::Rc;

use actix_web::http::Method;
use futures_util::FutureExt as _;

use super::{
    conditions,
    handler_call::{CallPurpose, HandlerCall},
    permit::permit,
    serve_stale,
    state::{CacheRequest, Miss, Step},
};
use crate::{
    engine::{cache_fill::FillTime, flight::Leader, running_handlers::HandlerPermit},
    middleware::worker::Worker,
    semantics::fields::RequestView,
};

/// Prepares the handler call: a fill begins, and conditions are removed that the cache evaluates.
pub(super) async fn forward<B>(
    worker: &Rc<Worker>,
    request: CacheRequest,
    miss: Miss,
    mut leader: Option<Leader>,
) -> Step<B> {
    let Ok(permit) = permit(worker, request.outer.as_ref()) else {
        return serve_stale::or_unavailable(worker, request, &miss, leader);
    };
    let time = if begins_fill(&request, &miss) {
        let stored = miss.stale.as_ref().map(|stale| stale.entry.as_ref());
        Some(worker.engine.fill_time(leader.as_mut(), stored).await)
    } else {
        None
    };
    forward_at(worker, request, miss, leader, Preparation { time, permit })
}

/// [`forward`], where the store answers at once.
pub(super) fn forward_now<B>(
    worker: &Rc<Worker>,
    mut request: CacheRequest,
    miss: Miss,
    mut leader: Option<Leader>,
) -> Result<Step<B>, Box<CacheRequest>> {
    let Ok(permit) = permit(worker, request.outer.as_ref()) else {
        return Ok(serve_stale::or_unavailable(worker, request, &miss, leader));
    };
    let begins_fill = begins_fill(&request, &miss);
    let time = worker.engine.fill_time(leader.as_mut(), None).now_or_never();
    if time.is_none() && begins_fill {
        request.leader = leader;
        return Err(Box::new(request));
    }
    let time = time.filter(|_| begins_fill);
    Ok(forward_at(worker, request, miss, leader, Preparation { time, permit }))
}

/// Whether the handler's response may be stored: that to a HEAD may only renew what is.
fn begins_fill(request: &CacheRequest, miss: &Miss) -> bool {
    *request.req.method() != Method::HEAD || miss.stale.is_some()
}

/// What a handler call begins with.
struct Preparation {
    /// When the fill begins; `None` where none does.
    time: Option<FillTime>,
    permit: Option<HandlerPermit>,
}

/// Prepares the handler call.
fn forward_at<B>(
    worker: &Rc<Worker>,
    request: CacheRequest,
    miss: Miss,
    leader: Option<Leader>,
    Preparation { time, permit }: Preparation,
) -> Step<B> {
    // conditions that only the handler can judge come first, and go to it with all others
    let evaluates = request.admitted.conditional
        && !request.has_preconditions()
        && *request.req.method() == Method::GET;
    let CacheRequest { mut req, admitted, outer, begun, .. } = request;
    let Miss { why, stale } = miss;
    let keyed = admitted.keyed;
    let Some(time) = time else {
        let purpose = CallPurpose::Unstorable(why);
        let call = HandlerCall::new(worker, &req, outer, purpose)
            .with_key(keyed.key, keyed.rule)
            .begun_at(begun)
            .with_permit(permit);
        return Step::Forward(req, Box::new(call));
    };
    // what a HEAD brings up to date is the response to a GET
    let view = RequestView { method: &Method::GET, fields: req.headers() };
    let fill = worker.engine.begin_fill(&worker.lookup(&keyed, view), keyed.personal, leader, time);
    let purpose = CallPurpose::Fill(why, Box::new(fill));
    let call = HandlerCall::new(worker, &req, outer, purpose)
        .with_key(keyed.key, keyed.rule)
        .begun_at(begun)
        .with_permit(permit);
    if let Some(stale) = stale {
        return Step::Revalidate(Box::new((req, call, stale)));
    }
    let mut call = Box::new(call);
    call.evaluates_conditions = evaluates && conditions::remove(worker, &mut req);
    Step::Forward(req, call)
}
