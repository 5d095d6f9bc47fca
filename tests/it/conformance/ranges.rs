//! Ranges from a stored whole, and 206 (RFC 9110 s.14, RFC 9111 s.3.3, s.3.4).

use super::{
    case::{Ask, Case, ask, method, must, should},
    examine,
};

examine!();

const HOUR: &str = "Cache-Control: max-age=3600";
const DIGITS: &str = "0123456789";

fn whole() -> Ask {
    ask()
        .origin([HOUR, "ETag: \"a\"", "Last-Modified: Sun, 12 Nov 2023 00:00:00 GMT", "A: b"])
        .body(DIGITS)
}

fn part(id: &str, range: &str, content_range: &str, text: &str) -> Case {
    should(
        format!("range-{id}"),
        [
            whole(),
            ask()
                .with([format!("Range: {range}")])
                .cached()
                .status(206)
                .text(text)
                .sees([
                    format!("Content-Range: bytes {content_range}/10"),
                    format!("Content-Length: {}", text.len()),
                    "A: b".to_owned(),
                    "ETag: \"a\"".to_owned(),
                ])
                .number("Age", 0, 1),
        ],
    )
}

fn ignored(id: &str, range: &str) -> Case {
    should(
        format!("no-range-{id}"),
        [whole(), ask().with([format!("Range: {range}")]).cached().status(200).text(DIGITS)],
    )
}

fn if_range(id: &str, condition: &str, status: u16) -> Case {
    let text = if status == 206 { "23" } else { DIGITS };
    should(
        format!("if-range-{id}"),
        [
            whole(),
            ask()
                .with(["Range: bytes=2-3".to_owned(), format!("If-Range: {condition}")])
                .cached()
                .status(status)
                .text(text),
        ],
    )
}

pub(super) fn cases() -> Vec<Case> {
    let of_part = || {
        ask()
            .with(["Range: bytes=0-3"])
            .answers(206)
            .origin([HOUR, "ETag: \"a\"", "Content-Range: bytes 0-3/10"])
            .body("0123")
    };
    vec![
        part("start", "bytes=0-3", "0-3", "0123"),
        part("middle", "bytes=2-3", "2-3", "23"),
        part("one", "bytes=5-5", "5-5", "5"),
        part("open", "bytes=4-", "4-9", "456789"),
        part("past-the-end", "bytes=4-99", "4-9", "456789"),
        part("suffix", "bytes=-2", "8-9", "89"),
        part("long-suffix", "bytes=-99", "0-9", DIGITS),
        part("case-of-unit", "Bytes=2-3", "2-3", "23"),
        ignored("other-unit", "lines=0-3"),
        ignored("no-number", "bytes=a-b"),
        ignored("backwards", "bytes=3-2"),
        ignored("empty", "bytes="),
        ignored("no-unit", "0-3"),
        if_range("tag", "\"a\"", 206),
        if_range("date", "Sun, 12 Nov 2023 00:00:00 GMT", 206),
        if_range("other-tag", "\"b\"", 200),
        if_range("weak-tag", "W/\"a\"", 200),
        if_range("other-date", "Mon, 13 Nov 2023 00:00:00 GMT", 200),
        should(
            "range-unsatisfiable",
            [
                whole(),
                ask().with(["Range: bytes=10-"]).status(416).sees(["Content-Range: bytes */10"]),
            ],
        ),
        should(
            "range-several",
            [whole(), ask().with(["Range: bytes=0-1, 8-9"]).cached().status(206)],
        ),
        should(
            "range-on-head",
            [
                whole(),
                method("HEAD")
                    .with(["Range: bytes=0-1"])
                    .cached()
                    .status(200)
                    .sees(["Content-Length: 10"]),
            ],
        ),
        should(
            "range-and-none-match",
            [
                whole(),
                ask().with(["Range: bytes=0-1", "If-None-Match: \"a\""]).cached().status(304),
            ],
        ),
        must("part-is-no-whole", [of_part(), ask().body(DIGITS).asked().status(200).text(DIGITS)]),
        must(
            "part-is-no-other-part",
            [
                of_part(),
                ask()
                    .with(["Range: bytes=5-6"])
                    .answers(206)
                    .origin(["Content-Range: bytes 5-6/10"])
                    .body("56")
                    .asked()
                    .text("56"),
            ],
        ),
        must(
            "part-passes",
            [of_part()
                .asked()
                .status(206)
                .text("0123")
                .sends(["Range: bytes=0-3"])
                .sees(["Content-Range: bytes 0-3/10", "Content-Length: 4"])],
        ),
        must(
            "part-leaves-the-whole",
            [
                whole(),
                of_part().with(["Cache-Control: no-cache"]).status(206).text("0123"),
                ask().body(DIGITS).status(200).text(DIGITS),
            ],
        ),
        must(
            "refused-range-passes",
            [
                ask()
                    .with(["Range: bytes=20-30"])
                    .answers(416)
                    .origin([HOUR, "Content-Range: bytes */10"])
                    .body("no")
                    .asked()
                    .status(416),
                ask().body(DIGITS).asked().status(200),
            ],
        ),
        must(
            "range-fills-with-the-whole",
            [
                ask().with(["Range: bytes=0-3"]).origin([HOUR]).body(DIGITS),
                ask().body(DIGITS).status(200).text(DIGITS),
            ],
        ),
        must(
            "range-unread-without-get",
            [method("POST").with(["Range: bytes=0-3"]).asked().sends(["Range: bytes=0-3"])],
        ),
    ]
}
