//! Paths of which nothing is stored, and whose unchanged responses become 304 all the same
//! (`Rule::validate_only`).

use actix_web::{
    HttpRequest,
    body::MessageBody,
    dev::ServiceResponse,
    http::header::{ETAG, IF_NONE_MATCH},
};

use super::{conditions::not_modified, store::view};
use crate::{
    middleware::{body::CacheBody, worker::Worker},
    semantics::{
        etag::tag_for,
        fields::{RequestView, ResponseView},
        validation::{Condition, evaluate},
    },
};

/// Gives the response an `ETag`, or a client that has it already a 304: then the handler's status comes
/// with it.
pub(super) fn validate<B: MessageBody + 'static>(
    worker: &Worker,
    res: ServiceResponse<CacheBody<B>>,
) -> (ServiceResponse<CacheBody<B>>, Option<u16>) {
    // of actix's two halves of a response, one is borrowed while the other is changed
    let request = res.request().clone();
    let (res, is_tagged) = tagged(&request, res);
    if is_tagged && has_it_already(&request, worker, &res) {
        let status = res.status().as_u16();
        return (not_modified(worker, res), Some(status));
    }
    (res, None)
}

/// The response with an `ETag` made of its body, if it is to have one. A stream passes untouched, as its
/// end would have to be waited for.
fn tagged<B: MessageBody + 'static>(
    request: &HttpRequest,
    res: ServiceResponse<CacheBody<B>>,
) -> (ServiceResponse<CacheBody<B>>, bool) {
    let req = RequestView { method: request.method(), fields: request.headers() };
    let mut is_tagged = false;
    let res = res.map_body(|head, body| match body.try_into_bytes() {
        Ok(bytes) => {
            let response = ResponseView { status: head.status, fields: head.headers() };
            if let Some(tag) = tag_for(&req, &response, &bytes) {
                head.headers_mut().insert(ETAG, tag);
                is_tagged = true;
            }
            CacheBody::whole(bytes)
        }
        Err(body) => body,
    });
    (res, is_tagged)
}

/// Whether the client names the tag. A date says nothing of a response that has none.
fn has_it_already<B>(request: &HttpRequest, worker: &Worker, res: &ServiceResponse<B>) -> bool {
    let req = RequestView { method: request.method(), fields: request.headers() };
    let received = worker.engine.moment().date;
    req.fields.contains_key(IF_NONE_MATCH)
        && evaluate(&req, &view(res), received) == Condition::NotModified
}
