//! A verdict as a member of `Cache-Status` (RFC 9211).

use std::{fmt::Write as _, time::Duration};

use actix_web::http::header::HeaderValue;

use super::{
    date::MAX_DELTA,
    lifetime_source::LifetimeSource,
    list_members::is_token,
    verdict::{Forwarding, Reason, StaleCause, Stored, Verdict},
};

/// The member that says what the cache called `name` did, to be appended after those that are
/// there already (RFC 9211 s.2).
///
/// `None` for a response that the cache generated itself: such responses carry no member. `key` is for
/// callers that may know it (s.6); `detail` adds the reason's word.
pub(crate) fn member(
    verdict: &Verdict,
    name: &str,
    key: Option<&str>,
    detail: bool,
) -> Option<HeaderValue> {
    let mut text = String::with_capacity(64);
    push_name(&mut text, name);
    match *verdict {
        Verdict::Hit { left } => push_hit(&mut text, "", left.as_secs()),
        // not yet a whole second past is past all the same
        Verdict::Stale { past } => push_hit(&mut text, "-", whole_seconds_begun(past)),
        Verdict::Forwarded { why, status, stored, collapsed } => {
            text.push_str("; fwd=");
            text.push_str(why.as_str());
            if let Some(status) = status {
                push_number(&mut text, "; fwd-status=", u64::from(status));
            }
            if stored.is_ok() {
                text.push_str("; stored");
            }
            if collapsed {
                text.push_str("; collapsed");
            }
            push_detail(&mut text, why, stored, detail);
        }
        Verdict::StaleFallback {
            past,
            cause: cause @ (StaleCause::Slow | StaleCause::BackingOff | StaleCause::Overloaded),
        } => {
            push_hit(&mut text, "-", whole_seconds_begun(past));
            if detail {
                text.push_str("; detail=");
                text.push_str(cause.as_str());
            }
        }
        Verdict::StaleFallback { cause: StaleCause::Failed(status), .. } => {
            text.push_str("; fwd=stale");
            if let Some(status) = status {
                push_number(&mut text, "; fwd-status=", u64::from(status));
            }
        }
        // the client is to know it from a 503 of the handler
        Verdict::Refused(Reason::Overloaded) if detail => {
            text.push_str("; detail=");
            text.push_str(Reason::Overloaded.as_str());
        }
        Verdict::Refused(_) => return None,
    }
    if let Some(key) = key {
        text.push_str("; key=");
        push_string(&mut text, key);
    }
    HeaderValue::try_from(text).ok()
}

/// `; hit; ttl=42`
fn push_hit(text: &mut String, sign: &str, seconds: u64) {
    text.push_str("; hit; ttl=");
    text.push_str(sign);
    push_number(text, "", seconds.min(MAX_DELTA.as_secs()));
}

fn push_number(text: &mut String, before: &str, number: u64) {
    // writing to a string cannot fail
    let _ = write!(text, "{before}{number}");
}

fn whole_seconds_begun(past: Duration) -> u64 {
    past.as_secs().saturating_add(u64::from(past.subsec_nanos() > 0))
}

/// The reason for forwarding where there is one, else the one for not storing, else what the handler said of
/// storing.
fn push_detail(text: &mut String, why: Forwarding, stored: Stored, detail: bool) {
    let reason = match (why, stored) {
        (Forwarding::Bypass(reason) | Forwarding::Miss(reason), _) | (_, Err(reason)) => {
            Some(reason.as_str())
        }
        (_, Ok(from @ (LifetimeSource::Hint | LifetimeSource::Policy))) => Some(from.as_str()),
        (_, Ok(_)) => None,
    };
    // `fwd=method; detail=method` would say it twice
    if let Some(reason) = reason.filter(|reason| detail && *reason != why.as_str()) {
        text.push_str("; detail=");
        text.push_str(reason);
    }
}

/// A name is a Token where it can be, else a String (RFC 9211 s.2).
fn push_name(text: &mut String, name: &str) {
    let mut bytes = name.bytes();
    let starts = bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'*');
    if starts && bytes.all(|byte| is_token(byte) || matches!(byte, b':' | b'/')) {
        text.push_str(name);
    } else {
        push_string(text, name);
    }
}

