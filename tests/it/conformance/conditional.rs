//! Conditional requests: the client's, answered from the store, and the cache's own
//! (RFC 9110 s.13, RFC 9111 s.4.3).

use super::{
    case::{Ask, Case, ask, method, must, should},
    examine,
};

examine!();

const HOUR: &str = "Cache-Control: max-age=3600";
const SECOND: &str = "Cache-Control: max-age=1";
const MODIFIED: &str = "Last-Modified: Sun, 12 Nov 2023 00:00:00 GMT";

/// A stored response with this entity tag, and a condition that holds or does not.
fn none_match(id: &str, tag: &str, condition: &[&str], status: u16) -> Case {
    let steps = [
        ask().origin([HOUR.to_owned(), format!("ETag: {tag}"), "A: b".to_owned()]),
        ask()
            .with(condition.iter().map(|condition| format!("If-None-Match: {condition}")))
            .cached()
            .status(status)
            .sees([format!("ETag: {tag}")]),
    ];
    should(format!("none-match-{id}"), steps)
}

fn modified_since(id: &str, fields: &[&str], since: &str, status: u16) -> Case {
    should(
        format!("modified-since-{id}"),
        [
            ask().origin([HOUR]).origin(fields.iter().copied()),
            ask().with([format!("If-Modified-Since: {since}")]).cached().status(status),
        ],
    )
}

/// A stale response with these fields is validated with those.
fn validation(id: &str, fields: &[&str], condition: &[&str]) -> Case {
    should(
        format!("validation-{id}"),
        [
            ask().origin([SECOND]).origin(fields.iter().copied()),
            ask()
                .after(3)
                .origin([SECOND])
                .origin(fields.iter().copied())
                .validated()
                .sees(["Answer-Number: 2"])
                .text(format!("validation-{id} 1"))
                .sends(condition.iter().copied()),
        ],
    )
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        none_match("strong", "\"a\"", &["\"a\""], 304),
        none_match("weak", "W/\"a\"", &["W/\"a\""], 304),
        none_match("weak-of-strong", "\"a\"", &["W/\"a\""], 304),
        none_match("strong-of-weak", "W/\"a\"", &["\"a\""], 304),
        none_match("star", "\"a\"", &["*"], 304),
        none_match("first", "\"a\"", &["\"a\", \"b\""], 304),
        none_match("second", "\"a\"", &["\"b\", \"a\""], 304),
        none_match("last", "\"a\"", &["\"b\", \"c\", \"a\""], 304),
        none_match("no-spaces", "\"a\"", &["\"b\",\"a\",\"c\""], 304),
        none_match("empty-members", "\"a\"", &[", \"b\",, \"a\""], 304),
        none_match("second-line", "\"a\"", &["\"b\"", "\"a\""], 304),
        none_match("comma-inside", "\"a,b\"", &["\"c\", \"a,b\""], 304),
        none_match("space-inside", "\"a b\"", &["\"a b\""], 304),
        none_match("backslash", "\"a\\\"", &["\"a\\\""], 304),
        none_match("empty", "\"\"", &["\"\""], 304),
        none_match("unquoted", "abc", &["abc"], 304),
        none_match("other", "\"a\"", &["\"b\""], 200),
        none_match("other-case", "\"a\"", &["\"A\""], 200),
        none_match("part-of-comma", "\"a,b\"", &["\"a\", \"b\""], 200),
        none_match("others", "\"a\"", &["\"b\", \"c\""], 200),
        none_match("longer", "\"a\"", &["\"ab\""], 200),
        none_match("lower-w", "W/\"a\"", &["\"b\", W/\"c\""], 200),
        modified_since("same", &[MODIFIED], "Sun, 12 Nov 2023 00:00:00 GMT", 304),
        modified_since("later", &[MODIFIED], "Mon, 13 Nov 2023 00:00:00 GMT", 304),
        modified_since("earlier", &[MODIFIED], "Sat, 11 Nov 2023 00:00:00 GMT", 200),
        modified_since("rfc850", &[MODIFIED], "Sunday, 12-Nov-23 00:00:00 GMT", 304),
        modified_since("asctime", &[MODIFIED], "Sun Nov 12 00:00:00 2023", 304),
        modified_since("no-date", &[MODIFIED], "foo", 200),
        modified_since("by-date", &[], "@+60", 304),
        modified_since("by-date-earlier", &[], "@-60", 200),
        must(
            "none-match-wins",
            [
                ask().origin([HOUR, MODIFIED, "ETag: \"a\""]),
                ask()
                    .with([
                        "If-None-Match: \"b\"",
                        "If-Modified-Since: Mon, 13 Nov 2023 00:00:00 GMT",
                    ])
                    .status(200),
            ],
        ),
        must(
            "none-match-wins-the-other-way",
            [
                ask().origin([HOUR, MODIFIED, "ETag: \"a\""]),
                ask()
                    .with([
                        "If-None-Match: \"a\"",
                        "If-Modified-Since: Sat, 11 Nov 2023 00:00:00 GMT",
                    ])
                    .status(304),
            ],
        ),
        must(
            "not-modified-fields",
            [
                ask().origin([HOUR, MODIFIED, "ETag: \"a\"", "Vary: Foo", "Content-Location: /x"]),
                ask().after(3).with(["If-None-Match: \"a\""]).cached().status(304).text("").sees([
                    HOUR,
                    "ETag: \"a\"",
                    "Vary: Foo",
                    "Content-Location: /x",
                    "Date: @-3",
                    "Age: 3",
                ]),
            ],
        ),
        must(
            "not-modified-expires",
            [
                ask().origin(["Expires: @+60", "ETag: \"a\""]),
                ask().with(["If-None-Match: \"a\""]).cached().status(304).sees(["Expires: @+60"]),
            ],
        ),
        should(
            "head-not-modified",
            [
                ask().origin([HOUR, "ETag: \"a\""]),
                method("HEAD").with(["If-None-Match: \"a\""]).cached().status(304),
            ],
        ),
        must(
            "condition-on-404",
            [
                ask().answers(404).origin([HOUR, "ETag: \"a\""]),
                ask().with(["If-None-Match: \"a\""]).cached().status(404),
            ],
        ),
        must(
            "condition-fills-with-the-whole",
            [
                ask().with(["If-None-Match: \"b\""]).origin([HOUR, "ETag: \"a\""]),
                ask().status(200).text("condition-fills-with-the-whole 1"),
            ],
        ),
        must(
            "not-modified-is-not-the-answer",
            [
                ask().with(["If-None-Match: \"a\""]).answers(304).origin([HOUR, "ETag: \"a\""]),
                ask().origin([HOUR]).status(200).asked(),
            ],
        ),
        must(
            "if-match-goes-to-origin",
            [
                ask().origin([HOUR, "ETag: \"a\""]),
                ask()
                    .with(["If-Match: \"b\""])
                    .answers(412)
                    .asked()
                    .sends(["If-Match: \"b\""])
                    .status(412),
                ask().stale().status(200),
            ],
        ),
        must(
            "if-unmodified-since-goes-to-origin",
            [
                ask().origin([HOUR, MODIFIED]),
                ask().with(["If-Unmodified-Since: Sat, 11 Nov 2023 00:00:00 GMT"]).asked(),
            ],
        ),
        validation("strong", &["ETag: \"a\""], &["If-None-Match: \"a\""]),
        validation("weak", &["ETag: W/\"a\""], &["If-None-Match: W/\"a\""]),
        validation("unquoted", &["ETag: abc"], &["If-None-Match: abc"]),
        validation("modified", &[MODIFIED], &["If-Modified-Since: Sun, 12 Nov 2023 00:00:00 GMT"]),
        validation(
            "both",
            &["ETag: \"a\"", MODIFIED],
            &["If-None-Match: \"a\"", "If-Modified-Since: Sun, 12 Nov 2023 00:00:00 GMT"],
        ),
    ]
    .into_iter()
    .chain(of_stale())
    .collect()
}

