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

use self::form::{Body, Form, cut};
use super::body::CacheBody;
use crate::{
    config::paths::RuleNumber,
    engine::worker_cache::RememberedEntry,
    entry::{PackedBodies, StoredHeaders, StoredResponse},
    semantics::{
        etag::{TagForm, weak},
        fields::{RequestView, ResponseView},
        range::select,
        terms::Terms,
        validation::{Condition, evaluate},
    },
};

/// How many headers are added to those of a stored response: `Age`, `Cache-Status`.
const ADDED: usize = 2;
/// How many headers most stored responses have, or a few more.
const USUAL: usize = 6;

/// A request, as far as the form of its response depends on it.
pub(super) struct ClientView<'a> {
    pub(super) req: RequestView<'a, HeaderMap>,
    /// The rule of its path.
    pub(super) rule: Option<RuleNumber>,
    /// Whether it may carry conditions or ranges.
    pub(super) conditional: bool,
    /// Whether no cache downstream may share the response.
    pub(super) personal: bool,
}

/// A stored response, with the headers and the body of which responses are made.
pub(super) struct Source<'a> {
    pub(super) stored: &'a StoredResponse,
    pub(super) terms: Terms,
    headers: SourceHeaders<'a>,
    body: &'a Bytes,
    packed: &'a PackedBodies,
    /// Headers that are not for clients.
    stripped: &'a [HeaderName],
    /// Whether there may be an `Access-Control-Allow-Origin` among them.
    pub(super) may_allow_origin: bool,
    tag: SourceTag<'a>,
}

/// The `ETag` of a response.
enum SourceTag<'a> {
    /// It is sent as it is stored.
    AsStored,
    /// The body is packed, and each form has its own.
    Negotiated,
    /// It is of the cache's own, and weak where compression outside may change the bytes.
    Made,
    /// The same, where compression outside may change the bytes: the weak form.
    Encodable(&'a HeaderValue),
}

/// Where the headers of responses come from.
enum SourceHeaders<'a> {
    Stored(&'a StoredHeaders),
    Expanded(&'a [(HeaderName, HeaderValue)]),
}

impl<'a> Source<'a> {
    pub(super) fn stored(stored: &'a StoredResponse, stripped: &'a [HeaderName]) -> Self {
        let (terms, headers) = (stored.terms(), SourceHeaders::Stored(&stored.headers));
        let tag = match terms {
            Terms { is_negotiated: true, .. } => SourceTag::Negotiated,
            Terms { etag_is_made: true, .. } => SourceTag::Made,
            _ => SourceTag::AsStored,
        };
        let StoredResponse { body, packed, .. } = stored;
        Self { stored, terms, headers, body, packed, stripped, may_allow_origin: true, tag }
    }

    pub(super) fn remembered(entry: &'a RememberedEntry) -> Option<Self> {
        let RememberedEntry { ref headers, ref body, terms, allows_origin, .. } = *entry;
        let stored = entry.entry().response()?;
        let headers = SourceHeaders::Expanded(headers);
        let tag = match &entry.weak_tag {
            Some(weak) => SourceTag::Encodable(weak),
            None if terms.is_negotiated => SourceTag::Negotiated,
            None => SourceTag::AsStored,
        };
        let (may_allow_origin, packed) = (allows_origin, &entry.packed);
        Some(Self { stored, terms, headers, body, packed, stripped: &[], may_allow_origin, tag })
    }

    /// The weak `ETag` that this request is given in place of the stored one.
    fn weak_tag(&self, req: &HeaderMap) -> Option<HeaderValue> {
        let headers = &self.stored.headers;
        match self.tag {
            SourceTag::AsStored | SourceTag::Negotiated => None,
            SourceTag::Encodable(weak) => {
                (TagForm::of_encodable(req) == TagForm::Weak).then(|| weak.clone())
            }
            SourceTag::Made if TagForm::of(req, headers) == TagForm::Strong => None,
            SourceTag::Made => {
                let tag = headers.get(&header::ETAG).map(HeaderValue::from_bytes);
                tag.and_then(Result::ok).map(|tag| weak(&tag))
            }
        }
    }
}

/// The stored response as a response to this request: whole or in part, without its body for HEAD,
/// or as 304 where the client has it already.
pub(super) fn from_stored<B>(
    client: &ClientView<'_>,
    source: &Source<'_>,
    age: Option<HeaderValue>,
) -> HttpResponse<CacheBody<B>> {
    if matches!(source.tag, SourceTag::Negotiated) {
        return negotiated::respond(client, source, age);
    }
    let Source { stored, stripped, .. } = *source;
    let req = &client.req;
    let form = if client.conditional { form(req, stored) } else { Form::Whole };
    let body = Body { status: stored.status(), bytes: source.body };
    let (status, bytes) = form.status_and_body(req.method, &body);
    let mut res = HttpResponse::with_body(status, bytes);
    let headers = res.headers_mut();
    let is_sent =
        |name: &HeaderName| form.carries(name) && *name != header::AGE && !stripped.contains(name);
    source.headers.append_to(headers, is_sent);
    if let Some(weak) = source.weak_tag(req.fields) {
        headers.insert(header::ETAG, weak);
    }
    if let Some(age) = age {
        headers.append(header::AGE, age);
    }
    if let Some((name, value)) = form.into_header(&body) {
        headers.insert(name, value);
    }
    res
}

impl SourceHeaders<'_> {
    /// Appends the headers with such names.
    fn append_to(&self, headers: &mut HeaderMap, is_sent: impl Fn(&HeaderName) -> bool) {
        match self {
            Self::Expanded(list) => {
                headers.reserve(list.len() + ADDED);
                for (name, value) in list.iter().filter(|(name, _)| is_sent(name)) {
                    headers.append(name.clone(), value.clone());
                }
            }
            Self::Stored(stored) => {
                headers.reserve(USUAL + ADDED);
                for (name, value) in stored.expand().filter(|(name, _)| is_sent(name)) {
                    headers.append(name, value);
                }
            }
        }
    }
}

/// Conditions come before ranges (RFC 9110 s.13.2.2).
fn form(req: &RequestView<'_, HeaderMap>, stored: &StoredResponse) -> Form {
    let response = ResponseView { status: stored.status(), fields: &stored.headers };
    if evaluate(req, &response, stored.terms().response_time) == Condition::NotModified {
        return Form::NotModified;
    }
    if *req.method != Method::GET {
        return Form::Whole;
    }
    let selected = select(req.fields, response.fields, stored.status(), stored.body.len() as u64);
    let body = Body { status: stored.status(), bytes: &stored.body };
    cut(selected, stored.headers.get(&header::CONTENT_TYPE), &body)
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
