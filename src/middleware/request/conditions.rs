//! The conditions of a request to the handler: the client's are removed, and the cache's own are
//! added. A request can only be changed through its only handle: actix panics where a middleware
//! outside holds another one, so routes where that happened are remembered.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use actix_web::{
    HttpRequest,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::{
        StatusCode,
        header::{self, HeaderMap},
    },
};
use bytes::Bytes;
use tokio::time::sleep;

use crate::{
    config::settings::handlers::CAN_UNWIND,
    middleware::{
        body::CacheBody,
        held_routes::{WAITS, route},
        worker::Worker,
    },
    semantics::{
        fields::HeaderList,
        validation::{in_not_modified, is_conditional},
    },
};

/// How long a body is read on, to be stored, after its client had a 304.
const MAX_DRAIN: Duration = Duration::from_secs(30);

/// Replaces the request's conditions by these; `false` where the request cannot be changed, and goes
/// to the handler as it is.
pub(super) fn replace(worker: &Worker, req: &mut ServiceRequest, conditions: &HeaderList) -> bool {
    change(worker, req, |headers| {
        headers.retain(|name, _| !is_conditional(name));
        for (name, value) in conditions {
            headers.insert(name.clone(), value.clone());
        }
    })
}

/// Removes the client's `If-None-Match` and `If-Modified-Since` from a request whose response may be
/// stored: the handler's 304 could not be, and answers no other client. `false` where there are none,
/// or where they go to the handler, as `Range` does.
pub(super) fn remove(worker: &Worker, req: &mut ServiceRequest) -> bool {
    let conditions = [header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE];
    let headers = req.headers();
    if headers.contains_key(header::RANGE) || !conditions.iter().any(|c| headers.contains_key(c)) {
        return false;
    }
    change(worker, req, |headers| {
        headers.retain(|name, _| !conditions.contains(name) && *name != header::IF_RANGE);
    })
}

/// Changes the headers of a request; `false` where it cannot be changed.
pub(super) fn change(
    worker: &Worker,
    req: &mut ServiceRequest,
    change: impl FnOnce(&mut HeaderMap),
) -> bool {
    if !CAN_UNWIND || worker.held.get(req.request()).during {
        return false;
    }
    let is_changed = catch_unwind(AssertUnwindSafe(|| change(req.headers_mut()))).is_ok();
    if !is_changed {
        worker.held.learn(req.request(), |held| held.during = true);
    }
    is_changed
}

/// Undoes the routing of a request that the handler has had; `false` where it has kept a handle.
pub(super) fn unroute(
    worker: &Worker,
    req: &mut ServiceRequest,
    unrouted: &actix_router::Path<actix_web::dev::Url>,
) -> bool {
    if !CAN_UNWIND {
        return false;
    }
    let reroute = AssertUnwindSafe(|| *req.match_info_mut() = unrouted.clone());
    let is_unrouted = catch_unwind(reroute).is_ok();
    if !is_unrouted {
        worker.held.learn(req.request(), |held| held.during = true);
    }
    is_unrouted
}

/// The request after its response, once no middleware outside holds it any more. Waits for that,
/// milliseconds first and then longer; a route whose requests are held for longer is not refreshed
/// in the background again.
pub(in crate::middleware) async fn reclaim(
    worker: &Worker,
    request: HttpRequest,
) -> Option<ServiceRequest> {
    let mut req = ServiceRequest::from_request(request);
    let known = worker.held.get(req.request()).after;
    for (tried, wait) in WAITS.iter().enumerate().skip(known) {
        if !wait.is_zero() {
            sleep(*wait).await;
        }
        let is_free = catch_unwind(AssertUnwindSafe(|| {
            req.head_mut();
        }));
        if is_free.is_ok() {
            return Some(req);
        }
        worker.held.learn(req.request(), |held| held.after = held.after.max(tried + 1));
    }
    tracing::warn!(
        route = route(req.request()),
        "a middleware outside of the response cache holds requests after their response; stale \
         responses of this route are validated before they are served"
    );
    None
}

/// The response without its body, for a client that has it already. What is recorded of the body is
/// read to its end all the same.
pub(super) fn not_modified<B: MessageBody + 'static>(
    worker: &Worker,
    res: ServiceResponse<CacheBody<B>>,
) -> ServiceResponse<CacheBody<B>> {
    let within = worker.plan.handlers().finish_on_disconnect.unwrap_or(MAX_DRAIN);
    let mut res = res.map_body(|head, body| {
        head.status = StatusCode::NOT_MODIFIED;
        body.finish_in_background(within, &worker.engine);
        CacheBody::whole(Bytes::new())
    });
    res.headers_mut().retain(|name, _| in_not_modified(name) && *name != header::TRANSFER_ENCODING);
    res
}
