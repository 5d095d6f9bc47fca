//! Bringing a stored response up to date with a 304 or with the answer to a HEAD (RFC 9111 s.3.2,
//! s.4.3.4, s.4.3.5).

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

use super::{
    date::Timestamp,
    fields::{Fields, HeaderList, end_to_end, text},
    names::{AGE, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, DATE, ETAG, LAST_MODIFIED},
    validation::{EntityTag, is_date_strong},
};

/// Whether a 304 is about this stored response (RFC 9111 s.4.3.4): its strong validator is the
/// same, or it has weak ones only and they correspond. A 304 without any validator answers the
/// only question that was asked, and so is about the response that was asked about.
///
/// Where it is not, the request has to be made again, without conditions.
pub(crate) fn identifies<S: Fields + ?Sized, F: Fields + ?Sized>(stored: &S, fresh: &F) -> bool {
    match (fresh.first(&ETAG), stored.first(&ETAG)) {
        (Some(theirs), Some(ours)) => {
            let (theirs, ours) = (EntityTag::new(theirs), EntityTag::new(ours));
            theirs.opaque == ours.opaque && (theirs.weak || !ours.weak)
        }
        (Some(_), None) => false,
        (None, _) => same_date(fresh.first(&LAST_MODIFIED), stored.first(&LAST_MODIFIED)),
    }
}

/// Enters the fields of a 304 (or of a HEAD's answer) that was `received` then into the stored
/// ones (RFC 9111 s.3.2).
///
/// The result is like a response that has just come: ask [`storable`](super::storing::storable)
/// for its terms and [`storable_fields`](super::stored_fields::storable_fields) for what is kept of it.
pub(crate) fn freshen(stored: &mut HeaderList, fresh: &HeaderMap, received: Timestamp) {
    let news: HeaderList = end_to_end(fresh)
        .filter(|(name, _)| !belongs_to_body(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    // what Age and Date said of the earlier exchange does not hold for this one
    stored.retain(|(name, _)| *name != AGE && *name != DATE && !news.as_slice().has(name));
    if !news.as_slice().has(&DATE) {
        let date = HeaderValue::try_from(received.to_http_date());
        stored.extend(date.ok().map(|date| (DATE.clone(), date)));
    }
    stored.extend(news);
}

/// What the 200 that answers a HEAD says of a stored response to a GET (RFC 9111 s.4.3.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeadSays {
    /// A validator of it is that of the stored response: the stored one can be brought up to date.
    Same,
    /// A validator or the length is another: the stored response is no longer good.
    Other,
    /// Nothing that could be compared. By the letter nothing contradicts either; but then whoever
    /// sends a HEAD once in a lifetime would keep a changed response alive for ever.
    Nothing,
}

/// Compares the 200 that answers a HEAD with the stored response to a GET, whose body has `length`
/// bytes (RFC 9111 s.4.3.5). Where it `must_tell_changes`, a date says that nothing has changed only
/// if it is a strong validator.
pub(crate) fn head_says<S: Fields + ?Sized, F: Fields + ?Sized>(
    stored: &S,
    length: u64,
    head: &F,
    must_tell_changes: bool,
) -> HeadSays {
    let received = [&ETAG, &LAST_MODIFIED].map(|name| (head.first(name), stored.first(name)));
    let other = received.iter().any(|(theirs, ours)| theirs.is_some() && theirs != ours);
    let [tag, date] = received.map(|(theirs, _)| theirs.is_some());
    let same = tag || (date && (!must_tell_changes || is_date_strong(stored)));
    let stated = |value: &[u8]| text(value)?.trim().parse::<u64>().ok();
    let same_length = head.first(&CONTENT_LENGTH).is_none_or(|value| stated(value) == Some(length));
    match (other || !same_length, same) {
        (true, _) => HeadSays::Other,
        (false, true) => HeadSays::Same,
        (false, false) => HeadSays::Nothing,
    }
}

/// Whether a field describes the stored bytes, which a 304 does not change (RFC 9111 s.3.2).
fn belongs_to_body(name: &HeaderName) -> bool {
    [&CONTENT_LENGTH, &CONTENT_ENCODING, &CONTENT_RANGE].contains(&name)
}

/// Whether two dates are the same, or there is no newer one to compare.
fn same_date(fresh: Option<&[u8]>, stored: Option<&[u8]>) -> bool {
    let date = |value: Option<&[u8]>| value.and_then(Timestamp::from_http_date);
    fresh.is_none() || (fresh == stored) || (date(fresh).is_some() && date(fresh) == date(stored))
}

#[cfg(test)]
mod tests;
