//! Entity tags of the cache's own (RFC 9110 s.8.8.3): a digest of the response, where its handler gives
//! neither `ETag` nor `Last-Modified`.

use actix_web::http::{Method, StatusCode, header::HeaderValue};
use bytes::Bytes;

use super::{
    coding::{accepts_coding, may_be_encoded},
    fields::{Fields, RequestView, ResponseView},
    names::{CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_TYPE, ETAG, LAST_MODIFIED},
};

/// How many hexadecimal digits of the digest are in a tag: sixteen bytes of it.
const DIGITS: usize = 32;

/// In which form a client is given a tag of the cache's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TagForm {
    /// As it is.
    Strong,
    /// `W/"…"`: compression outside of the cache may change the bytes that the tag was made of.
    Weak,
}

impl TagForm {
    /// The form for this request, as the client sent it.
    pub(crate) fn of<Q: Fields + ?Sized, S: Fields + ?Sized>(req: &Q, res: &S) -> Self {
        if may_be_encoded(req, res) { Self::Weak } else { Self::Strong }
    }

    /// The form for this request, of a response whose bytes compression outside may change.
    pub(crate) fn for_client<Q: Fields + ?Sized>(req: &Q) -> Self {
        if accepts_coding(req) { Self::Weak } else { Self::Strong }
    }

    /// The tag in this form.
    pub(crate) fn apply(self, tag: HeaderValue) -> HeaderValue {
        match self {
            Self::Strong => tag,
            Self::Weak => weak(tag.as_bytes()).unwrap_or(tag),
        }
    }
}

/// The weak form of a strong tag.
pub(crate) fn weak(tag: &[u8]) -> Option<HeaderValue> {
    HeaderValue::from_maybe_shared(Bytes::from([b"W/", tag].concat())).ok()
}

/// Whether the response to this request gets a tag of the cache's own: a 200 to a GET, as only that is
/// answered by 304 later, whose handler has given no validator.
pub(crate) fn wants_tag<F: Fields + ?Sized>(method: &Method, res: &ResponseView<'_, F>) -> bool {
    *method == Method::GET
        && res.status == StatusCode::OK
        && !res.fields.has(&ETAG)
        && !res.fields.has(&LAST_MODIFIED)
}

/// The strong tag of a response with this body. What a client with the tag keeps of its headers and is
/// not told again in a 304 (type, language, coding) counts as well.
pub(crate) fn tag<F: Fields + ?Sized>(fields: &F, body: &[u8]) -> HeaderValue {
    let mut hasher = blake3::Hasher::new();
    for name in [&CONTENT_TYPE, &CONTENT_LANGUAGE, &CONTENT_ENCODING] {
        for value in fields.all(name) {
            hasher.update(&(value.len() as u64).to_le_bytes()).update(value);
        }
        hasher.update(&u64::MAX.to_le_bytes());
    }
    let digest = hasher.update(body).finalize().to_hex();
    let mut quoted = [b'"'; DIGITS + 2];
    quoted.iter_mut().skip(1).zip(digest.bytes().take(DIGITS)).for_each(|(to, digit)| *to = digit);
    // digits in quotes are always a value
    HeaderValue::from_bytes(&quoted).unwrap_or_else(|_| HeaderValue::from_static("\"\""))
}

/// What a client that sends a GET is given for a response that is not stored and whose body is known:
/// the tag, in the form for this request.
pub(crate) fn tag_for<Q: Fields + ?Sized, F: Fields + ?Sized>(
    req: &RequestView<'_, Q>,
    res: &ResponseView<'_, F>,
    body: &[u8],
) -> Option<HeaderValue> {
    let form = TagForm::of(req.fields, res.fields);
    wants_tag(req.method, res).then(|| form.apply(tag(res.fields, body)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::semantics::fields::{HeaderList, lists::fields};

    #[test]
    fn tag_is_of_bytes_type_language_and_coding() {
        let html = fields(&[("content-type", "text/html")]);
        let of = |lines: &[(&'static str, &'static str)], body: &[u8]| {
            tag(fields(lines).as_slice(), body)
        };
        let same = tag(html.as_slice(), b"a page");
        assert_eq!(of(&[("x-other", "a"), ("content-type", "text/html")], b"a page"), same);
        assert_eq!(same.len(), DIGITS + 2);
        let others = [
            of(&[("content-type", "text/html")], b"a Page"),
            of(&[("content-type", "text/plain")], b"a page"),
            of(&[("content-language", "text/html")], b"a page"),
            of(&[("content-type", "text/html"), ("content-encoding", "br")], b"a page"),
            of(&[], b"a page"),
        ];
        for (at, other) in others.iter().enumerate() {
            assert_ne!(*other, same);
            assert!(!others[..at].contains(other), "{other:?}");
        }
    }

    #[test]
    fn handler_with_a_validator_keeps_it() {
        for (method, status, lines, expected) in [
            (Method::GET, 200, &[][..], true),
            (Method::HEAD, 200, &[], false),
            (Method::POST, 200, &[], false),
            (Method::GET, 204, &[], false),
            (Method::GET, 404, &[], false),
            (Method::GET, 200, &[("etag", "\"a\"")], false),
            (Method::GET, 200, &[("etag", "")], false),
            (Method::GET, 200, &[("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT")], false),
        ] {
            let fields = fields(lines);
            let status = StatusCode::from_u16(status).unwrap();
            let res = ResponseView { status, fields: fields.as_slice() };
            assert_eq!(wants_tag(&method, &res), expected, "{method} {status} {lines:?}");
        }
    }

    #[test]
    fn tag_is_weak_where_compression_outside_may_change_the_bytes() {
        let (none, gzip) = (fields(&[]), fields(&[("accept-encoding", "gzip")]));
        let (text, image) =
            (fields(&[("content-type", "text/html")]), fields(&[("content-type", "image/png")]));
        let form = |req: &HeaderList, res: &HeaderList| TagForm::of(req.as_slice(), res.as_slice());
        assert_eq!(form(&gzip, &text), TagForm::Weak);
        assert_eq!(form(&none, &text), TagForm::Strong);
        assert_eq!(form(&gzip, &image), TagForm::Strong);
        let tag = HeaderValue::from_static("\"a\"");
        assert_eq!(TagForm::Weak.apply(tag.clone()), "W/\"a\"");
        assert_eq!(TagForm::Strong.apply(tag), "\"a\"");
    }

    #[test]
    fn response_that_is_not_stored_has_its_tag_in_the_form_for_the_request() {
        let (none, gzip) = (fields(&[]), fields(&[("accept-encoding", "gzip")]));
        let text = fields(&[("content-type", "text/html")]);
        let res = ResponseView { status: StatusCode::OK, fields: text.as_slice() };
        let given = |method: &Method, fields: &HeaderList| {
            tag_for(&RequestView { method, fields: fields.as_slice() }, &res, b"a page")
        };
        let strong = tag(text.as_slice(), b"a page");
        assert_eq!(given(&Method::GET, &none), Some(strong.clone()));
        assert_eq!(given(&Method::GET, &gzip), Some(TagForm::Weak.apply(strong)));
        assert_eq!(given(&Method::HEAD, &none), None);
    }
}
