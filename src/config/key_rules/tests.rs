//! Tests of `key_rules`.

use actix_web::test::TestRequest;

use super::*;

fn key_of(rules: &KeyRules, req: TestRequest) -> (CacheKey, UncoveredCredentials) {
    let req = req.to_http_request();
    let flags = HeaderFlags::of(req.headers(), &rules.credentials);
    let secret = &Secret::new(b"test");
    let server = Server::of(&req);
    let input = KeyInput {
        req: &req,
        flags,
        body: None,
        nested: 0,
        rule: None,
        query: None,
        secret,
        server,
        shared: false,
    };
    let keyed = rules.key(input).unwrap();
    (keyed.key, keyed.uncovered)
}

fn get(uri: &str) -> TestRequest {
    TestRequest::with_uri(uri).insert_header(("host", "shop.example"))
}

#[test]
fn url_is_keyed_as_received() {
    let rules = KeyRules::default();
    let (key, _) = key_of(&rules, get("/a%20b?y=2&x=1"));
    assert_eq!((key.host(), key.query()), ("shop.example", "?y=2&x=1"));
    for other in ["/a b?y=2&x=1", "/a%20b?x=1&y=2", "/a%20b", "/A%20b?y=2&x=1"] {
        if let Ok(uri) = other.parse::<actix_web::http::Uri>() {
            assert_ne!(key, key_of(&rules, get(&uri.to_string())).0, "{other}");
        }
    }
    let other_host = TestRequest::with_uri("/a%20b?y=2&x=1").insert_header(("host", "evil"));
    assert_ne!(key, key_of(&rules, other_host).0);
}

#[test]
fn header_lines_are_keyed_one_by_one() {
    let rules = KeyRules { headers: vec![header::ACCEPT], ..KeyRules::default() };
    let two = get("/").append_header(("accept", "a")).append_header(("accept", "b"));
    let one = get("/").append_header(("accept", "a, b"));
    let none = get("/");
    let empty = get("/").append_header(("accept", ""));
    let keys = [two, one, none, empty].map(|req| key_of(&rules, req).0);
    let distinct: std::collections::HashSet<_> = keys.iter().collect();
    assert_eq!(distinct.len(), 4);
}

#[test]
fn credentials_are_uncovered_unless_ignored_or_keyed() {
    let rules = KeyRules {
        ignored_cookies: vec!["_ga*".into()],
        cookies: vec!["currency".into()],
        ..KeyRules::default()
    };
    let uncovered = |req| key_of(&rules, req).1;
    let cookie = |value: &'static str| get("/").insert_header(("cookie", value));
    assert_eq!(uncovered(get("/")), UncoveredCredentials::default());
    assert_eq!(uncovered(cookie("_ga_1=x; currency=EUR")), UncoveredCredentials::default());
    assert!(uncovered(cookie("_ga_1=x; session=1")).cookie);
    assert!(uncovered(get("/").insert_header(("authorization", "Basic x"))).authorization);
}

#[test]
fn trusted_forwarding_headers_are_keyed() {
    let rules = KeyRules { forwarded: Forwarded::Trust, ..KeyRules::default() };
    let plain = key_of(&rules, get("/")).0;
    let host = key_of(&rules, get("/").insert_header(("x-forwarded-host", "evil"))).0;
    let prefix = key_of(&rules, get("/").insert_header(("x-forwarded-prefix", "/x"))).0;
    assert_eq!(host.host(), "evil");
    assert!(plain != host && plain != prefix && host != prefix);
}
