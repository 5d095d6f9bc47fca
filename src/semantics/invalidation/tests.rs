//! Tables of methods, statuses and references.

use actix_web::http::{StatusCode, header::HeaderName};
use proptest::prelude::*;

use actix_web::http::header::HeaderValue;

use super::*;
use crate::semantics::{fields::HeaderList, names::CACHE_GROUP_INVALIDATION};

fn after(method: &str, status: u16, fields: &HeaderList) -> Option<Invalidation> {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let status = StatusCode::from_u16(status).unwrap();
    let url = RequestUrl { target: "/a/b?q", host: Some("example.com"), secure: false };
    invalidated(&method, &url, &ResponseView { status, fields: fields.as_slice() })
}

fn locations(target: &str, host: Option<&str>, secure: bool, location: &str) -> Vec<String> {
    let fields = [(LOCATION.clone(), HeaderValue::from_bytes(location.as_bytes()).unwrap())];
    let url = RequestUrl { target, host, secure };
    let res = ResponseView { status: StatusCode::CREATED, fields: fields.as_slice() };
    invalidated(&Method::POST, &url, &res).unwrap().locations
}

#[test]
fn unsafe_methods_that_succeed() {
    let nothing = Vec::new();
    for method in ["POST", "PUT", "DELETE", "PATCH", "PURGE", "M-SEARCH", "get", "UNKNOWN"] {
        for status in [200, 201, 204, 299, 301, 302, 303, 307, 308, 399] {
            assert!(after(method, status, &nothing).is_some_and(|i| i.target), "{method} {status}");
        }
        for status in [100, 400, 404, 409, 500, 503, 599] {
            assert_eq!(after(method, status, &nothing), None, "{method} {status}");
        }
    }
    for method in ["GET", "HEAD", "OPTIONS", "TRACE", "QUERY"] {
        assert_eq!(after(method, 200, &nothing), None, "{method}");
    }
}

#[test]
fn locations_on_the_same_origin() {
    for (reference, expected) in [
        ("/x", Some("/x")),
        ("/x?y=1#z", Some("/x?y=1")),
        ("http://example.com/x", Some("/x")),
        ("HTTP://EXAMPLE.com:80/x?y", Some("/x?y")),
        ("http://example.com", Some("/")),
        ("http://example.com?y", Some("/?y")),
        ("//example.com/x", Some("/x")),
        // s.4.4: another origin
        ("https://example.com/x", None),
        ("http://example.com:81/x", None),
        ("http://example.org/x", None),
        ("http://example.com.org/x", None),
        ("//example.org/x", None),
        ("mailto:a@example.com", None),
        ("http://", None),
        ("http://[", None),
        // RFC 3986 s.5.4, against /a/b?q
        ("c", Some("/a/c")),
        ("./c", Some("/a/c")),
        ("c/", Some("/a/c/")),
        ("?y", Some("/a/b?y")),
        ("c?y", Some("/a/c?y")),
        (".", Some("/a/")),
        ("..", Some("/")),
        ("../c", Some("/c")),
        ("../../../c", Some("/c")),
        ("/./c", Some("/c")),
        ("/../c", Some("/c")),
        ("c.", Some("/a/c.")),
        ("..c", Some("/a/..c")),
        ("./c/.", Some("/a/c/")),
        ("c/./d", Some("/a/c/d")),
        ("c/../d", Some("/a/d")),
        ("c?y/../x", Some("/a/c?y/../x")),
        ("/x//y", Some("/x//y")),
        ("/%2e%2E/x", Some("/%2e%2E/x")),
        // a colon makes a scheme only of what can be one
        ("/x:y", Some("/x:y")),
        ("./c:d", Some("/a/c:d")),
        ("1:2", Some("/a/1:2")),
        ("?y:z", Some("/a/b?y:z")),
        // the target itself, which is invalid anyway
        ("", None),
        ("#z", None),
        ("b?q", None),
    ] {
        let found = locations("/a/b?q", Some("example.com"), false, reference);
        assert_eq!(found, expected.into_iter().collect::<Vec<_>>(), "{reference}");
    }
}

#[test]
fn ports_and_schemes() {
    for (host, secure, reference, same) in [
        (Some("example.com:443"), true, "https://example.com/x", true),
        (Some("example.com"), true, "//example.com:443/x", true),
        (Some("example.com:8080"), false, "http://example.com:8080/x", true),
        (Some("example.com:8080"), false, "http://example.com/x", false),
        (Some("[::1]:80"), false, "http://[::1]/x", true),
        (Some("example.com"), true, "http://example.com/x", false),
        (None, false, "http://example.com/x", false),
        (None, false, "/x", true),
        (Some("not a host"), false, "http://example.com/x", false),
    ] {
        let found = !locations("/a", host, secure, reference).is_empty();
        assert_eq!(found, same, "{host:?} {reference}");
    }
}

#[test]
fn both_locations_and_groups() {
    let field = |name: &HeaderName, value| (name.clone(), HeaderValue::from_static(value));
    let fields = vec![
        field(&CONTENT_LOCATION, "/y"),
        field(&LOCATION, "/x"),
        field(&CACHE_GROUP_INVALIDATION, "\"g\", \"h\""),
    ];
    let found = after("POST", 200, &fields).unwrap();
    assert_eq!(found.locations, ["/x", "/y"]);
    assert_eq!(found.groups, ["g", "h"]);
    // RFC 9875 s.3: ignored on safe methods and on failures
    assert_eq!(after("GET", 200, &fields), None);
    assert_eq!(after("POST", 500, &fields), None);
}

proptest! {
    #[test]
    fn any_reference_gives_an_absolute_path_or_none(
        reference in "[ -~\u{e9}]{0,40}", target in "/[a-z/.?]{0,20}"
    ) {
        for found in locations(&target, Some("example.com"), false, &reference) {
            prop_assert!(found.starts_with('/'), "{}", found);
        }
    }
}
