//! Tables of what clients accept, and a property: nobody is given what they refuse.

use proptest::prelude::*;

use super::*;
use crate::semantics::fields::HeaderList;

fn accepts(lines: &[&str]) -> HeaderList {
    let field = |line: &&str| (ACCEPT_ENCODING.clone(), HeaderValue::from_str(line).unwrap());
    lines.iter().map(field).collect()
}

fn chosen(lines: &[&str], there: &[Coding]) -> &'static str {
    let req = accepts(lines);
    let chosen = Accepted::of(req.as_slice()).choose(there.iter().copied());
    chosen.map_or("identity", Coding::name)
}

#[test]
fn client_is_given_what_it_wants_most() {
    for (accepted, expected) in [
        ("", "identity"),
        ("gzip, deflate, br, zstd", "br"),
        ("gzip, zstd", "zstd"),
        ("gzip", "gzip"),
        ("x-gzip", "gzip"),
        ("GZIP", "gzip"),
        ("deflate", "identity"),
        ("*", "br"),
        ("*;q=0.1", "br"),
        ("br;q=0, *", "zstd"),
        ("br;q=0.5, gzip;q=0.9", "gzip"),
        ("br;q=0.5, gzip", "gzip"),
        ("identity, br;q=0.5", "identity"),
        ("identity, br", "br"),
        ("identity;q=0.5, br;q=0.5", "br"),
        ("identity;q=0, gzip;q=0.001", "gzip"),
        ("identity;q=0", "identity"),
        ("*;q=0", "identity"),
        ("gzip;q=0, br; q=0.000", "identity"),
        ("gzip;level=9", "identity"),
        ("br;q=0, br", "identity"),
        (" br ; q=1 , gzip", "br"),
    ] {
        assert_eq!(chosen(&[accepted], &Coding::ALL), expected, "{accepted}");
    }
    assert_eq!(chosen(&["gzip", "br"], &Coding::ALL), "br");
    assert_eq!(chosen(&[], &Coding::ALL), "identity");
    assert_eq!(chosen(&["br, gzip"], &[Coding::Gzip]), "gzip");
    assert_eq!(chosen(&["br, gzip"], &[]), "identity");
    assert_eq!(chosen(&["gzip;q=0.5, *;q=0.9"], &[Coding::Gzip]), "gzip");
}

#[cfg(feature = "redis")]
#[test]
fn coding_is_read_back_by_its_number() {
    for coding in Coding::ALL {
        assert_eq!(Coding::from_number(coding.number()), Some(coding));
    }
    assert_eq!(Coding::from_number(3), None);
}

#[test]
fn digests_and_length_are_of_the_body_that_they_came_with() {
    for name in ["content-length", "content-md5", "content-digest", "repr-digest", "digest"] {
        assert!(is_of_plain_body(&HeaderName::from_static(name)), "{name}");
    }
    for name in ["content-type", "etag", "want-digest"] {
        assert!(!is_of_plain_body(&HeaderName::from_static(name)), "{name}");
    }
}

#[test]
fn each_form_has_a_tag_of_its_own() {
    for (tag, expected) in [("\"abc\"", "\"abc-br\""), ("W/\"abc\"", "W/\"abc-br\"")] {
        assert_eq!(tag_of_form(tag.as_bytes(), Coding::Brotli).unwrap(), expected);
    }
    assert_eq!(tag_of_form(b"abc", Coding::Gzip).unwrap(), "abc-gzip");
}

