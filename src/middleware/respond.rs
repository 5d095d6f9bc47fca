//! Answers from stored responses.

use actix_web::{
    HttpResponse,
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method, StatusCode,
        header::{self, HeaderValue},
    },
};
use bytes::Bytes;

use super::body::CacheBody;
use crate::{
    entry::StoredResponse,
    purge::Purge,
    semantics::{
        fields::{RequestView, ResponseView},
        invalidation::{Invalidation, invalidated as invalidated_by},
        validation::{Condition, evaluate, in_not_modified},
    },
};

/// The stored response as an answer to this request: whole, without its body for HEAD, or as 304
/// where the client has it already.
pub(super) fn from_stored<B>(
    req: &ServiceRequest,
    stored: &StoredResponse,
    age: Option<HeaderValue>,
    conditional: bool,
) -> HttpResponse<CacheBody<B>> {
    if conditional && is_not_modified(req, stored) {
        let mut res =
            HttpResponse::with_body(StatusCode::NOT_MODIFIED, CacheBody::whole(Bytes::new()));
        write_fields(&mut res, stored, age, true);
        return res;
    }
    let body = match *req.method() {
        Method::HEAD => CacheBody::unsent(stored.body.len()),
        _ => CacheBody::whole(stored.body.clone()),
    };
    let mut res = HttpResponse::with_body(stored.status, body);
    write_fields(&mut res, stored, age, false);
    res
}

/// The answer to `only-if-cached` where nothing usable is stored (RFC 9111 s.5.2.1.7).
pub(super) fn only_if_cached<B>() -> HttpResponse<CacheBody<B>> {
    HttpResponse::with_body(StatusCode::GATEWAY_TIMEOUT, CacheBody::whole(Bytes::new()))
}

/// What an unsafe request that was answered with `res` has changed.
pub(super) fn invalidated<B>(method: &Method, res: &ServiceResponse<B>) -> Vec<Purge> {
    let req = res.request();
    let seen = req.connection_info();
    let invalidation = invalidated_by(
        method,
        res.status(),
        req.uri().path(),
        Some(seen.host()),
        seen.scheme() == "https",
        res.headers(),
    );
    let Some(Invalidation { target, locations, groups, .. }) = invalidation else {
        return Vec::new();
    };
    // the whole path: a change of `/products/7` is one of `/products/7?currency=EUR` too
    let target = target.then(|| Purge::path(req.uri().path()));
    let paths = locations
        .iter()
        .map(|location| Purge::path(location.split('?').next().unwrap_or_default()));
    target.into_iter().chain(paths).chain(groups.into_iter().map(Purge::Group)).collect()
}

fn is_not_modified(req: &ServiceRequest, stored: &StoredResponse) -> bool {
    let view = RequestView { method: req.method(), fields: req.headers() };
    let response = ResponseView { status: stored.status, fields: stored.fields.as_slice() };
    evaluate(&view, &response, stored.terms.response_time) == Condition::NotModified
}

fn write_fields<B>(
    res: &mut HttpResponse<B>,
    stored: &StoredResponse,
    age: Option<HeaderValue>,
    not_modified: bool,
) {
    let fields = res.headers_mut();
    // two more of our own
    fields.reserve(stored.fields.len() + 2);
    for (name, value) in &stored.fields {
        if !not_modified || in_not_modified(name) {
            fields.append(name.clone(), value.clone());
        }
    }
    if let Some(age) = age {
        fields.insert(header::AGE, age);
    }
}
