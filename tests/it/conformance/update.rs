//! What a 304 changes in the stored response (RFC 9111 s.3.2, s.4.3.4), and HEAD (s.4.3.5).

use super::{
    case::{Case, ask, method, must, should},
    examine,
};

examine!();

const SECOND: &str = "Cache-Control: max-age=1";
const HOUR: &str = "Cache-Control: max-age=3600";
const TAG: &str = "ETag: \"a\"";

/// A field of the 304 takes the place of the stored one.
fn updated(id: &str, old: &str, new: &str) -> Case {
    must(
        format!("update-{id}"),
        [
            ask().origin([SECOND, TAG, old]),
            ask().after(3).origin([HOUR, TAG, new]).validated().sees([new]),
            ask().after(3).cached().sees([new]),
        ],
    )
}

/// A field of the 304 leaves the stored one as it is.
fn kept(id: &str, old: &str, new: &str) -> Case {
    must(
        format!("kept-{id}"),
        [
            ask().origin([SECOND, TAG, old]).body("0123456789"),
            ask().after(3).origin([HOUR, TAG, new]).validated().sees([old]).text("0123456789"),
            ask().after(3).cached().sees([old]).text("0123456789"),
        ],
    )
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        updated("test", "Test-Header: A", "Test-Header: B"),
        updated("x-test", "X-Test-Header: A", "X-Test-Header: B"),
        updated("content-foo", "Content-Foo: A", "Content-Foo: B"),
        updated("x-content-foo", "X-Content-Foo: A", "X-Content-Foo: B"),
        updated("content-location", "Content-Location: /a", "Content-Location: /b"),
        updated("set-cookie", "Set-Cookie: a=b", "Set-Cookie: a=c"),
        updated("expires", "Expires: @+5", "Expires: Sun, 18 Nov 2029 08:49:37 GMT"),
        updated("link", "Link: <a>", "Link: <b>"),
        updated(
            "last-modified",
            "Last-Modified: Sun, 12 Nov 2023 00:00:00 GMT",
            "Last-Modified: Mon, 13 Nov 2023 00:00:00 GMT",
        ),
        updated("clear-site-data", "Clear-Site-Data: A", "Clear-Site-Data: B"),
        updated("csp", "Content-Security-Policy: A", "Content-Security-Policy: B"),
        kept("content-length", "Content-Length: 10", "Content-Length: 9"),
        kept("content-encoding", "Content-Encoding: x", "Content-Encoding: y"),
        must(
            "update-cache-control",
            [
                ask().origin([SECOND, TAG]),
                ask().after(3).origin([HOUR, TAG]).validated().sees([HOUR]),
                ask().after(60).cached().sees([HOUR]),
            ],
        ),
        must(
            "update-to-no-store",
            [
                ask().origin([SECOND, TAG]),
                ask().after(3).origin(["Cache-Control: no-store", TAG]).validated(),
                ask().asked(),
            ],
        ),
        must(
            "update-of-repeated",
            [
                ask().origin([SECOND, TAG, "A: 1", "A: 2"]),
                ask().after(3).origin([HOUR, TAG, "A: 3"]).validated().sees(["A: 3"]),
                ask().cached().sees(["A: 3"]),
            ],
        ),
        must(
            "update-adds",
            [
                ask().origin([SECOND, TAG]),
                ask().after(3).origin([HOUR, TAG, "A: 3"]).validated().sees(["A: 3"]),
                ask().cached().sees(["A: 3"]),
            ],
        ),
        must(
            "update-leaves-others",
            [
                ask().origin([SECOND, TAG, "A: 1", "Content-Type: text/x"]),
                ask()
                    .after(3)
                    .origin([HOUR, TAG])
                    .validated()
                    .sees(["A: 1", "Content-Type: text/x"]),
                ask().cached().sees(["A: 1", "Content-Type: text/x"]),
            ],
        ),
        must(
            "update-date-and-age",
            [
                ask().origin([SECOND, TAG, "Age: 5"]),
                ask().after(10).origin([HOUR, TAG]).validated().sees(["Date: @+0"]),
                ask().after(5).cached().sees(["Date: @-5"]).number("Age", 5, 6),
            ],
        ),
        must(
            "update-takes-age",
            [
                ask().origin([SECOND, TAG]),
                ask().after(10).origin([HOUR, TAG, "Age: 100"]).validated(),
                ask().after(5).cached().number("Age", 105, 106),
            ],
        ),
        should(
            "update-by-modified",
            [
                ask().origin([SECOND, "Last-Modified: Sun, 12 Nov 2023 00:00:00 GMT", "A: 1"]),
                ask().after(3).origin([HOUR, "A: 2"]).validated().sees(["A: 2"]),
                ask().cached().sees(["A: 2"]),
            ],
        ),
        should(
            "update-again",
            [
                ask().origin([SECOND, TAG]),
                ask().after(3).origin([SECOND, TAG]).validated(),
                ask().after(3).origin([HOUR, TAG]).validated().text("update-again 1"),
                ask().cached(),
            ],
        ),
        should(
            "update-hop-by-hop",
            [
                ask().origin([SECOND, TAG]),
                ask()
                    .after(3)
                    .origin([HOUR, TAG, "Connection: b", "B: 1"])
                    .validated()
                    .lacks(["B"]),
                ask().cached().lacks(["B"]),
            ],
        ),
        should(
            "update-of-the-right-variant",
            [
                ask().with(["Foo: 1"]).origin([SECOND, TAG, "Vary: Foo"]),
                ask().with(["Foo: 2"]).origin([SECOND, "ETag: \"b\"", "Vary: Foo"]),
                ask()
                    .after(3)
                    .with(["Foo: 1"])
                    .origin([HOUR, TAG, "Vary: Foo"])
                    .validated()
                    .text("update-of-the-right-variant 1"),
                ask().with(["Foo: 1"]).cached().text("update-of-the-right-variant 1"),
            ],
        ),
        must(
            "304-of-another",
            [
                ask().origin([SECOND, TAG]),
                ask().after(3).origin([HOUR, "ETag: \"b\""]).validated().text("304-of-another 2"),
                ask().stale().text("304-of-another 2").sees(["ETag: \"b\""]),
            ],
        ),
        must(
            "304-of-another-date",
            [
                ask().origin([SECOND, "Last-Modified: Sun, 12 Nov 2023 00:00:00 GMT"]),
                ask()
                    .after(3)
                    .origin([HOUR, "Last-Modified: Mon, 13 Nov 2023 00:00:00 GMT"])
                    .validated()
                    .text("304-of-another-date 2"),
            ],
        ),
        must(
            "304-without-validators",
            [
                ask().origin([SECOND, TAG]),
                ask().after(3).origin([HOUR]).validated().text("304-without-validators 1"),
                ask().cached().sees([TAG]),
            ],
        ),
        should(
            "head-freshens",
            [
                ask().origin([SECOND, TAG, "A: 1"]),
                method("HEAD")
                    .after(3)
                    .origin([HOUR, TAG, "A: 2", "Content-Length: 15"])
                    .status(200),
                ask().after(3).cached().text("head-freshens 1").sees(["A: 2"]),
            ],
        ),
        should(
            "head-with-another-tag",
            [
                ask().origin([HOUR, TAG]),
                method("HEAD")
                    .with(["Cache-Control: no-cache"])
                    .origin([HOUR, "ETag: \"b\"", "Content-Length: 23"])
                    .asked(),
                ask().asked(),
            ],
        ),
        should(
            "head-with-another-length",
            [
                ask().origin([HOUR]),
                method("HEAD")
                    .with(["Cache-Control: no-cache"])
                    .origin([HOUR, "Content-Length: 99"])
                    .asked(),
                ask().asked(),
            ],
        ),
    ]
}
