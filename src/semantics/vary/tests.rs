//! Tables of `Vary` and of requests that match.

use actix_web::http::header::HeaderValue;
use proptest::prelude::*;

use super::*;
use crate::semantics::fields::{HeaderList, lists::fields};

type Lines<'a> = &'a [(&'static str, &'a str)];

fn written(names: &[&str], request: Lines<'_>) -> Vec<u8> {
    let names: Vec<_> = names.iter().map(|n| HeaderName::try_from(*n).unwrap()).collect();
    let mut out = Vec::new();
    write_selecting(fields(request).as_slice(), &names.into(), &mut out);
    out
}

#[test]
fn selecting_fields() {
    let table: &[(Lines<'_>, Option<&[&str]>)] = &[
        (&[], Some(&[])),
        (&[("vary", "")], Some(&[])),
        (&[("vary", "Foo")], Some(&["foo"])),
        (&[("vary", "b, A ,,b\t,c")], Some(&["a", "b", "c"])),
        (&[("vary", "b"), ("vary", "a, B")], Some(&["a", "b"])),
        (&[("vary", "*")], None),
        (&[("vary", "a, *")], None),
        (&[("vary", "*, a")], None),
        (&[("vary", "a"), ("vary", " * ")], None),
        (&[("vary", "a b")], None),
        (&[("vary", "\u{e9}")], None),
        (&[("vary", "a"), ("access-control-allow-origin", "https://x")], Some(&["a", "origin"])),
        (&[("vary", "Origin"), ("access-control-allow-origin", "https://x")], Some(&["origin"])),
        (&[("access-control-allow-origin", "null")], Some(&["origin"])),
        (&[("access-control-allow-origin", "*")], Some(&[])),
    ];
    for (lines, expected) in table {
        let found = selecting(fields(lines).as_slice());
        match expected {
            Some(names) => assert_eq!(found.unwrap(), *names, "{lines:?}"),
            None => assert_eq!(found, Err(Reason::VaryStar), "{lines:?}"),
        }
    }
}

#[test]
fn fields_that_select_are_added_once_each_in_order() {
    let mut selecting = Selecting::default();
    assert!(selecting.is_empty());
    selecting.add(&[HeaderName::from_static("b"), HeaderName::from_static("a")]);
    selecting.add(&[HeaderName::from_static("c"), HeaderName::from_static("b")]);
    assert_eq!(selecting.names, ["a", "b", "c"]);
    assert!(!selecting.is_empty());
}

#[test]
fn codings_are_learned_where_they_select() {
    let accepted = |value| fields(&[("accept-encoding", value), ("x", "1")]);
    let (brotli, gzip) = (fields(&[("content-encoding", "br")]), accepted("gzip"));
    let learned = |names: &[&'static str]| {
        let names: Vec<_> = names.iter().copied().map(HeaderName::from_static).collect();
        let mut selecting = Selecting::from(names);
        selecting.learn(accepted("gzip, br").as_slice(), brotli.as_slice());
        selecting
    };
    let written = |request: &HeaderList, selecting: &Selecting| {
        let mut out = Vec::new();
        write_selecting(request.as_slice(), selecting, &mut out);
        out
    };
    let selecting = learned(&["accept-encoding", "x"]);
    let [one, other] =
        ["br, gzip, unknown", "br"].map(|value| written(&accepted(value), &selecting));
    assert_eq!(one, other, "both are given br");
    assert_ne!(one, written(&gzip, &selecting));
    let elsewhere = fields(&[("accept-encoding", "br"), ("x", "2")]);
    assert_ne!(other, written(&elsewhere, &selecting), "other fields are written as they are");
    let alone = learned(&["x"]);
    assert_eq!(alone, Selecting::from(vec![HeaderName::from_static("x")]));
}

#[test]
fn requests_that_match() {
    let table: &[(&str, &[&str], &[&str])] = &[
        // s.4.1: white space, combining lines
        ("x", &["1"], &["1"]),
        ("x", &["1, 2"], &["1,2"]),
        ("x", &["1, 2"], &[" 1 ,\t2 "]),
        ("x", &["1, 2"], &["1", "2"]),
        ("x", &["a=\"1, 2\""], &["a=\"1, 2\""]),
        // normalizing what has identical semantics
        ("accept-encoding", &["gzip, br"], &["br,gzip"]),
        ("accept-encoding", &["gzip, br"], &["GZIP", "Br;q=1"]),
        ("accept-encoding", &["gzip;q=0.5"], &["gzip ; q=0.500"]),
        ("accept-encoding", &["gzip, gzip"], &["gzip"]),
        ("accept-encoding", &["gzip,,"], &["gzip"]),
        ("accept-language", &["EN, de;q=0.5"], &["de; Q=0.5,en"]),
        ("accept-language", &["en, de"], &["en;q=1.0, de"]),
    ];
    for (name, one, other) in table {
        let [one, other] = [one, other].map(|lines| with(name, lines));
        assert_eq!(one, other, "{name}");
    }
}

#[test]
fn requests_that_differ() {
    let table: &[(&str, &[&str], &[&str])] = &[
        ("x", &[], &[""]),
        ("x", &["1"], &["2"]),
        ("x", &["a"], &["A"]),
        ("x", &["1, 2"], &["2, 1"]),
        ("x", &["1, 2"], &["1 2"]),
        ("x", &["1, 2"], &["12"]),
        ("x", &["1"], &["1,"]),
        ("x", &["a=\"1, 2\""], &["a=\"1,2\""]),
        ("x", &["\"1", "2\""], &["\"1, 2\""]),
        ("authorization", &["a", "b"], &["a, b"]),
        ("cookie", &["a=1,b"], &["a=1, b"]),
        ("user-agent", &["x (a, b)"], &["x (a,b)"]),
        ("accept-encoding", &[], &[""]),
        ("accept-encoding", &["gzip"], &["gzip;q=0"]),
        ("accept-encoding", &["gzip"], &["gzip;q=0.9"]),
        ("accept-encoding", &["gzip"], &["gzip;q=1.1"]),
        ("accept-encoding", &["gzip;q=1, gzip;q=0"], &["gzip;q=0, gzip;q=1"]),
        ("accept-encoding", &["identity;q=0"], &[""]),
        // order counts among equals (RFC 9110 s.12.5.4)
        ("accept-language", &["en, de"], &["de, en"]),
        ("accept-language", &["en"], &["en-us"]),
    ];
    for (name, one, other) in table {
        let [one, other] = [one, other].map(|lines| with(name, lines));
        assert_ne!(one, other, "{name}");
    }
}

fn with(name: &str, lines: &[&str]) -> Vec<u8> {
    let name = HeaderName::try_from(name).unwrap();
    let request: HeaderList = lines
        .iter()
        .map(|v| (name.clone(), HeaderValue::from_bytes(v.as_bytes()).unwrap()))
        .collect();
    let mut out = Vec::new();
    write_selecting(request.as_slice(), &vec![name].into(), &mut out);
    out
}

#[test]
fn the_names_are_part_of_it() {
    let request: Lines<'_> = &[("a", "1"), ("b", "1")];
    assert_ne!(written(&["a"], request), written(&["b"], request));
    assert_ne!(written(&["a"], request), written(&["a", "b"], request));
    assert_eq!(written(&[], request), [0; 0]);
}

proptest! {
    #[test]
    fn any_other_value_is_another_variant(one in "[ -~]{0,12}", other in "[ -~]{0,12}") {
        // a field that is no list: equal only where the bytes are
        let same = one.trim() == other.trim();
        prop_assert_eq!(with("authorization", &[&one]) == with("authorization", &[&other]), same);
    }

    #[test]
    fn parts_cannot_run_into_each_other(
        a in "[a-c,]{0,4}", b in "[a-c,]{0,4}", c in "[a-c,]{0,4}", d in "[a-c,]{0,4}"
    ) {
        let one = written(&["a", "b"], &[("a", &a), ("b", &b)]);
        let other = written(&["a", "b"], &[("a", &c), ("b", &d)]);
        prop_assert_eq!(one == other, a == c && b == d);
    }

    #[test]
    fn any_bytes_are_written_without_panic(line in prop::collection::vec(any::<u8>(), 0..60)) {
        if let Ok(value) = HeaderValue::from_bytes(&line) {
            for name in [&ACCEPT_ENCODING, &ACCEPT_LANGUAGE, &COOKIE, &VARY] {
                let request = [(name.clone(), value.clone())];
                write_selecting(request.as_slice(), &vec![name.clone()].into(), &mut Vec::new());
                let _ = selecting(request.as_slice());
            }
        }
    }
}
