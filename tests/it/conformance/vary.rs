//! `Vary` (RFC 9111 s.4.1).

use super::{
    case::{Ask, Case, ask, must, should},
    examine,
};

examine!();

const HOUR: &str = "Cache-Control: max-age=3600";

fn varied(by: &str, fields: &[&str]) -> Ask {
    let vary = by.split('|').map(|line| format!("Vary: {line}"));
    ask().origin([HOUR]).origin(vary).with(fields.iter().copied())
}

fn same(id: &str, by: &str, one: &[&str], other: &[&str]) -> Case {
    should(format!("vary-{id}"), [varied(by, one), varied(by, other).cached()])
}

fn other(id: &str, by: &str, one: &[&str], other: &[&str]) -> Case {
    must(format!("vary-{id}"), [varied(by, one), varied(by, other).asked()])
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        same("same", "Foo", &["Foo: 1"], &["Foo: 1"]),
        same("absent", "Foo", &[], &[]),
        same("unnamed", "Foo", &["Foo: 1", "Bar: 1"], &["Foo: 1", "Bar: 2"]),
        same("two", "Foo, Bar", &["Foo: 1", "Bar: a"], &["Bar: a", "Foo: 1"]),
        same("two-lines", "Foo|Bar", &["Foo: 1", "Bar: a"], &["Foo: 1", "Bar: a"]),
        same("three", "Foo, Bar, Baz", &["Foo: 1", "Bar: a"], &["Foo: 1", "Bar: a"]),
        same("case-of-name", "fOO", &["Foo: 1"], &["Foo: 1"]),
        same("empty-members", ", Foo,,", &["Foo: 1"], &["Foo: 1"]),
        same("lines-combined", "Foo", &["Foo: 1, 2"], &["Foo: 1", "Foo: 2"]),
        same("space", "Foo", &["Foo: 1,2"], &["Foo: 1,  2"]),
        same("space-before-comma", "Foo", &["Foo: 1, 2"], &["Foo: 1 , 2"]),
        same(
            "language-space",
            "Accept-Language",
            &["Accept-Language: en, de"],
            &["Accept-Language: en,de"],
        ),
        same(
            "language-case",
            "Accept-Language",
            &["Accept-Language: en, de"],
            &["Accept-Language: eN, De"],
        ),
        other("other", "Foo", &["Foo: 1"], &["Foo: 2"]),
        other("left-out", "Foo", &["Foo: 1"], &[]),
        other("added", "Foo", &[], &["Foo: 1"]),
        other("empty-is-not-absent", "Foo", &[], &["Foo:"]),
        other("one-of-two", "Foo, Bar", &["Foo: 1", "Bar: a"], &["Foo: 1", "Bar: b"]),
        other("one-of-two-lines", "Foo|Bar", &["Foo: 1", "Bar: a"], &["Foo: 1", "Bar: b"]),
        other("one-of-three", "Foo, Bar, Baz", &["Foo: 1", "Baz: a"], &["Foo: 1", "Baz: b"]),
        other("lines-in-order", "Foo", &["Foo: 1", "Foo: 2"], &["Foo: 2", "Foo: 1"]),
        other("quoted-space", "Foo", &["Foo: \"a b\""], &["Foo: \"a  b\""]),
        other("case-of-value", "Foo", &["Foo: a"], &["Foo: A"]),
        other("one-more", "Foo", &["Foo: 1"], &["Foo: 1, 1"]),
        other("star", "*", &["Foo: 1"], &["Foo: 1"]),
        other("star-second", "Foo, *", &["Foo: 1"], &["Foo: 1"]),
        other("star-first", "*, Foo", &["Foo: 1"], &["Foo: 1"]),
        other("star-after-empty", ", *", &["Foo: 1"], &["Foo: 1"]),
        other("star-on-another-line", "Foo|*", &["Foo: 1"], &["Foo: 1"]),
        other("stars", "*, *", &[], &[]),
        should(
            "vary-three-variants",
            [
                varied("Foo", &["Foo: 1"]),
                varied("Foo", &["Foo: 2"]).asked(),
                varied("Foo", &["Foo: 3"]).asked(),
                varied("Foo", &["Foo: 1"]).cached().sees(["Answer-Number: 1"]),
                varied("Foo", &["Foo: 2"]).cached().sees(["Answer-Number: 2"]),
                varied("Foo", &["Foo: 3"]).cached().sees(["Answer-Number: 3"]),
            ],
        ),
        should(
            "vary-reaches-client",
            [
                varied("Foo|Bar", &[]).sees(["Vary: Foo", "Vary: Bar"]),
                ask().cached().sees(["Vary: Foo", "Vary: Bar"]),
            ],
        ),
        must(
            "vary-is-learned",
            [
                ask().with(["Foo: 1"]).origin([HOUR]),
                ask().with(["Foo: 2", "Cache-Control: no-cache"]).origin([HOUR, "Vary: Foo"]),
                ask().with(["Foo: 3"]).origin([HOUR, "Vary: Foo"]),
                ask().with(["Foo: 2"]).cached().sees(["Answer-Number: 2"]),
            ],
        ),
        must(
            "vary-changes",
            [
                ask().with(["Foo: 1", "Bar: 1"]).origin([HOUR, "Vary: Foo"]),
                ask().with(["Foo: 2", "Bar: 1"]).origin([HOUR, "Vary: Bar"]).asked(),
                ask().with(["Foo: 2", "Bar: 2"]).origin([HOUR, "Vary: Bar"]).asked(),
            ],
        ),
        must(
            "vary-and-query",
            [varied("Foo", &["Foo: 1"]).at("?a"), varied("Foo", &["Foo: 1"]).at("?b").asked()],
        ),
    ]
}
