//! Cookies as handlers read them, by table and by property.

use actix_web::{http::header::HeaderValue, test::TestRequest};
use proptest::prelude::*;

use super::*;

fn fields(lines: &[&str]) -> HeaderMap {
    let mut fields = HeaderMap::new();
    for line in lines {
        fields.append(header::COOKIE, HeaderValue::from_bytes(line.as_bytes()).unwrap());
    }
    fields
}

#[test]
fn reads_pairs_from_all_lines() {
    let fields = fields(&["a=1; b=x=y;;c", " d= ; e=%20\"x\""]);
    let expected = [("a", "1"), ("b", "x=y"), ("", "c"), ("d", ""), ("e", "%20\"x\"")];
    assert_eq!(pairs(&fields).unwrap(), expected);
}

#[test]
fn ambiguous_cookie_lines_are_refused() {
    for line in [
        "session =mallory",
        "session\t=mallory",
        "%73ession=mallory",
        "\u{a0}session=mallory",
        "session\u{a0}=mallory",
        "a=1; session =mallory",
        "=mallory",
        "session%3Dmallory",
        "session=%ff",
        "s\u{e9}ssion=x",
    ] {
        assert_eq!(pairs(&fields(&[line])), Err(Reason::AmbiguousCookie), "{line:?}");
    }
    let mut fields = HeaderMap::new();
    fields.append(header::COOKIE, HeaderValue::from_bytes(b"session=a\xff").unwrap());
    assert_eq!(pairs(&fields), Err(Reason::AmbiguousCookie));
}

#[test]
fn names_may_be_patterns() {
    let patterns = ["theme".to_owned(), "_ga*".to_owned()];
    assert!(is_named("theme", &patterns) && is_named("_ga_X1", &patterns));
    assert!(!is_named("themes", &patterns));
}

proptest! {
    /// Whatever is sent: where two requests have the same values for the key, every reader of
    /// actix finds the same value in both.
    #[test]
    fn key_and_handler_see_the_same_cookie(a in lines(), b in lines()) {
        let value = |lines: &[String]| {
            let lines: Vec<_> = lines.iter().map(String::as_str).collect();
            let fields = fields(&lines);
            let read = pairs(&fields).ok()?;
            let keyed = values(&read, "session").map(<[u8]>::to_vec).collect::<Vec<_>>();
            let mut req = TestRequest::default();
            for line in fields.get_all(header::COOKIE) {
                req = req.append_header((header::COOKIE, line.clone()));
            }
            let req = req.to_http_request();
            let decoded = req.cookie("session").map(|cookie| cookie.value().to_owned());
            let raw = req.cookies_raw().unwrap();
            let raw = raw.iter().find(|cookie| cookie.name() == "session");
            Some((keyed, decoded, raw.map(|cookie| cookie.value().to_owned())))
        };
        if let (Some(a), Some(b)) = (value(&a), value(&b)) {
            // anonymous by the key means anonymous for the handler
            prop_assert!(!a.0.is_empty() || (a.1.is_none() && a.2.is_none()));
            if a.0 == b.0 {
                prop_assert_eq!((a.1, a.2), (b.1, b.2));
            }
        }
    }
}

/// `Cookie` lines in which the name hides in every way.
fn lines() -> impl Strategy<Value = Vec<String>> {
    let piece = prop::sample::select(vec![
        "session",
        "%73ession",
        "SESSION",
        "\u{a0}",
        " ",
        "\t",
        "=",
        "=",
        ";",
        "; ",
        "mallory",
        "alice",
        "%6dallory",
        "\"",
        ",",
        "%",
        "%ff",
        "\u{e9}",
        "a",
    ]);
    let line = prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat());
    prop::collection::vec(line, 0..3)
}