#[test]
fn client_knows_any_form_that_it_could_be_given() {
    let known = |accepted: &str, named: &str, tag: &[u8], chosen, there: &[Coding]| {
        let mut req = accepts(&[accepted]);
        req.push((IF_NONE_MATCH.clone(), HeaderValue::from_str(named).unwrap()));
        known_tag(req.as_slice(), tag, chosen, |coding| there.contains(&coding))
            .map(|tag| tag.to_str().unwrap().to_owned())
    };
    let br = Some(Coding::Brotli);
    let is = |tag: &str| Some(tag.to_owned());
    assert_eq!(known("br", "\"a-br\"", b"\"a\"", br, &[Coding::Brotli]), is("\"a-br\""));
    assert_eq!(known("br", "\"a\"", b"\"a\"", br, &[Coding::Brotli]), is("\"a\""));
    assert_eq!(known("br", "\"a-br\"", b"\"a\"", None, &[]), is("\"a-br\""), "not packed yet");
    assert_eq!(known("br", "*", b"\"a\"", br, &[Coding::Brotli]), is("\"a-br\""));
    assert_eq!(known("gzip", "\"a-br\"", b"\"a\"", None, &[]), None, "not accepted any more");
    assert_eq!(known("br", "W/\"a-br\"", b"W/\"a\"", None, &[]), None, "weak, and not packed yet");
    assert_eq!(known("br", "\"b-br\"", b"\"a\"", br, &[Coding::Brotli]), None);
}

#[test]
fn text_that_nobody_has_packed_is_packed() {
    let packable = |status, lines: &[(&'static str, &'static str)]| {
        let field = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        let fields: HeaderList = lines.iter().map(field).collect();
        let status = StatusCode::from_u16(status).unwrap();
        is_packable(&ResponseView { status, fields: fields.as_slice() })
    };
    let html = ("content-type", "text/html; charset=utf-8");
    for media_type in [
        "text/css",
        "Application/JSON",
        "image/svg+xml",
        "application/ld+json;a=b",
        "application/wasm",
    ] {
        assert!(packable(200, &[("content-type", media_type)]), "{media_type}");
    }
    for media_type in ["image/png", "video/mp4", "application/zip", "text/event-stream", ""] {
        assert!(!packable(200, &[("content-type", media_type)]), "{media_type}");
    }
    assert!(!packable(200, &[]));
    assert!(!packable(404, &[html]));
    assert!(!packable(200, &[html, ("content-encoding", "gzip")]));
    assert!(!packable(200, &[html, ("cache-control", "max-age=9, no-transform")]));
    assert!(!packable(200, &[html, ("vary", "origin, Accept-Encoding")]), "the handler chooses");
    assert!(packable(200, &[html, ("vary", "origin"), ("cache-control", "max-age=9")]));
}

fn member() -> impl Strategy<Value = String> {
    let name =
        prop::sample::select(vec!["br", "gzip", "x-gzip", "zstd", "deflate", "identity", "*"]);
    let weight =
        prop::sample::select(vec!["", ";q=0", ";q=0.0", ";q=0.3", ";q=1", ";q=x", "; Q=0.5"]);
    (name, weight).prop_map(|(name, weight)| format!("{name}{weight}"))
}

proptest! {
    /// Whatever a client says: it is never given a coding that it refuses, nor the body as it is where it
    /// refuses that and accepts something that is there.
    #[test]
    fn refused_coding_is_never_chosen(
        members in prop::collection::vec(member(), 0..6),
        there in prop::sample::subsequence(Coding::ALL.to_vec(), 0..=3),
    ) {
        let req = accepts(&[&members.join(", ")]);
        let accepted = Accepted::of(req.as_slice());
        match accepted.choose(there.iter().copied()) {
            Some(coding) => {
                prop_assert!(there.contains(&coding));
                prop_assert!(accepted.weight(coding) > 0);
                let better = |other: &Coding| accepted.weight(*other) > accepted.weight(coding);
                prop_assert!(!there.iter().any(better));
            }
            None if !accepted.accepts_identity() => {
                prop_assert!(there.iter().all(|coding| accepted.weight(*coding) == 0));
            }
            None => {}
        }
    }

    #[test]
    fn any_bytes_can_be_read(line in prop::collection::vec(any::<u8>(), 0..40)) {
        if let Ok(value) = HeaderValue::from_bytes(&line) {
            let req: HeaderList = vec![(ACCEPT_ENCODING.clone(), value)];
            let _ = Accepted::of(req.as_slice()).choose(Coding::ALL.into_iter());
        }
    }
}
