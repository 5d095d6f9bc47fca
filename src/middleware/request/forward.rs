//! A request that has no response from the store goes to the handler.

use std::rc::Rc;

use actix_web::http::Method;

use super::{
    conditions,
    handler_call::{CallPurpose, HandlerCall},
    state::{CacheRequest, Miss, Step},
};
use crate::{engine::flight::Leader, middleware::worker::Worker, semantics::fields::RequestView};

/// Prepares the handler call: a fill begins, and conditions are removed that the cache evaluates.
pub(super) async fn forward<B>(
    worker: &Rc<Worker>,
    request: CacheRequest,
    miss: Miss,
    leader: Option<Leader>,
) -> Step<B> {
    // conditions that only the handler can judge come first, and go to it with all others
    let evaluates = request.admitted.conditional
        && !request.has_preconditions()
        && *request.req.method() == Method::GET;
    let CacheRequest { mut req, admitted, outer, .. } = request;
    let Miss { why, stale } = miss;
    let keyed = admitted.keyed;
    if *req.method() == Method::HEAD && stale.is_none() {
        let purpose = CallPurpose::Unstorable(why);
        let call = HandlerCall::new(worker, &req, outer, purpose).with_key(keyed.key);
        return Step::Forward(req, Box::new(call));
    }
    // what a HEAD brings up to date is the response to a GET
    let view = RequestView { method: &Method::GET, fields: req.headers() };
    let lookup = worker.lookup(&keyed, view);
    let stored = stale.as_ref().map(|stale| stale.entry.as_ref());
    let fill = worker.engine.begin_fill(&lookup, keyed.personal, leader, stored).await;
    let purpose = CallPurpose::Fill(why, Box::new(fill));
    let call = HandlerCall::new(worker, &req, outer, purpose).with_key(keyed.key);
    if let Some(stale) = stale {
        return Step::Revalidate(Box::new((req, call, stale)));
    }
    let mut call = Box::new(call);
    call.evaluates_conditions = evaluates && conditions::remove(worker, &mut req);
    Step::Forward(req, call)
}
