//! Answers from stored responses.

use actix_web::{
    HttpResponse,
    dev::ServiceResponse,
    http::{
        Method, StatusCode,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
};
use bytes::Bytes;

use super::{body::CacheBody, partial::Partial};
use crate::{
    engine::stored_paths::StoredPaths,
    entry::StoredResponse,
    purge::Purge,
    semantics::{
        fields::{RequestView, ResponseView},
        invalidation::{Invalidation, invalidated as invalidated_by},
        range::{RangeAnswer, select, unsatisfied_range},
        validation::{Condition, evaluate, in_not_modified},
    },
};

/// The stored response as an answer to this request: whole or in part, without its body for HEAD,
/// or as 304 where the client has it already. `stripped` fields are not for clients.
pub(super) fn from_stored<B>(
    req: &RequestView<'_, HeaderMap>,
    stored: &StoredResponse,
    age: Option<HeaderValue>,
    conditional: bool,
    stripped: &[HeaderName],
) -> HttpResponse<CacheBody<B>> {
    let form = if conditional { form(req, stored) } else { Form::Whole };
    let (status, body) = match &form {
        Form::NotModified => (StatusCode::NOT_MODIFIED, CacheBody::whole(Bytes::new())),
        Form::Unsatisfiable => (StatusCode::RANGE_NOT_SATISFIABLE, CacheBody::whole(Bytes::new())),
        Form::Partial(partial) => {
            (StatusCode::PARTIAL_CONTENT, CacheBody::whole(partial.body.clone()))
        }
        Form::Whole if *req.method == Method::HEAD => {
            (stored.status, CacheBody::unsent(stored.body.len()))
        }
        Form::Whole => (stored.status, CacheBody::whole(stored.body.clone())),
    };
    let mut res = HttpResponse::with_body(status, body);
    let fields = res.headers_mut();
    // some more of our own
    fields.reserve(stored.fields.len() + 2);
    for (name, value) in &stored.fields {
        if form.carries(name) && !stripped.contains(name) {
            fields.append(name.clone(), value.clone());
        }
    }
    if let Some(age) = age {
        fields.insert(header::AGE, age);
    }
    match form {
        Form::Partial(partial) => {
            fields.insert(partial.field.0, partial.field.1);
        }
        Form::Unsatisfiable => {
            let unsatisfied = unsatisfied_range(stored.body.len() as u64);
            fields.insert(header::CONTENT_RANGE, unsatisfied);
        }
        Form::NotModified | Form::Whole => {}
    }
    res
}

/// In which form a stored response answers a request with conditions or ranges.
enum Form {
    Whole,
    NotModified,
    Partial(Partial),
    Unsatisfiable,
}

impl Form {
    /// Whether a stored field is part of an answer in this form.
    fn carries(&self, name: &HeaderName) -> bool {
        match self {
            Self::Whole => true,
            Self::NotModified | Self::Unsatisfiable => in_not_modified(name),
            Self::Partial(partial) => {
                ![&header::CONTENT_LENGTH, &header::CONTENT_RANGE, &partial.field.0].contains(&name)
            }
        }
    }
}

/// Conditions come before ranges (RFC 9110 s.13.2.2).
fn form(req: &RequestView<'_, HeaderMap>, stored: &StoredResponse) -> Form {
    let response = ResponseView { status: stored.status, fields: stored.fields.as_slice() };
    if evaluate(req, &response, stored.terms.response_time) == Condition::NotModified {
        return Form::NotModified;
    }
    if *req.method != Method::GET {
        return Form::Whole;
    }
    let length = stored.body.len() as u64;
    match select(req.fields, response.fields, stored.status, length) {
        RangeAnswer::Whole => Form::Whole,
        RangeAnswer::Unsatisfiable => Form::Unsatisfiable,
        RangeAnswer::Parts(parts) => Form::Partial(Partial::new(stored, &parts)),
    }
}

/// The answer to `only-if-cached` where nothing usable is stored (RFC 9111 s.5.2.1.7).
pub(super) fn only_if_cached<B>() -> HttpResponse<CacheBody<B>> {
    HttpResponse::with_body(StatusCode::GATEWAY_TIMEOUT, CacheBody::whole(Bytes::new()))
}

/// What an unsafe request that was answered with `res` has changed, of what is `stored`.
pub(super) fn invalidated<B>(
    method: &Method,
    res: &ServiceResponse<B>,
    stored: &StoredPaths,
) -> Vec<Purge> {
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
    let target = target.then(|| req.uri().path());
    let locations = locations.iter().map(|location| location.split('?').next().unwrap_or_default());
    let paths = target.into_iter().chain(locations).filter(|path| stored.may_have(path));
    paths.map(Purge::requested).chain(groups.into_iter().map(Purge::group)).collect()
}
