//! The examples of the draft.

use actix_web::http::header::HeaderValue;
use proptest::prelude::*;

use super::*;

fn parse(value: &str) -> Option<NoVarySearch> {
    let fields = [(NO_VARY_SEARCH.clone(), HeaderValue::from_str(value).unwrap())];
    NoVarySearch::parse(fields.as_slice())
}

#[test]
fn what_is_not_understood_says_nothing() {
    // s.5.2.1: invalid, or the default in other words
    for value in [
        "",
        "unknown-key",
        "key-order=\"not a boolean\"",
        "params=\"not a boolean or inner list\"",
        "params=(not-a-string)",
        "params=(\"a\"), except=(\"x\")",
        "params=(), except=()",
        "params=?0, except=(\"x\")",
        "params, except=(not-a-string)",
        "params, except=\"not an inner list\"",
        "params, except=?1",
        "except=(\"x\")",
        "except=()",
        "params=?0",
        "params=()",
        "key-order=?0",
        "params,",
        "Params",
    ] {
        assert_eq!(parse(value), None, "{value}");
    }
    assert_eq!(NoVarySearch::parse([].as_slice()), None);
}

#[test]
fn unconventional_forms() {
    let table = [
        ("params=?1", "params"),
        ("key-order=?1", "key-order"),
        ("params, key-order, except=(\"x\")", "key-order, params, except=(\"x\")"),
        ("params;a=b, future=1", "params"),
    ];
    for (one, other) in table {
        assert!(parse(one).is_some(), "{one}");
        assert_eq!(parse(one), parse(other), "{one}");
    }
}

#[test]
fn equivalent_queries() {
    let table = [
        // s.6.1
        ("key-order", "", "&", true),
        ("key-order", "a=x", "%61=%78", true),
        ("key-order", "a=\u{e9}", "a=%C3%A9", true),
        ("key-order", "a=x&&&&", "a=x", true),
        ("key-order", "a=", "a", true),
        ("key-order", "a=%20", "a=+", true),
        ("key-order", "a=1&b=2", "b=2&a=1", true),
        ("key-order", "a=1&a=2", "a=2&a=1", false),
        ("key-order", "b=3&a=1&a=2", "a=1&a=2&b=3", true),
        ("key-order", "a=1", "a=2", false),
        ("key-order", "a=1&b=2", "a=1;b=2", false),
        ("key-order", "a=%ff", "a=%fe", false),
        ("params=(\"a\")", "a=1&b=2", "b=2", true),
        ("params=(\"a\")", "a=1&b=2", "b=2&a=3&a", true),
        ("params=(\"a\")", "%61=1&b=2", "b=2", true),
        ("params=(\"a\")", "A=1&b=2", "b=2", false),
        ("params=(\"a\")", "b=2&c=3", "c=3&b=2", false),
        ("params=(\"a\"), key-order", "b=2&c=3&a", "c=3&b=2", true),
        ("params=(\"%C3%A9+x\")", "\u{e9}+x=1", "%C3%A9%20x=2", true),
        ("params", "a=1", "b", true),
        ("params, except=(\"id\")", "id=1&a=2", "id=1", true),
        ("params, except=(\"id\")", "id=1", "id=2", false),
        ("params, except=(\"id\")", "id=1", "id=1&id=1", false),
    ];
    for (value, one, other, equivalent) in table {
        let rule = parse(value).unwrap();
        assert_eq!(rule.equivalent(one, other), equivalent, "{value}: {one} {other}");
    }
}

proptest! {
    #[test]
    fn the_canonical_query_is_its_own(query in ".{0,40}", order: bool) {
        let rule = parse(if order { "key-order" } else { "params=(\"a\")" }).unwrap();
        let canonical = rule.canonical(&query);
        prop_assert_eq!(rule.canonical(&canonical), canonical.clone());
        prop_assert!(rule.equivalent(&query, &canonical));
    }

    #[test]
    fn any_bytes_are_read_without_panic(line in prop::collection::vec(any::<u8>(), 0..60)) {
        if let Ok(value) = HeaderValue::from_bytes(&line) {
            NoVarySearch::parse([(NO_VARY_SEARCH.clone(), value)].as_slice());
        }
    }
}
