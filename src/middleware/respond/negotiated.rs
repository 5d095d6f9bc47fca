//! Responses from an entry whose body the cache packs: in the coding that the request wants, with the tag
//! of that form, and conditions and ranges over it (RFC 9110 s.8.8.3.3, s.12.5.3).

use actix_web::{
    HttpResponse,
    http::{
        Method,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
};
use bytes::Bytes;

use super::{
    form::{Body, Form, cut},
    source::{ClientView, Source},
};
use crate::{
    entry::StoredHeaders,
    middleware::body::CacheBody,
    semantics::{
        fields::{Fields, ResponseView},
        negotiation::{Accepted, Coding, is_of_plain_body, known_tag, tag_of_form},
        range::select_of_form,
        validation::{Condition, evaluate},
    },
};

/// What every response of such an entry says, or a cache downstream would give everybody the same form.
const VARY: HeaderValue = HeaderValue::from_static("accept-encoding");

/// The form of the response that a request is given.
struct Chosen {
    coding: Option<Coding>,
    length: usize,
    tag: Option<HeaderValue>,
}

impl Chosen {
    fn of(req: &HeaderMap, source: &Source<'_>) -> Self {
        let there = source.packed.iter().map(|(coding, _)| coding);
        Self::in_coding(Accepted::of(req).choose(there), source)
    }

    fn in_coding(coding: Option<Coding>, source: &Source<'_>) -> Self {
        let packed = coding.and_then(|coding| source.packed.get(coding));
        let tag = source.stored.headers.get(&header::ETAG);
        Self {
            coding,
            length: packed.map_or(source.body.len(), Bytes::len),
            tag: tag.and_then(|tag| match coding {
                Some(coding) => tag_of_form(tag, coding),
                None => HeaderValue::from_bytes(tag).ok(),
            }),
        }
    }

    /// The body in this form. Where it cannot be unpacked, the form becomes a packed one, which a client
    /// can still read: `Accept-Encoding` is a preference (RFC 9110 s.12.5.3).
    fn bytes(&mut self, source: &Source<'_>) -> Bytes {
        let bytes = match self.coding {
            Some(coding) => source.packed.get(coding).cloned(),
            None => source.body.unpacked(source.packed),
        };
        bytes.unwrap_or_else(|| {
            let packed = source.packed.iter().next();
            *self = Self::in_coding(packed.map(|(coding, _)| coding), source);
            packed.map(|(_, body)| body.clone()).unwrap_or_default()
        })
    }
}

/// The fields by which a range of the chosen form is selected.
struct FormFields<'a> {
    headers: &'a StoredHeaders,
    tag: Option<&'a HeaderValue>,
}

impl Fields for FormFields<'_> {
    fn all<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = &'a [u8]> {
        // all forms have one date: which of them a client has the rest of, it does not say
        let is_hidden = *name == header::LAST_MODIFIED || *name == header::ETAG;
        let own = self.tag.filter(|_| *name == header::ETAG).map(HeaderValue::as_bytes);
        self.headers.all(name).filter(move |_| !is_hidden).chain(own)
    }
}

/// The response to this request.
pub(super) fn respond<B>(
    client: &ClientView<'_>,
    source: &Source<'_>,
    age: Option<HeaderValue>,
) -> HttpResponse<CacheBody<B>> {
    let req = &client.req;
    let mut chosen = Chosen::of(req.fields, source);
    let is_known = client.conditional && is_known(client, source, &mut chosen);
    let has_body = !is_known && *req.method != Method::HEAD;
    let bytes = if has_body { chosen.bytes(source) } else { Bytes::new() };
    let body = Body { status: source.stored.status(), length: chosen.length, bytes: &bytes };
    let form = match *req.method {
        _ if is_known => Form::NotModified,
        Method::GET if client.conditional => in_range(client, source, &chosen, &body),
        _ => Form::Whole,
    };
    let (status, bytes) = form.status_and_body(req.method, &body);
    let mut res = HttpResponse::with_body(status, bytes);
    let is_packed = chosen.coding.is_some();
    let is_sent = |name: &HeaderName| {
        form.carries(name)
            && *name != header::AGE
            && !source.stripped.contains(name)
            && !(is_packed && is_of_plain_body(name))
    };
    let headers = res.headers_mut();
    source.headers.append_to(headers, is_sent);
    let coding = chosen.coding.filter(|_| form.carries(&header::CONTENT_ENCODING));
    let encoding = coding.map(|coding| HeaderValue::from_static(coding.name()));
    for (name, value) in
        [(header::AGE, age), (header::CONTENT_ENCODING, encoding), (header::ETAG, chosen.tag)]
    {
        if let Some(value) = value {
            headers.insert(name, value);
        }
    }
    headers.append(header::VARY, VARY);
    if let Some((name, value)) = form.into_header(&body) {
        headers.insert(name, value);
    }
    res
}

/// Whether the client has the response. It may have another form than the one that it would be given now:
/// then the 304 names that. Conditions come before ranges (RFC 9110 s.13.2.2).
fn is_known(client: &ClientView<'_>, source: &Source<'_>, chosen: &mut Chosen) -> bool {
    let (req, stored) = (&client.req, source.stored);
    let is_there = |coding| source.packed.get(coding).is_some();
    match stored.headers.get(&header::ETAG) {
        Some(tag) if req.fields.contains_key(header::IF_NONE_MATCH) => {
            let known = known_tag(req.fields, tag, chosen.coding, is_there);
            let is_known = known.is_some();
            chosen.tag = known.or(chosen.tag.take());
            is_known
        }
        _ => {
            let view = ResponseView { status: stored.status(), fields: &stored.headers };
            evaluate(req, &view, source.terms.response_time) == Condition::NotModified
        }
    }
}

/// The whole form, or the ranges of it that the client wants.
fn in_range(
    client: &ClientView<'_>,
    source: &Source<'_>,
    chosen: &Chosen,
    body: &Body<'_>,
) -> Form {
    let headers = &source.stored.headers;
    let fields = FormFields { headers, tag: chosen.tag.as_ref() };
    let selected = select_of_form(client.req.fields, &fields, body.status, body.length as u64);
    cut(selected, headers.get(&header::CONTENT_TYPE), body)
}

/// Marks a handler's response whose entry the cache packs: other requests may be given another form.
pub(in crate::middleware) fn mark(headers: &mut HeaderMap) {
    headers.append(header::VARY, VARY);
}
