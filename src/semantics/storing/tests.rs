//! Tables of what is stored, and why the rest is not.

use std::num::NonZeroU16;

use actix_web::http::header::HeaderName;

use super::*;
use crate::semantics::{
    date::{Moment, Timestamp},
    declared::Declared,
    fields::lists::fields,
    policy::Windows,
};

type Lines<'a> = &'a [(&'static str, &'a str)];

/// Sun, 06 Nov 1994 08:49:37 GMT
const NOW: Timestamp = Timestamp::from_secs(784_111_777);
const MODIFIED: (&str, &str) = ("last-modified", "Sun, 06 Nov 1994 08:47:57 GMT");
const TAG: (&str, &str) = ("etag", "\"a\"");
const HOUR: (&str, &str) = ("cache-control", "max-age=3600");

fn by_the_rfc() -> Policy {
    Policy {
        default_ttl: Duration::ZERO,
        heuristic: true,
        request_directives: true,
        store_set_cookie: true,
        any_status: true,
        targets: vec![HeaderName::from_static("cdn-cache-control")],
        if_error: MAX_DELTA,
        ..Policy::default()
    }
}

fn judge(status: u16, lines: Lines<'_>, policy: &Policy) -> Result<Terms, Reason> {
    ask(&Method::GET, &[], status, lines, UncoveredCredentials::default(), policy)
}

fn ask(
    method: &Method,
    request: Lines<'_>,
    status: u16,
    lines: Lines<'_>,
    uncovered: UncoveredCredentials,
    policy: &Policy,
) -> Result<Terms, Reason> {
    let (request, response) = (fields(request), fields(lines));
    let req = RequestView { method, fields: request.as_slice() };
    let status = StatusCode::from_u16(status).unwrap();
    let res = ResponseView { status, fields: response.as_slice() };
    let exchange = Exchange { received: Moment::of(NOW), response_delay: Duration::ZERO };
    storable(&req, &res, uncovered, exchange, policy).map(|storable| storable.terms)
}

fn lifetime(status: u16, lines: Lines<'_>, policy: &Policy) -> Result<u64, Reason> {
    judge(status, lines, policy).map(|terms| terms.lifetime.as_secs())
}

#[test]
fn only_complete_answers_to_reads() {
    let policy = by_the_rfc();
    let none = UncoveredCredentials::default();
    for (method, expected) in [
        ("GET", None),
        ("QUERY", None),
        ("HEAD", Some(Reason::Method)),
        ("POST", Some(Reason::Method)),
    ] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        assert_eq!(ask(&method, &[], 200, &[HOUR], none, &policy).err(), expected, "{method}");
    }
    let table: &[(u16, Lines<'_>, Reason)] = &[
        (101, &[HOUR], Reason::Status),
        (103, &[HOUR], Reason::Status),
        (206, &[HOUR], Reason::Partial),
        (304, &[HOUR], Reason::Status),
        (412, &[HOUR], Reason::Status),
        (416, &[HOUR], Reason::Status),
        (200, &[HOUR, ("content-type", "Text/Event-Stream; charset=utf-8")], Reason::EventStream),
    ];
    for (status, lines, why) in table {
        assert_eq!(judge(*status, lines, &policy), Err(*why), "{status} {lines:?}");
    }
    // RFC 9110 s.14.4: beside any other status the field has no meaning
    assert!(judge(200, &[HOUR, ("content-range", "bytes 0-1/2")], &policy).is_ok());
}

