//! Cookies of a request (RFC 6265 s.4.2), as far as a key needs them: names and values as bytes.

use actix_web::http::header::{self, HeaderMap};

use crate::query::matches;

/// Name and value of every cookie, in order, repeated ones too.
pub(super) fn pairs(fields: &HeaderMap) -> impl Iterator<Item = (&[u8], &[u8])> {
    fields
        .get_all(header::COOKIE)
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b';'))
        .map(<[u8]>::trim_ascii)
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let equals = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
            let (name, value) = pair.split_at(equals);
            (name, value.get(1..).unwrap_or_default())
        })
}

/// Whether the cookie `name` is one of `patterns`, which may end in `*`.
pub(super) fn is_named(name: &[u8], patterns: &[String]) -> bool {
    std::str::from_utf8(name)
        .is_ok_and(|name| patterns.iter().any(|pattern| matches(pattern, name)))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    #[test]
    fn reads_pairs_from_all_lines() {
        let mut fields = HeaderMap::new();
        fields.append(header::COOKIE, HeaderValue::from_static("a=1; b=x=y;;c"));
        fields.append(header::COOKIE, HeaderValue::from_static(" d= "));
        let pairs: Vec<_> = pairs(&fields).collect();
        let expected: [(&[u8], &[u8]); 4] =
            [(b"a", b"1"), (b"b", b"x=y"), (b"c", b""), (b"d", b"")];
        assert_eq!(pairs, expected);
    }

    #[test]
    fn names_may_be_patterns() {
        let patterns = ["theme".to_owned(), "_ga*".to_owned()];
        assert!(is_named(b"theme", &patterns) && is_named(b"_ga_X1", &patterns));
        assert!(!is_named(b"themes", &patterns) && !is_named(b"\xff", &patterns));
    }
}
