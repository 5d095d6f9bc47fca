//! A request that waits for the response which another request has called the handler for. It gets
//! that response, in the form that it asked for; or it goes on, as if it had not waited.

use std::{rc::Rc, sync::Arc};

use actix_web::HttpResponse;

use super::{
    decide::{Live, is_backing_off},
    forward::forward,
    lookup::look_up,
    serve_stale,
    state::{CacheRequest, Miss, Step, WaitingRequest},
};
use crate::{
    engine::{
        flight::{Outcome, Published},
        stats::Overrun,
    },
    middleware::{body::CacheBody, worker::Worker},
    semantics::{
        reuse::Reuse,
        verdict::{StaleCause, Verdict},
    },
};

/// Waits, and takes the next step.
pub(crate) async fn follow<B>(worker: &Rc<Worker>, waiting: WaitingRequest) -> Step<B> {
    let WaitingRequest { mut request, miss, follower } = waiting;
    request.waits += 1;
    let key = follower.key().clone();
    let soft_timeout = worker.plan.handlers().soft_timeout;
    let timeout = soft_timeout.filter(|_| serve_stale::is_allowed(&miss));
    match follower.outcome(timeout).await {
        Outcome::Shared(published) => match share(worker, &request, &miss, &published) {
            Some(res) => Step::Respond(request.req.into_response(res)),
            None => look_up(Rc::clone(worker), request).await,
        },
        Outcome::LookAgain => look_up(Rc::clone(worker), request).await,
        Outcome::Promoted(leader) => {
            if leader.is_additional() {
                worker.engine.counters().overran(Overrun::Coalescing);
            }
            // it may have been stored by a request that went alone
            request.leader = Some(leader);
            look_up(Rc::clone(worker), request).await
        }
        Outcome::TimedOut => serve_stale::for_request(worker, request, &miss, StaleCause::Slow),
        Outcome::LongStream => {
            worker.engine.counters().overran(Overrun::Coalescing);
            worker.engine.mark_long_stream(&key);
            forward(worker, request, miss, None).await
        }
        Outcome::Alone if is_backing_off(&Live { worker, req: request.req.request() }, &miss) => {
            look_up(Rc::clone(worker), request).await
        }
        Outcome::Alone => forward(worker, request, miss, None).await,
    }
}

/// The response to the other request, in the form that this one asks for, if it may be shared.
fn share<B>(
    worker: &Rc<Worker>,
    request: &CacheRequest,
    miss: &Miss,
    published: &Arc<Published>,
) -> Option<HttpResponse<CacheBody<B>>> {
    let reuse = worker.engine.reuse_shared(published, &request.lookup(worker))?;
    let (Reuse::Fresh { age, .. }, Some(response)) = (reuse, published.entry.response()) else {
        return None;
    };
    let mut res = worker.respond(&request.client_view(), response, age);
    let stored = published.stored.map(|()| response.terms().lifetime_from);
    let why = miss.why;
    let verdict = Verdict::Forwarded { why, status: None, stored, collapsed: true };
    request.report().with_saved(response.terms().took).write(worker, &mut res, verdict);
    Some(res)
}