#[test]
fn directives_that_forbid_storing() {
    let table: &[(Lines<'_>, Option<Reason>)] = &[
        (&[HOUR], None),
        (&[("cache-control", "max-age=3600, no-store")], Some(Reason::NoStore)),
        (&[HOUR, ("cache-control", "No-Store")], Some(Reason::NoStore)),
        (&[("cache-control", "max-age=3600, private")], Some(Reason::Private)),
        (&[("cache-control", "max-age=3600, private=\"x\"")], None),
        (&[("cache-control", "max-age=3600, public, private")], Some(Reason::Private)),
        (&[HOUR, ("vary", "*")], Some(Reason::VaryStar)),
        (&[HOUR, ("vary", "accept, *")], Some(Reason::VaryStar)),
        (&[HOUR, ("vary", "accept"), ("vary", "*")], Some(Reason::VaryStar)),
        (&[HOUR, ("set-cookie", "a=b")], Some(Reason::SetCookie)),
        (
            &[("cache-control", "max-age=3600, no-cache=\"Set-Cookie\""), ("set-cookie", "a=b")],
            None,
        ),
        // RFC 9213 s.2.2
        (&[("app-cache-control", "max-age=60"), ("cache-control", "no-store, private")], None),
        (&[("app-cache-control", "no-store"), HOUR], Some(Reason::NoStore)),
        (&[("app-cache-control", "private"), HOUR], Some(Reason::Private)),
        (
            &[("app-cache-control", "max-age=60,"), ("cache-control", "no-store")],
            Some(Reason::NoStore),
        ),
        (
            &[("cdn-cache-control", "max-age=60"), ("cache-control", "no-store")],
            Some(Reason::NoStore),
        ),
    ];
    for (lines, expected) in table {
        assert_eq!(judge(200, lines, &Policy::default()).err(), *expected, "{lines:?}");
    }
    assert!(judge(200, &[HOUR, ("set-cookie", "a=b")], &by_the_rfc()).is_ok());
}

#[test]
fn must_understand() {
    // s.5.2.2.3
    let both = ("cache-control", "max-age=3600, must-understand, no-store");
    let policy = by_the_rfc();
    assert!(judge(200, &[both], &policy).is_ok());
    assert_eq!(judge(299, &[both], &policy), Err(Reason::Status));
    let alone = ("cache-control", "max-age=3600, must-understand");
    assert_eq!(judge(599, &[alone], &policy), Err(Reason::Status));
    assert!(judge(599, &[HOUR], &policy).is_ok());
}

#[test]
fn request_no_store_is_obeyed_where_requests_are() {
    let request: Lines<'_> = &[("cache-control", "no-store")];
    let judge = |policy: &Policy| {
        ask(&Method::GET, request, 200, &[HOUR], UncoveredCredentials::default(), policy).err()
    };
    assert_eq!(judge(&by_the_rfc()), Some(Reason::RequestNoStore));
    assert_eq!(judge(&Policy::default()), None);
}

#[test]
fn statuses() {
    let safe = Policy::default();
    let letter = by_the_rfc();
    let stated: Lines<'_> = &[HOUR];
    for status in [200, 203, 204, 300, 301, 302, 303, 307, 308, 404, 405, 410, 414, 501] {
        assert_eq!(lifetime(status, stated, &safe), Ok(3600), "{status}");
    }
    for status in [201, 299, 400, 401, 403, 408, 413, 499, 500, 502, 503, 504, 599] {
        assert_eq!(judge(status, stated, &safe), Err(Reason::Status), "{status}");
        assert_eq!(lifetime(status, stated, &letter), Ok(3600), "{status}");
    }
    // RFC 6585: "MUST NOT be stored by a cache"
    for status in [428, 429, 431, 511] {
        assert_eq!(judge(status, stated, &letter), Err(Reason::Status), "{status}");
    }
    for (status, expected) in [
        (200, Ok(60)),
        (204, Ok(60)),
        (202, Err(Reason::Status)),
        (301, Err(Reason::NoLifetime)),
        (404, Err(Reason::NoLifetime)),
        (500, Err(Reason::Status)),
    ] {
        assert_eq!(lifetime(status, &[], &safe), expected, "{status}");
    }
    let named = Policy {
        status_ttls: vec![
            (StatusCode::NOT_FOUND, Duration::from_secs(5)),
            (StatusCode::SERVICE_UNAVAILABLE, Duration::from_secs(2)),
        ],
        ..Policy::default()
    };
    assert_eq!(lifetime(404, &[], &named), Ok(5));
    assert_eq!(lifetime(404, stated, &named), Ok(3600));
    assert_eq!(lifetime(503, &[], &named), Ok(2));
    assert_eq!(lifetime(503, &[("cache-control", "no-store")], &named), Err(Reason::NoStore));
    assert_eq!(lifetime(500, &[], &named), Err(Reason::Status));
}

#[test]
fn heuristics() {
    let letter = by_the_rfc();
    // s.4.2.2, RFC 9110 s.15.1
    for status in [200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501] {
        assert_eq!(lifetime(status, &[MODIFIED], &letter), Ok(10), "{status}");
    }
    for status in [201, 202, 302, 303, 307, 400, 403, 500, 502, 503, 504, 599] {
        assert_eq!(judge(status, &[MODIFIED], &letter), Err(Reason::NoLifetime), "{status}");
        let public = ("cache-control", "public");
        assert_eq!(lifetime(status, &[MODIFIED, public], &letter), Ok(10), "{status}");
    }
    assert_eq!(judge(200, &[], &letter), Err(Reason::NoLifetime));
    assert_eq!(lifetime(200, &[TAG], &letter), Ok(0));
    // "MUST NOT use heuristics when an explicit expiration time is present"
    assert_eq!(lifetime(200, &[MODIFIED, HOUR], &letter), Ok(3600));
    assert_eq!(lifetime(200, &[MODIFIED, ("expires", "0")], &letter), Ok(0));
    let guess_errors_not = Policy { any_status: false, ..letter };
    assert_eq!(judge(404, &[MODIFIED], &guess_errors_not), Err(Reason::NoLifetime));
}

#[test]
fn stale_as_it_comes() {
    let zero = ("cache-control", "max-age=0");
    let table: &[(Lines<'_>, Result<u64, Reason>)] = &[
        (&[zero], Err(Reason::BornStale)),
        (&[zero, TAG], Ok(0)),
        (&[zero, MODIFIED], Ok(0)),
        (&[zero, ("last-modified", "never")], Err(Reason::BornStale)),
        (&[("cache-control", "max-age=0, stale-while-revalidate=5")], Ok(0)),
        (&[("cache-control", "max-age=0, stale-if-error=5")], Ok(0)),
        (
            &[("cache-control", "max-age=0, stale-if-error=5, must-revalidate")],
            Err(Reason::BornStale),
        ),
        (&[HOUR, ("age", "3600")], Err(Reason::BornStale)),
        (&[HOUR, ("age", "3599")], Ok(3600)),
        (&[HOUR, ("age", "3600"), TAG], Ok(3600)),
        (&[("cache-control", "max-age=3600, no-cache")], Err(Reason::BornStale)),
        (&[("cache-control", "no-cache"), TAG], Ok(0)),
        (&[("pragma", "no-cache")], Err(Reason::BornStale)),
        (&[("pragma", "no-cache"), TAG], Ok(0)),
        (&[("pragma", "other")], Ok(60)),
        // s.5.4: something newer is said
        (&[("pragma", "no-cache"), HOUR], Ok(3600)),
        (&[("expires", "0")], Err(Reason::BornStale)),
    ];
    for (lines, expected) in table {
        assert_eq!(lifetime(200, lines, &Policy::default()), *expected, "{lines:?}");
    }
    // s.5.2.1.2: a client may want it stale, where clients are asked
    let born_stale = [("cache-control", "max-age=60"), ("age", "100")];
    assert_eq!(judge(200, &born_stale, &Policy::default()), Err(Reason::BornStale));
    assert!(judge(200, &born_stale, &by_the_rfc()).is_ok());
    // by setting alone, nobody waits for an error
    assert_eq!(judge(200, &[zero], &by_the_rfc()), Err(Reason::BornStale));
}

#[test]
fn credentials() {
    let authorization =
        UncoveredCredentials { authorization: true, ..UncoveredCredentials::default() };
    let cookie = UncoveredCredentials { cookie: true, ..UncoveredCredentials::default() };
    let other = UncoveredCredentials { other: true, ..UncoveredCredentials::default() };
    // s.3.5
    for (control, with_authorization, with_cookie) in [
        ("max-age=60", false, false),
        ("max-age=60, public", true, true),
        ("s-maxage=60", true, true),
        ("max-age=60, must-revalidate", true, false),
        ("max-age=60, proxy-revalidate", false, false),
        ("max-age=60, no-cache=\"public\"", false, false),
    ] {
        let lines: Lines<'_> = &[("cache-control", control)];
        let judge =
            |uncovered| ask(&Method::GET, &[], 200, lines, uncovered, &Policy::default()).err();
        let expected = (!with_authorization).then_some(Reason::Authorization);
        assert_eq!(judge(authorization), expected, "{control}");
        let expected = (!with_authorization).then_some(Reason::Credential);
        assert_eq!(judge(other), expected, "{control}");
        assert_eq!(judge(cookie), (!with_cookie).then_some(Reason::Cookie), "{control}");
    }
}

#[test]
fn stale_windows() {
    let policy = Policy {
        while_revalidate: Duration::from_secs(7),
        if_error: Duration::from_secs(8),
        ..Policy::default()
    };
    for (control, expected) in [
        ("max-age=60", (7, 8)),
        ("max-age=60, stale-while-revalidate=1, stale-if-error=2", (1, 2)),
        ("max-age=60, stale-while-revalidate=0, stale-if-error=x", (0, 0)),
        ("max-age=60, stale-while-revalidate=99999999999", (1 << 31, 8)),
        // s.4.2.4, whatever else is said
        ("max-age=60, stale-while-revalidate=1, must-revalidate", (0, 0)),
        ("max-age=60, stale-if-error=1, proxy-revalidate", (0, 0)),
        ("s-maxage=60, stale-if-error=1", (0, 0)),
        ("max-age=60, stale-if-error=1, no-cache", (0, 0)),
        // a setting does not turn zero into a lifetime
        ("max-age=0", (0, 8)),
        ("max-age=0, stale-while-revalidate=1", (1, 8)),
    ] {
        let terms = judge(200, &[("cache-control", control), TAG], &policy).unwrap();
        let windows = (terms.while_revalidate.as_secs(), terms.if_error.as_secs());
        assert_eq!(windows, expected, "{control}");
    }
    // what is short-lived has windows of its own, and an old error does not stand in for a new one
    let policy = Policy { any_status: true, ..policy };
    let short_lived =
        Windows { while_revalidate: Duration::from_secs(5), if_error: Duration::from_secs(6) };
    for (given, expected) in [(Windows::default(), (0, 0)), (short_lived, (5, 6))] {
        let policy = Policy { short_lived: given, ..policy.clone() };
        let terms = judge(404, &[("cache-control", "max-age=60")], &policy).unwrap();
        assert_eq!((terms.while_revalidate.as_secs(), terms.if_error.as_secs()), expected);
    }
    let terms = judge(503, &[("cache-control", "max-age=60, stale-if-error=9")], &policy).unwrap();
    assert_eq!((terms.while_revalidate.as_secs(), terms.if_error.as_secs()), (0, 0));
}

#[test]
fn any_credential_counts() {
    let none = UncoveredCredentials::default();
    assert!(!none.any());
    for one in [
        UncoveredCredentials { authorization: true, ..none },
        UncoveredCredentials { cookie: true, ..none },
        UncoveredCredentials { other: true, ..none },
    ] {
        assert!(one.any(), "{one:?}");
    }
}

#[test]
fn terms_tell_when_it_came_and_what_it_has_its_lifetime_from() {
    let request = fields(&[]);
    let req = RequestView { method: &Method::GET, fields: request.as_slice() };
    let response = fields(&[HOUR]);
    let res = ResponseView { status: StatusCode::OK, fields: response.as_slice() };
    let (received, response_delay) = (Moment::of(NOW), Duration::from_secs(2));
    let exchange = Exchange { received, response_delay };
    let named = Declared { policy: NonZeroU16::new(7), ..Declared::default() };
    let policy = Policy { declared: named, ..Policy::default() };
    let terms =
        storable(&req, &res, UncoveredCredentials::default(), exchange, &policy).unwrap().terms;
    assert_eq!((terms.response_time, terms.received), (NOW, Some(received.monotonic)));
    assert_eq!((terms.took, terms.policy), (response_delay, NonZeroU16::new(7)));
    assert_eq!(terms.lifetime_from, LifetimeSource::MaxAge);
    let by_setting = judge(200, &[], &Policy::default()).unwrap();
    assert_eq!(by_setting.lifetime_from, LifetimeSource::Ttl);
}

#[test]
fn declared_lifetime_goes_before_headers_but_not_before_statuses() {
    let declared = |seconds| {
        let ttl = Some((Duration::from_secs(seconds), LifetimeSource::Hint));
        Policy { declared: Declared { ttl, ..Declared::default() }, ..Policy::default() }
    };
    let headers: &[Lines<'_>] = &[&[], &[HOUR], &[("cache-control", "no-cache")]];
    for lines in headers {
        assert_eq!(lifetime(200, lines, &declared(5)), Ok(5), "{lines:?}");
        assert_eq!(lifetime(200, lines, &declared(0)), Err(Reason::NoLifetime), "{lines:?}");
        assert_eq!(lifetime(500, lines, &declared(5)), Err(Reason::Status), "{lines:?}");
        assert_eq!(lifetime(500, lines, &declared(0)), Err(Reason::Status), "{lines:?}");
    }
    let forever = judge(200, &[], &declared(u64::MAX)).unwrap();
    assert_eq!((forever.lifetime, forever.lifetime_from), (MAX_DELTA, LifetimeSource::Hint));
}

#[test]
fn only_what_is_declared_cacheable_has_a_lifetime_by_setting() {
    let strict = Policy { only_declared: true, ..Policy::default() };
    let cacheable = Declared { cacheable: true, ..Declared::default() };
    let by_handler = Policy { declared: cacheable, ..strict.clone() };
    let public = [("cache-control", "public")];
    assert_eq!(lifetime(200, &[], &strict), Err(Reason::NotDeclared));
    assert_eq!(lifetime(500, &[], &strict), Err(Reason::Status));
    assert_eq!(lifetime(200, &[], &by_handler), Ok(60));
    assert_eq!(lifetime(200, &public, &strict), Ok(60));
    assert_eq!(lifetime(200, &[HOUR], &strict), Ok(3600));
}

#[test]
fn directives_become_terms() {
    let says = |control: &str| {
        let terms = judge(200, &[("cache-control", control)], &Policy::default()).unwrap();
        (terms.must_revalidate, terms.immutable)
    };
    assert_eq!(says("max-age=9"), (false, false));
    assert_eq!(says("max-age=9, must-revalidate"), (true, false));
    assert_eq!(says("max-age=9, proxy-revalidate"), (true, false));
    assert_eq!(says("s-maxage=9"), (true, false));
    assert_eq!(says("max-age=9, immutable"), (false, true));
}

#[test]
fn stale_response_is_kept_where_a_request_may_ask_for_it() {
    let obeying = Policy { request_directives: true, ..Policy::default() };
    let old = ("age", "7200");
    let table: &[(&str, bool)] = &[
        ("max-age=3600", true),
        ("max-age=3600, must-revalidate", false),
        ("max-age=3600, no-cache", false),
        ("max-age=0", false),
    ];
    for (control, is_kept) in table {
        let lines = [("cache-control", *control), old];
        let expected = (!is_kept).then_some(Reason::BornStale);
        assert_eq!(judge(200, &lines, &obeying).err(), expected, "{control}");
        assert_eq!(
            judge(200, &lines, &Policy::default()).err(),
            Some(Reason::BornStale),
            "{control}"
        );
    }
}