/// A client's condition meets a stale response.
fn of_stale() -> Vec<Case> {
    let stored = || ask().origin([SECOND, "ETag: \"a\"", MODIFIED]);
    let again = |condition: &str| -> Ask { stored().after(3).with([condition.to_owned()]) };
    vec![
        must(
            "stale-and-same-condition",
            [stored(), again("If-None-Match: \"a\"").validated().status(304)],
        ),
        must(
            "stale-and-other-condition",
            [
                stored(),
                again("If-None-Match: \"b\"")
                    .validated()
                    .status(200)
                    .text("stale-and-other-condition 1"),
            ],
        ),
        must(
            "stale-and-range",
            [
                stored().body("0123456789"),
                again("Range: bytes=2-3").validated().status(206).text("23"),
            ],
        ),
        must(
            "stale-and-changed",
            [
                stored(),
                ask().after(3).origin([HOUR, "ETag: \"b\""]).asked().sees(["ETag: \"b\""]),
                ask().stale().sees(["ETag: \"b\"", "Answer-Number: 2"]),
            ],
        ),
        must(
            "stale-and-gone",
            [
                stored(),
                ask().after(3).answers(410).origin([HOUR]).asked().status(410),
                ask().stale().status(410),
            ],
        ),
        must(
            "stale-without-validator",
            [
                ask().origin([SECOND]),
                ask().after(3).asked().withholds(["If-None-Match", "If-Modified-Since"]),
            ],
        ),
        must(
            "first-request-without-condition",
            [ask().origin([HOUR]).withholds(["If-None-Match", "If-Modified-Since"])],
        ),
        must(
            "not-modified-for-one-is-whole-for-another",
            [
                stored(),
                again("If-None-Match: \"a\"").validated().status(304),
                ask().status(200).text("not-modified-for-one-is-whole-for-another 1"),
            ],
        ),
        must(
            "stale-and-older-date",
            [
                stored(),
                again("If-Modified-Since: Sat, 11 Nov 2023 00:00:00 GMT").validated().status(200),
            ],
        ),
        must(
            "if-match-on-nothing-stored",
            [
                ask().with(["If-Match: \"b\""]).answers(412).origin([HOUR]).asked().status(412),
                ask().asked().status(200),
            ],
        ),
    ]
}
