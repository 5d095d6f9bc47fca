//! Range requests answered from a stored 200 (RFC 9110 s.14).

use std::ops::Range;

use actix_web::http::{StatusCode, header::HeaderValue};

use super::{
    coding::may_be_encoded,
    date::Timestamp,
    fields::Fields,
    names::{ETAG, IF_RANGE, LAST_MODIFIED, RANGE},
    validation::{EntityTag, is_date_strong},
};

/// How many ranges a request may ask for before it gets the whole instead: together they never
/// come to more than the body, but each costs the head of a part.
const MAX_RANGES: usize = 16;

/// How much of the stored body answers a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RangeAnswer {
    /// All of it, as 200.
    Whole,
    /// These parts, as 206: at least one, none empty, no two overlapping.
    Parts(Vec<Range<u64>>),
    /// 416 (RFC 9110 s.15.5.17).
    Unsatisfiable,
}

/// What `Range` and `If-Range` of a GET select of a stored response whose body has `length` bytes.
///
/// Only a 200 is cut, and a `Range` that is not understood counts as none (RFC 9110 s.14.2). Nothing
/// is cut that compression outside of the cache may encode for this client: it would get a part of
/// other bytes than those it has the rest of.
/// `Range` has a meaning for GET only, and conditions come first (s.13.2.2): both are the caller's
/// to see to.
pub(crate) fn select<Q: Fields + ?Sized, S: Fields + ?Sized>(
    req: &Q,
    stored: &S,
    status: StatusCode,
    length: u64,
) -> RangeAnswer {
    select_if(req, stored, status, length, || !may_be_encoded(req, stored))
}

/// [`select`] of a form that nothing outside of the cache encodes.
pub(crate) fn select_of_form<Q: Fields + ?Sized, S: Fields + ?Sized>(
    req: &Q,
    form: &S,
    status: StatusCode,
    length: u64,
) -> RangeAnswer {
    select_if(req, form, status, length, || true)
}

fn select_if<Q: Fields + ?Sized, S: Fields + ?Sized>(
    req: &Q,
    stored: &S,
    status: StatusCode,
    length: u64,
    may_be_cut: impl FnOnce() -> bool,
) -> RangeAnswer {
    let mut lines = req.all(&RANGE);
    let (Some(line), None) = (lines.next(), lines.next()) else { return RangeAnswer::Whole };
    let is_cut = status == StatusCode::OK && may_be_cut();
    if !is_cut || !is_same_representation(req, stored) {
        return RangeAnswer::Whole;
    }
    parse(line).map_or(RangeAnswer::Whole, |specs| answer(&specs, length))
}

/// The value of `Content-Range` for one part (RFC 9110 s.14.4).
pub(crate) fn content_range(part: &Range<u64>, length: u64) -> HeaderValue {
    let text = format!("bytes {}-{}/{length}", part.start, part.end.saturating_sub(1));
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("bytes */*"))
}

/// The value of `Content-Range` in a 416 (RFC 9110 s.14.4).
pub(crate) fn unsatisfied_range(length: u64) -> HeaderValue {
    HeaderValue::try_from(format!("bytes */{length}"))
        .unwrap_or_else(|_| HeaderValue::from_static("bytes */0"))
}

/// `If-Range`: absent, or the stored response's strong entity tag, or exactly its modification
/// date where that is a strong validator (RFC 9110 s.13.1.5, s.8.8.2.2).
fn is_same_representation<Q: Fields + ?Sized, S: Fields + ?Sized>(req: &Q, stored: &S) -> bool {
    let mut lines = req.all(&IF_RANGE);
    let condition = match (lines.next(), lines.next()) {
        (None, _) => return true,
        (Some(line), None) => line,
        (Some(_), Some(_)) => return false,
    };
    if let Some(wanted) = Timestamp::from_http_date(condition) {
        let modified = stored.first(&LAST_MODIFIED).and_then(Timestamp::from_http_date);
        return modified == Some(wanted) && is_date_strong(stored);
    }
    let tag = EntityTag::new(condition);
    stored.first(&ETAG).is_some_and(|ours| EntityTag::new(ours).strongly_equals(tag))
}

/// One member of a range set (RFC 9110 s.14.1.2).
#[derive(Clone, Copy, Debug)]
enum Spec {
    /// `first-last` and `first-`.
    From(u64, Option<u64>),
    /// `-n`: the last n bytes.
    Last(u64),
}

/// The set of `bytes=…`; `None` where it is of another unit, malformed or too long.
fn parse(value: &[u8]) -> Option<Vec<Spec>> {
    let equals = value.iter().position(|byte| *byte == b'=')?;
    let (unit, set) = value.split_at(equals);
    if !unit.eq_ignore_ascii_case(b"bytes") {
        return None;
    }
    let members = set.get(1..)?.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    let specs: Vec<Spec> = members
        .filter(|member| !member.is_empty())
        .take(MAX_RANGES + 1)
        .map(spec)
        .collect::<Option<_>>()?;
    (1..=MAX_RANGES).contains(&specs.len()).then_some(specs)
}

fn spec(member: &[u8]) -> Option<Spec> {
    let dash = member.iter().position(|byte| *byte == b'-')?;
    let (first, last) = member.split_at(dash);
    match (first, last.get(1..)?) {
        (b"", last) => Some(Spec::Last(number(last)?)),
        (first, b"") => Some(Spec::From(number(first)?, None)),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then_some(Spec::From(first, Some(last)))
        }
    }
}

/// A number, the largest there is where it is larger.
fn number(digits: &[u8]) -> Option<u64> {
    let mut number = None;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        let tenfold = number.unwrap_or(0_u64).saturating_mul(10);
        number = Some(tenfold.saturating_add(u64::from(digit - b'0')));
    }
    number
}

fn answer(specs: &[Spec], length: u64) -> RangeAnswer {
    let asks_for_end = |spec: &Spec| matches!(spec, Spec::Last(1..));
    if length == 0 && specs.iter().any(asks_for_end) {
        // the last bytes of nothing: satisfiable (s.14.1.2), but no Content-Range can say so
        return RangeAnswer::Whole;
    }
    let mut parts: Vec<Range<u64>> = Vec::with_capacity(specs.len());
    for part in specs.iter().filter_map(|spec| satisfied(*spec, length)) {
        coalesce(&mut parts, part);
    }
    if parts.is_empty() { RangeAnswer::Unsatisfiable } else { RangeAnswer::Parts(parts) }
}

/// The bytes that a member selects; `None` where there are none (RFC 9110 s.14.1.1).
fn satisfied(spec: Spec, length: u64) -> Option<Range<u64>> {
    let part = match spec {
        Spec::From(first, last) => {
            first..last.map_or(length, |last| last.saturating_add(1)).min(length)
        }
        Spec::Last(count) => length.saturating_sub(count)..length,
    };
    (!part.is_empty()).then_some(part)
}

/// Adds a part, merged with those that it overlaps or touches (RFC 9110 s.15.3.7.2), at the place
/// of the first of them: otherwise in the order asked for.
fn coalesce(parts: &mut Vec<Range<u64>>, mut part: Range<u64>) {
    let mut place = parts.len();
    // a merged part may reach others that were apart before
    while let Some(at) = parts.iter().position(|p| p.start <= part.end && part.start <= p.end) {
        let met = parts.remove(at);
        part = met.start.min(part.start)..met.end.max(part.end);
        place = place.min(at);
    }
    parts.insert(place.min(parts.len()), part);
}

#[cfg(test)]
mod tests;
