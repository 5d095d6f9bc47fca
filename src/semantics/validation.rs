//! Conditional requests: a client's, answered from a stored response (RFC 9111 s.4.3.2, RFC 9110
//! s.13), and the cache's own, to validate one (RFC 9111 s.4.3.1).

use actix_web::http::{
    Method, StatusCode,
    header::{HeaderName, HeaderValue},
};

use super::{
    date::Timestamp,
    fields::{Fields, HeaderList, RequestView, ResponseView},
    names::{
        CONTENT_DIGEST, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_MD5,
        CONTENT_RANGE, CONTENT_TYPE, DATE, ETAG, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH,
        IF_RANGE, IF_UNMODIFIED_SINCE, LAST_MODIFIED, RANGE,
    },
};

/// What a request's conditions come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    /// The client needs the stored response.
    Proceed,
    /// The client has it already: 304.
    NotModified,
}

/// Evaluates `If-None-Match`, else `If-Modified-Since`, against a stored response that was
/// `received` then (RFC 9111 s.4.3.2).
pub(crate) fn evaluate<Q: Fields + ?Sized, S: Fields + ?Sized>(
    req: &RequestView<'_, Q>,
    stored: &ResponseView<'_, S>,
    received: Timestamp,
) -> Condition {
    let applies =
        stored.status == StatusCode::OK && matches!(*req.method, Method::GET | Method::HEAD);
    let unmodified = applies
        && if req.fields.has(&IF_NONE_MATCH) {
            // RFC 9110 s.13.2.2: If-Modified-Since is then not looked at
            matches_any(req.fields, stored.fields)
        } else {
            unmodified_since(req.fields, stored.fields, received)
        };
    if unmodified { Condition::NotModified } else { Condition::Proceed }
}

/// Whether a request carries a condition that only the handler can evaluate (RFC 9111 s.4.3.2).
pub(crate) fn has_preconditions_for_origin<Q: Fields + ?Sized>(fields: &Q) -> bool {
    fields.has(&IF_MATCH) || fields.has(&IF_UNMODIFIED_SINCE)
}

/// Whether a request field makes the answer conditional or partial. None of them may reach the
/// handler when the cache asks for itself: the answer would be no whole response to store.
pub(crate) fn is_conditional(name: &HeaderName) -> bool {
    let conditions: [&HeaderName; 6] =
        [&IF_MATCH, &IF_NONE_MATCH, &IF_MODIFIED_SINCE, &IF_UNMODIFIED_SINCE, &IF_RANGE, &RANGE];
    conditions.contains(&name)
}

/// The request fields with which the handler can tell that a stored response is still good: the
/// validators as they came (RFC 9111 s.4.3.1).
///
/// Where they `must_tell_changes`, after a soft purge, a date counts only if it is a strong validator.
pub(crate) fn validators<S: Fields + ?Sized>(stored: &S, must_tell_changes: bool) -> HeaderList {
    let modified = modified(stored).filter(|_| !must_tell_changes || is_date_strong(stored));
    let fields = [(&IF_NONE_MATCH, etag(stored)), (&IF_MODIFIED_SINCE, modified)];
    let field = |(name, value): (&HeaderName, Option<&[u8]>)| {
        Some((name.clone(), HeaderValue::from_bytes(value?).ok()?))
    };
    fields.into_iter().filter_map(field).collect()
}

/// Whether `Last-Modified` is a strong validator: the response was made at least a second after it
/// was modified, so that another change has another date (RFC 9110 s.8.8.2.2).
pub(super) fn is_date_strong<S: Fields + ?Sized>(stored: &S) -> bool {
    let date = |name| stored.first(name).and_then(Timestamp::from_http_date);
    match (date(&DATE), date(&LAST_MODIFIED)) {
        (Some(made), Some(modified)) => made.since(modified).as_secs() >= 1,
        _ => false,
    }
}

/// Whether there is anything to validate a stored response with.
pub(crate) fn has_validator<S: Fields + ?Sized>(stored: &S) -> bool {
    etag(stored).is_some() || modified(stored).is_some()
}