/// A Structured String (RFC 9651 s.4.1.6); what it cannot hold becomes a question mark.
fn push_string(text: &mut String, content: &str) {
    text.push('"');
    for char in content.chars() {
        match char {
            '"' | '\\' => text.extend(['\\', char]),
            ' '..='~' => text.push(char),
            _ => text.push('?'),
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sfv::{List, Parser};

    use super::*;
    use crate::semantics::verdict::Reason;

    const FRESH: Verdict = Verdict::Hit { left: Duration::from_millis(42_900) };

    fn written(verdict: Verdict) -> String {
        member(&verdict, "c", None, true).unwrap().to_str().unwrap().to_owned()
    }

    #[test]
    fn every_verdict() {
        let stale = |millis| Verdict::Stale { past: Duration::from_millis(millis) };
        let missed = |why, stored| Verdict::missed(why, stored);
        let shared = Verdict::Forwarded {
            why: Forwarding::Stale,
            status: Some(304),
            stored: Ok(LifetimeSource::Ttl),
            collapsed: true,
        };
        let table = [
            (FRESH, "c; hit; ttl=42"),
            (Verdict::Hit { left: Duration::from_millis(5) }, "c; hit; ttl=0"),
            (stale(30_000), "c; hit; ttl=-30"),
            (stale(30_001), "c; hit; ttl=-31"),
            (missed(Forwarding::UriMiss, Ok(LifetimeSource::Ttl)), "c; fwd=uri-miss; stored"),
            (
                missed(Forwarding::VaryMiss, Err(Reason::NoStore)),
                "c; fwd=vary-miss; detail=no-store",
            ),
            (missed(Forwarding::Request, Ok(LifetimeSource::Ttl)), "c; fwd=request; stored"),
            (
                missed(Forwarding::Stale, Ok(LifetimeSource::Hint)),
                "c; fwd=stale; stored; detail=hint",
            ),
            (
                missed(Forwarding::Miss(Reason::Cookie), Err(Reason::Private)),
                "c; fwd=miss; detail=cookie",
            ),
            (shared, "c; fwd=stale; fwd-status=304; stored; collapsed"),
            (Verdict::bypassed(Reason::Excluded), "c; fwd=bypass; detail=excluded"),
            (Verdict::bypassed(Reason::Method), "c; fwd=method"),
        ];
        for (verdict, expected) in table {
            assert_eq!(written(verdict), expected);
        }
        assert_eq!(member(&Verdict::Refused(Reason::OnlyIfCached), "c", None, true), None);
        let overloaded = Verdict::Refused(Reason::Overloaded);
        assert_eq!(written(overloaded), "c; detail=overloaded");
        assert_eq!(member(&overloaded, "c", None, false), None);
    }

    #[test]
    fn details_and_keys_only_on_request() {
        let verdict = Verdict::missed(Forwarding::UriMiss, Err(Reason::Private));
        assert_eq!(member(&verdict, "c", None, false).unwrap(), "c; fwd=uri-miss");
        let key = member(&FRESH, "c", Some("/a\"\\\u{e9}\n"), false).unwrap();
        assert_eq!(key, r#"c; hit; ttl=42; key="/a\"\\??""#);
    }

    #[test]
    fn a_name_that_is_no_token_is_quoted() {
        for (name, expected) in
            [("a b", "\"a b\""), ("", "\"\""), ("9", "\"9\""), ("a/b:1", "a/b:1")]
        {
            let written = member(&FRESH, name, None, false).unwrap();
            assert_eq!(written, format!("{expected}; hit; ttl=42"));
        }
    }

    proptest! {
        #[test]
        fn a_member_is_a_structured_list(name in ".{0,20}", key in ".{0,40}", millis: u64) {
            let verdict = Verdict::Stale { past: Duration::from_millis(millis) };
            if let Some(value) = member(&verdict, &name, Some(&key), true) {
                let list: List = Parser::new(value.as_bytes()).parse().unwrap();
                prop_assert_eq!(list.len(), 1);
            }
        }
    }
}
