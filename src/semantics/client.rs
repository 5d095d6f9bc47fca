//! Caching headers for clients where the handler sets none: `Cache-Control` and `Expires` that agree
//! with each other and, over the stored `Date`, with `Age` (RFC 9111 s.5.2.2, s.5.3).

use std::{fmt::Write as _, time::Duration};

use actix_web::http::header::HeaderValue;

use super::{
    date::{MAX_DELTA, Timestamp},
    list_members::member_end,
};

/// Who may store a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// Every cache on the way.
    Public,
    /// The client alone.
    Private,
    /// No cache; everything else is then void.
    NoStore,
}

/// What a client may do with a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClientTerms {
    /// Who may store it.
    pub sharing: Sharing,
    /// For how long, counted from the response's `Date`; `None`: `no-cache`.
    pub max_age: Option<Duration>,
    /// Whether it must not be used stale.
    pub must_revalidate: bool,
    /// Whether it never changes while it is fresh (RFC 8246).
    pub immutable: bool,
    /// `stale-while-revalidate` (RFC 5861 s.3).
    pub while_revalidate: Option<Duration>,
    /// `stale-if-error` (RFC 5861 s.4).
    pub if_error: Option<Duration>,
}

impl ClientTerms {
    /// The value of `Cache-Control`.
    pub(crate) fn cache_control(&self) -> HeaderValue {
        let mut text = String::with_capacity(64);
        text.push_str(match self.sharing {
            Sharing::Public => "public",
            Sharing::Private => "private",
            Sharing::NoStore => return HeaderValue::from_static("no-store"),
        });
        match self.max_age {
            Some(age) => push_delta(&mut text, "max-age", age),
            None => text.push_str(", no-cache"),
        }
        if self.must_revalidate {
            text.push_str(", must-revalidate");
        }
        if self.immutable {
            text.push_str(", immutable");
        }
        // what must not be served stale has no use for these
        if !self.must_revalidate && self.max_age.is_some() {
            if let Some(window) = self.while_revalidate {
                push_delta(&mut text, "stale-while-revalidate", window);
            }
            if let Some(window) = self.if_error {
                push_delta(&mut text, "stale-if-error", window);
            }
        }
        HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("no-store"))
    }

    /// The value of `Expires` beside the response's `date`: at once where nothing may be reused.
    pub(crate) fn expires(&self, date: Timestamp) -> HeaderValue {
        let age = self.max_age.filter(|_| self.sharing != Sharing::NoStore).unwrap_or_default();
        let expires = date + Duration::from_secs(age.min(MAX_DELTA).as_secs());
        HeaderValue::try_from(expires.to_http_date())
            .unwrap_or_else(|_| HeaderValue::from_static("0"))
    }
}

/// `Cache-Control` of a response that caches downstream may not share, from what it says by itself
/// (RFC 9111 s.5.2.2.7): without what permits sharing, and with `private`. `None` where it says
/// `private` or `no-store` already.
pub(crate) fn without_sharing<'a>(
    lines: impl Iterator<Item = &'a HeaderValue>,
) -> Option<HeaderValue> {
    let mut members = Vec::new();
    let (mut no_store, mut must_understand) = (false, false);
    for line in lines {
        let mut rest = Some(line.as_bytes());
        while let Some(list) = rest {
            // a quoted string that does not end takes the rest of the line
            let end = member_end(list, true).unwrap_or(list.len());
            let (member, after) = list.split_at_checked(end)?;
            let member = member.trim_ascii();
            let name = member.split(|byte| *byte == b'=').next().unwrap_or_default().trim_ascii();
            match name.to_ascii_lowercase().as_slice() {
                b"private" if member.len() == name.len() => return None,
                b"" | b"public" | b"s-maxage" => {}
                name => {
                    no_store |= name == b"no-store";
                    must_understand |= name == b"must-understand";
                    members.push(member);
                }
            }
            rest = after.get(1..);
        }
    }
    // who understands the status ignores `no-store` beside `must-understand` (s.5.2.2.3)
    if no_store && !must_understand {
        return None;
    }
    members.push(b"private");
    HeaderValue::from_bytes(&members.join(b", ".as_slice())).ok()
}

