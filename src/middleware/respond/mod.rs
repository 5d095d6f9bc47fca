//! Stored responses, in the form that a request asks for.

use actix_web::{
    HttpResponse,
    http::{
        Method, StatusCode,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
};
use bytes::Bytes;

mod form;
pub(super) mod negotiated;
mod partial;
mod source;

pub(super) use self::source::{ClientView, Source};
use self::{
    form::{Body, Form, cut},
    source::SourceTag,
};
use super::body::CacheBody;
use crate::{
    entry::StoredResponse,
    semantics::{
        fields::{RequestView, ResponseView},
        range::select,
        validation::{Condition, evaluate},
    },
};

/// The stored response as a response to this request: whole or in part, without its body for HEAD,
/// or as 304 where the client has it already.
pub(super) fn from_stored<B>(
    client: &ClientView<'_>,
    source: &Source<'_>,
    age: Option<HeaderValue>,
) -> HttpResponse<CacheBody<B>> {
    let Source { stored, stripped, .. } = *source;
    let whole = source.body.whole().filter(|_| !matches!(source.tag, SourceTag::Negotiated));
    let Some(bytes) = whole else { return negotiated::respond(client, source, age) };
    let req = &client.req;
    let body = Body { status: stored.status(), length: bytes.len(), bytes };
    let form = if client.conditional { form(req, stored, &body) } else { Form::Whole };
    let (status, bytes) = form.status_and_body(req.method, &body);
    let mut res = HttpResponse::with_body(status, bytes);
    let headers = res.headers_mut();
    let weak = source.weak_tag(req.fields);
    let is_replaced =
        |name: &HeaderName| *name == header::AGE || (weak.is_some() && *name == header::ETAG);
    let is_sent =
        |name: &HeaderName| form.carries(name) && !is_replaced(name) && !stripped.contains(name);
    source.headers.append_to(headers, is_sent);
    if let Some(weak) = weak {
        headers.append(header::ETAG, weak);
    }
    if let Some(age) = age {
        headers.append(header::AGE, age);
    }
    if let Some((name, value)) = form.into_header(&body) {
        headers.insert(name, value);
    }
    res
}

/// Conditions come before ranges (RFC 9110 s.13.2.2).
fn form(req: &RequestView<'_, HeaderMap>, stored: &StoredResponse, body: &Body<'_>) -> Form {
    let response = ResponseView { status: stored.status(), fields: &stored.headers };
    if evaluate(req, &response, stored.terms().response_time) == Condition::NotModified {
        return Form::NotModified;
    }
    if *req.method != Method::GET {
        return Form::Whole;
    }
    let selected = select(req.fields, response.fields, body.status, body.length as u64);
    cut(selected, stored.headers.get(&header::CONTENT_TYPE), body)
}

/// The response to a request whose handler is not called, as too many run (RFC 9110 s.15.6.4).
pub(super) fn overloaded<B>() -> HttpResponse<CacheBody<B>> {
    let body = CacheBody::whole(Bytes::new());
    let mut res = HttpResponse::with_body(StatusCode::SERVICE_UNAVAILABLE, body);
    res.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    res
}

/// The response to `only-if-cached` where nothing usable is stored (RFC 9111 s.5.2.1.7).
pub(super) fn only_if_cached<B>() -> HttpResponse<CacheBody<B>> {
    HttpResponse::with_body(StatusCode::GATEWAY_TIMEOUT, CacheBody::whole(Bytes::new()))
}