/// Whether a field of the stored response is part of the 304 made from it: all but what describes
/// the body that is not sent (RFC 9110 s.15.4.5).
pub(crate) fn in_not_modified(name: &HeaderName) -> bool {
    let of_the_body: [&HeaderName; 7] = [
        &CONTENT_DIGEST,
        &CONTENT_ENCODING,
        &CONTENT_LANGUAGE,
        &CONTENT_LENGTH,
        &CONTENT_MD5,
        &CONTENT_RANGE,
        &CONTENT_TYPE,
    ];
    !of_the_body.contains(&name)
}

fn etag<S: Fields + ?Sized>(fields: &S) -> Option<&[u8]> {
    fields.first(&ETAG).filter(|tag| !tag.trim_ascii().is_empty())
}

fn modified<S: Fields + ?Sized>(fields: &S) -> Option<&[u8]> {
    fields.first(&LAST_MODIFIED).filter(|date| Timestamp::from_http_date(date).is_some())
}

/// `If-None-Match`: `*` or any of its entity tags, compared weakly (RFC 9110 s.13.1.2).
fn matches_any<Q: Fields + ?Sized, S: Fields + ?Sized>(req: &Q, stored: &S) -> bool {
    matches(req, etag(stored))
}

/// Whether `If-None-Match` names this entity tag.
pub(super) fn names_tag<Q: Fields + ?Sized>(req: &Q, tag: &[u8]) -> bool {
    matches(req, Some(tag))
}

fn matches<Q: Fields + ?Sized>(req: &Q, tag: Option<&[u8]>) -> bool {
    let mine = tag.map(EntityTag::new);
    let mut lines = req.all(&IF_NONE_MATCH).map(<[u8]>::trim_ascii);
    lines.any(|line| {
        let named = |theirs: EntityTag<'_>| mine.is_some_and(|mine| mine.opaque == theirs.opaque);
        line == b"*" || EntityTags(line).any(named)
    })
}

/// `If-Modified-Since`, one valid date; a response that does not say when it was modified counts
/// as modified when it was made (RFC 9110 s.13.1.3, RFC 9111 s.4.3.2).
fn unmodified_since<Q: Fields + ?Sized, S: Fields + ?Sized>(
    req: &Q,
    stored: &S,
    received: Timestamp,
) -> bool {
    let mut lines = req.all(&IF_MODIFIED_SINCE);
    let (Some(line), None) = (lines.next(), lines.next()) else { return false };
    let Some(since) = Timestamp::from_http_date(line) else { return false };
    let modified = match stored.first(&LAST_MODIFIED).or_else(|| stored.first(&DATE)) {
        Some(date) => Timestamp::from_http_date(date),
        None => Some(received),
    };
    modified.is_some_and(|modified| modified <= since)
}

/// An entity tag (RFC 9110 s.8.8.3). One without quotes is not of the grammar; it equals itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EntityTag<'a> {
    pub(super) weak: bool,
    /// The tag with its quotes.
    pub(super) opaque: &'a [u8],
}

impl<'a> EntityTag<'a> {
    pub(super) fn new(tag: &'a [u8]) -> Self {
        let tag = tag.trim_ascii();
        match tag.strip_prefix(b"W/") {
            Some(opaque) => Self { weak: true, opaque },
            None => Self { weak: false, opaque: tag },
        }
    }

    /// Strong comparison (RFC 9110 s.8.8.3.2), of well-formed tags only.
    pub(super) fn strongly_equals(self, other: Self) -> bool {
        let is_quoted =
            self.opaque.len() > 1 && self.opaque.starts_with(b"\"") && self.opaque.ends_with(b"\"");
        !self.weak && !other.weak && is_quoted && self.opaque == other.opaque
    }
}

/// The members of a list of entity tags, in which a quoted comma is a character like any other.
struct EntityTags<'a>(&'a [u8]);

impl<'a> Iterator for EntityTags<'a> {
    type Item = EntityTag<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let separator = |byte: &u8| matches!(byte, b',' | b' ' | b'\t');
        let start = self.0.iter().position(|byte| !separator(byte))?;
        let list = self.0.get(start..)?;
        let mut quotes = 0_u8;
        let end = list.iter().position(|byte| {
            quotes = quotes.saturating_add(u8::from(*byte == b'"'));
            *byte == b',' && quotes != 1
        });
        let (member, rest) = list.split_at_checked(end.unwrap_or(list.len()))?;
        self.0 = rest;
        Some(EntityTag::new(member))
    }
}

#[cfg(test)]
mod tests;
