//! Cookies of a request, as far as a key needs them, read as handlers read them.
//!
//! actix decodes names and values and trims them by Unicode; others do neither. What the readings
//! disagree on has no key: a request could be anonymous by its key and a user for the handler.

#[cfg(any(fuzzing, test))]
use actix_web::http::header::HeaderValue;
use actix_web::{
    cookie::Cookie,
    http::header::{self, HeaderMap},
};

use crate::{key::query::matches, semantics::verdict::Reason};

/// Name and value as they were sent.
pub(super) type Pair<'a> = (&'a str, &'a str);

/// Every cookie, in order, repeated ones too.
///
/// # Errors
///
/// Where a handler could read another list of names.
pub(super) fn pairs(fields: &HeaderMap) -> Result<Vec<Pair<'_>>, Reason> {
    let mut pairs = Vec::new();
    for line in fields.get_all(header::COOKIE) {
        // actix reads no cookie at all where a line is not UTF-8
        let line = std::str::from_utf8(line.as_bytes()).map_err(|_| Reason::AmbiguousCookie)?;
        for piece in line.split(';').map(str::trim_ascii).filter(|piece| !piece.is_empty()) {
            pairs.push(pair(piece).ok_or(Reason::AmbiguousCookie)?);
        }
    }
    Ok(pairs)
}

/// The cookie in this piece of a line; `None` where readings of it differ.
fn pair(piece: &str) -> Option<Pair<'_>> {
    let Some((name, value)) = piece.split_once('=') else {
        // a browser sends a cookie without a name like this, and actix ignores it
        return (piece.is_ascii() && !piece.contains('%')).then_some(("", piece));
    };
    let read = Cookie::parse_encoded(piece).ok()?;
    (read.name() == name && name.is_ascii() && !name.contains('%')).then_some((name, value))
}

/// The values of the cookie `name`.
pub(super) fn values<'a>(pairs: &'a [Pair<'a>], name: &'a str) -> impl Iterator<Item = &'a [u8]> {
    pairs.iter().filter(move |(cookie, _)| *cookie == name).map(|(_, value)| value.as_bytes())
}

/// Whether the cookie `name` is one of `patterns`, which may end in `*`.
pub(super) fn is_named(name: &str, patterns: &[String]) -> bool {
    patterns.iter().any(|pattern| matches(pattern, name))
}

/// Every cookie that is read is part of its line, and one that handlers read has the same name.
#[cfg(any(fuzzing, test))]
pub(crate) fn fuzz(headers: &HeaderMap) {
    let Ok(pairs) = pairs(headers) else { return };
    let lines: Vec<_> = headers.get_all(header::COOKIE).map(HeaderValue::as_bytes).collect();
    // what is not UTF-8 is refused
    let lines = String::from_utf8(lines.join(&b';')).unwrap_or_default();
    for (name, value) in pairs {
        assert!(lines.contains(name) && lines.contains(value), "{name}={value} of {lines}");
    }
}

#[cfg(test)]
mod tests;
