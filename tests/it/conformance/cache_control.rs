//! The directives of responses (RFC 9111 s.5.2.2), `Authorization`, cookies and `Pragma`.

use super::{
    case::{Case, ask, must, should},
    examine,
};

examine!();

const HOUR: &str = "Cache-Control: max-age=3600";

fn cc(id: &str, control: &str) -> Case {
    must(format!("cc-{id}"), [ask().origin([format!("Cache-Control: {control}")]), ask().asked()])
}

fn used(id: &str, control: &str) -> Case {
    should(
        format!("cc-{id}"),
        [ask().origin([format!("Cache-Control: {control}")]), ask().after(9).cached()],
    )
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        cc("no-store", "no-store"),
        cc("no-store-fresh", "no-store, max-age=3600"),
        cc("no-store-case", "No-StOrE, max-age=3600"),
        cc("no-store-argument", "no-store=\"a\", max-age=3600"),
        cc("no-store-public", "max-age=3600, public, no-store"),
        cc("private", "private, max-age=3600"),
        cc("private-case", "Private, max-age=3600"),
        cc("private-s-maxage", "private, s-maxage=3600"),
        cc("no-cache", "no-cache"),
        cc("no-cache-fresh", "no-cache, max-age=3600"),
        cc("no-cache-case", "No-CaChE, max-age=3600"),
        cc("no-cache-s-maxage", "s-maxage=3600, no-cache"),
        used("public", "public, max-age=3600"),
        used("must-revalidate-fresh", "must-revalidate, max-age=3600"),
        used("proxy-revalidate-fresh", "proxy-revalidate, max-age=3600"),
        used("no-transform", "no-transform, max-age=3600"),
        used("immutable", "immutable, max-age=3600"),
        used("must-understand", "must-understand, no-store, max-age=3600"),
        used("must-understand-alone", "must-understand, max-age=3600"),
        cc("immutable-alone", "immutable"),
        must(
            "no-store-second-line",
            [ask().origin([HOUR, "Cache-Control: no-store"]), ask().asked()],
        ),
        must(
            "no-store-with-expires",
            [ask().origin(["Cache-Control: no-store", "Expires: @+3600"]), ask().asked()],
        ),
        must(
            "private-with-expires",
            [ask().origin(["Cache-Control: private", "Expires: @+3600"]), ask().asked()],
        ),
        must(
            "must-understand-unknown",
            [
                ask().answers(499).origin(["Cache-Control: must-understand, max-age=3600"]),
                ask().asked(),
            ],
        ),
        must(
            "must-understand-unknown-no-store",
            [
                ask()
                    .answers(499)
                    .origin(["Cache-Control: must-understand, no-store, max-age=3600"]),
                ask().asked(),
            ],
        ),
        must(
            "must-revalidate-stale",
            [ask().origin(["Cache-Control: must-revalidate, max-age=1"]), ask().after(3).asked()],
        ),
        must(
            "immutable-stale",
            [ask().origin(["Cache-Control: immutable, max-age=1"]), ask().after(3).asked()],
        ),
        should(
            "no-cache-etag",
            [
                ask().origin(["Cache-Control: no-cache", "ETag: \"a\""]),
                ask().origin(["ETag: \"a\""]).validated().sends(["If-None-Match: \"a\""]),
            ],
        ),
        should(
            "no-cache-modified",
            [
                ask().origin([
                    "Cache-Control: no-cache, max-age=60",
                    "Last-Modified: Sun, 12 Nov 2023 00:00:00 GMT",
                ]),
                ask().validated().sends(["If-Modified-Since: Sun, 12 Nov 2023 00:00:00 GMT"]),
            ],
        ),
        must(
            "no-cache-field",
            [
                ask()
                    .origin([
                        "Cache-Control: max-age=60, no-cache=\"a, B\"",
                        "A: 1",
                        "B: 2",
                        "C: 3",
                    ])
                    .sees(["A: 1", "B: 2", "C: 3"]),
                ask().lacks(["A", "B"]).sees(["C: 3"]),
            ],
        ),
        must(
            "private-field",
            [
                ask().origin(["Cache-Control: max-age=60, private=\"a\"", "A: 1"]).sees(["A: 1"]),
                ask().lacks(["A"]),
            ],
        ),
        must(
            "authorization",
            [
                ask().with(["Authorization: Basic YTpi"]).origin([HOUR]),
                ask().with(["Authorization: Basic YTpi"]).asked(),
            ],
        ),
        must(
            "authorization-then-none",
            [ask().with(["Authorization: Basic YTpi"]).origin([HOUR]), ask().asked()],
        ),
        must(
            "authorization-expires",
            [ask().with(["Authorization: Basic YTpi"]).origin(["Expires: @+3600"]), ask().asked()],
        ),
        authorized("public", "public, max-age=3600"),
        authorized("must-revalidate", "must-revalidate, max-age=3600"),
        authorized("s-maxage", "s-maxage=3600"),
        should(
            "cookie-of-request",
            [ask().with(["Cookie: a=b"]).origin([HOUR]), ask().with(["Cookie: a=c"]).cached()],
        ),
        should(
            "set-cookie",
            [
                ask().origin([HOUR, "Set-Cookie: a=b"]).sees(["Set-Cookie: a=b"]),
                ask().cached().sees(["Set-Cookie: a=b"]),
            ],
        ),
        must(
            "control-reaches-client",
            [
                ask()
                    .origin(["Cache-Control: max-age=60, x=\"y\"", "Cache-Control: public"])
                    .sees(["Cache-Control: max-age=60, x=\"y\"", "Cache-Control: public"]),
                ask().sees(["Cache-Control: max-age=60, x=\"y\"", "Cache-Control: public"]),
            ],
        ),
        must(
            "nothing-added",
            [ask().lacks(["Cache-Control", "Expires", "Age", "Vary", "ETag", "Last-Modified"])],
        ),
        should("pragma-with-control", [ask().origin([HOUR, "Pragma: no-cache"]), ask().cached()]),
        must(
            "incomplete",
            [ask().origin([HOUR, "Content-Length: 30", "Connection: close"]), ask().asked()],
        ),
        must(
            "incomplete-with-tag",
            [
                ask().origin([HOUR, "ETag: \"a\"", "Content-Length: 30", "Connection: close"]),
                ask().asked().withholds(["If-None-Match"]),
            ],
        ),
    ]
}

fn authorized(id: &str, control: &str) -> Case {
    should(
        format!("authorization-{id}"),
        [
            ask().with(["Authorization: Basic YTpi"]).origin([format!("Cache-Control: {control}")]),
            ask().with(["Authorization: Basic YTpi"]).cached(),
            ask().cached(),
        ],
    )
}