fn push_delta(text: &mut String, directive: &str, delta: Duration) {
    // writing to a string cannot fail
    let _ = write!(text, ", {directive}={}", delta.min(MAX_DELTA).as_secs());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::semantics::{cache_control::Directives, fields::HeaderList, names::CACHE_CONTROL};

    const MINUTE: Duration = Duration::from_secs(60);
    const PLAIN: ClientTerms = ClientTerms {
        sharing: Sharing::Public,
        max_age: Some(MINUTE),
        must_revalidate: false,
        immutable: false,
        while_revalidate: None,
        if_error: None,
    };

    #[test]
    fn directives_in_words() {
        let windows =
            ClientTerms { while_revalidate: Some(MINUTE), if_error: Some(MINUTE), ..PLAIN };
        let table = [
            (PLAIN, "public, max-age=60"),
            (ClientTerms { max_age: Some(Duration::MAX), ..PLAIN }, "public, max-age=2147483648"),
            (ClientTerms { max_age: None, ..windows }, "public, no-cache"),
            (ClientTerms { sharing: Sharing::Private, ..PLAIN }, "private, max-age=60"),
            (ClientTerms { sharing: Sharing::NoStore, ..windows }, "no-store"),
            (ClientTerms { immutable: true, ..PLAIN }, "public, max-age=60, immutable"),
            (windows, "public, max-age=60, stale-while-revalidate=60, stale-if-error=60"),
            (
                ClientTerms { must_revalidate: true, ..windows },
                "public, max-age=60, must-revalidate",
            ),
        ];
        for (terms, expected) in table {
            assert_eq!(terms.cache_control(), expected);
        }
    }

    #[test]
    fn expires_agrees_with_max_age() {
        let date = Timestamp::from_secs(784_111_777);
        assert_eq!(PLAIN.expires(date), "Sun, 06 Nov 1994 08:50:37 GMT");
        let now = "Sun, 06 Nov 1994 08:49:37 GMT";
        assert_eq!(ClientTerms { max_age: None, ..PLAIN }.expires(date), now);
        assert_eq!(ClientTerms { sharing: Sharing::NoStore, ..PLAIN }.expires(date), now);
        let late = PLAIN.expires(Timestamp::from_millis(i64::MAX));
        assert_eq!(late, "Fri, 31 Dec 9999 23:59:59 GMT");
    }

    #[test]
    fn cache_control_of_the_handler_becomes_private() {
        for (said, becomes) in [
            ("", Some("private")),
            ("public, max-age=60", Some("max-age=60, private")),
            ("s-maxage=5, max-age=60", Some("max-age=60, private")),
            ("Public , Max-Age=60", Some("Max-Age=60, private")),
            ("private, max-age=60", None),
            ("max-age=60, PRIVATE", None),
            (
                "private=\"set-cookie\", max-age=60",
                Some("private=\"set-cookie\", max-age=60, private"),
            ),
            ("x=\"a, private\"", Some("x=\"a, private\", private")),
            ("no-store", None),
            ("max-age=60, No-Store", None),
            ("no-store, must-understand, public", Some("no-store, must-understand, private")),
            ("must-understand, max-age=60", Some("must-understand, max-age=60, private")),
        ] {
            let line = HeaderValue::from_static(said);
            let value = without_sharing([&line].into_iter());
            assert_eq!(value.as_ref().map(|value| value.to_str().unwrap()), becomes, "{said}");
        }
        let lines = ["public", "max-age=60", "private"].map(HeaderValue::from_static);
        assert_eq!(without_sharing(lines[..2].iter()).unwrap(), "max-age=60, private");
        assert_eq!(without_sharing(lines.iter()), None);
    }

    #[test]
    fn what_is_written_is_read_back() {
        let terms = ClientTerms { if_error: Some(MINUTE), ..PLAIN };
        let fields: HeaderList = vec![(CACHE_CONTROL.clone(), terms.cache_control())];
        let read = Directives::parse(fields.as_slice(), &CACHE_CONTROL);
        assert_eq!((read.max_age, read.stale_if_error), (Some(MINUTE), Some(MINUTE)));
    }
}
