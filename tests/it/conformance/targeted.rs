//! `CDN-Cache-Control` (RFC 9213).

use super::{
    case::{Case, ask, must, should},
    examine,
};

examine!();

fn used(id: &str, fields: &[&str]) -> Case {
    should(format!("cdn-{id}"), [ask().origin(fields.iter().copied()), ask().after(9).cached()])
}

fn not_used(id: &str, fields: &[&str]) -> Case {
    must(format!("cdn-{id}"), [ask().origin(fields.iter().copied()), ask().after(9).asked()])
}

pub(super) fn cases() -> Vec<Case> {
    const SHORT: &str = "Cache-Control: max-age=1";
    const LONG: &str = "Cache-Control: max-age=3600";
    vec![
        used("max-age", &["CDN-Cache-Control: max-age=3600"]),
        used("max-age-over-short", &["CDN-Cache-Control: max-age=3600", SHORT]),
        used(
            "max-age-over-no-store",
            &["CDN-Cache-Control: max-age=3600", "Cache-Control: no-store"],
        ),
        used(
            "max-age-over-no-cache",
            &["CDN-Cache-Control: max-age=3600", "Cache-Control: no-cache"],
        ),
        used(
            "max-age-over-private",
            &["CDN-Cache-Control: max-age=3600", "Cache-Control: private"],
        ),
        used(
            "max-age-over-s-maxage",
            &["CDN-Cache-Control: max-age=3600", "Cache-Control: s-maxage=1"],
        ),
        used("max-age-over-expires", &["CDN-Cache-Control: max-age=3600", "Expires: @-60"]),
        used("max-age-large", &["CDN-Cache-Control: max-age=99999999999", SHORT]),
        used("s-maxage", &["CDN-Cache-Control: s-maxage=3600, max-age=1"]),
        used("extension", &["CDN-Cache-Control: foo, max-age=3600, bar=?0"]),
        used("parameters", &["CDN-Cache-Control: max-age=3600;a=b;c"]),
        used("lines", &["CDN-Cache-Control: foo", "CDN-Cache-Control: max-age=3600"]),
        used("last-of-two", &["CDN-Cache-Control: max-age=1, max-age=3600"]),
        used("spaces", &["CDN-Cache-Control:   max-age=3600  ,  foo"]),
        used("broken-then-control", &["CDN-Cache-Control: max-age=1, &&", LONG]),
        used("empty-then-control", &["CDN-Cache-Control:", LONG]),
        used("trailing-comma-then-control", &["CDN-Cache-Control: no-store,", LONG]),
        used("upper-case-then-control", &["CDN-Cache-Control: No-Store", LONG]),
        used("spaced-equals-then-control", &["CDN-Cache-Control: max-age = 1", LONG]),
        used("other-targets", &["Other-Cache-Control: no-store", LONG]),
        not_used("max-age-0", &["CDN-Cache-Control: max-age=0", LONG]),
        not_used("max-age-short", &["CDN-Cache-Control: max-age=5", LONG]),
        not_used("max-age-short-expires", &["CDN-Cache-Control: max-age=5", "Expires: @+3600"]),
        not_used("age", &["CDN-Cache-Control: max-age=3600", "Age: 7200"]),
        not_used("date", &["CDN-Cache-Control: max-age=3600", "Date: @-7200"]),
        not_used("no-store", &["CDN-Cache-Control: no-store", LONG]),
        not_used("no-store-among", &["CDN-Cache-Control: max-age=3600, no-store"]),
        not_used("private", &["CDN-Cache-Control: private, max-age=3600", LONG]),
        not_used("no-cache", &["CDN-Cache-Control: no-cache, max-age=3600", LONG]),
        not_used("no-store-over-expires", &["CDN-Cache-Control: no-store", "Expires: @+3600"]),
        not_used("string", &["CDN-Cache-Control: max-age=\"3600\"", SHORT]),
        not_used("fraction", &["CDN-Cache-Control: max-age=3600.0", SHORT]),
        not_used("token", &["CDN-Cache-Control: max-age=abc", SHORT]),
        not_used("negative", &["CDN-Cache-Control: max-age=-3600", LONG]),
        not_used("only-extension", &["CDN-Cache-Control: foo", LONG]),
        not_used("broken-then-short", &["CDN-Cache-Control: max-age=3600, &&", SHORT]),
        must(
            "cdn-must-revalidate",
            [
                ask().origin(["CDN-Cache-Control: max-age=1, must-revalidate"]),
                ask().after(3).breaks().status(502),
            ],
        ),
        should(
            "cdn-passes-on",
            [
                ask()
                    .origin(["CDN-Cache-Control: max-age=60", LONG])
                    .sees(["CDN-Cache-Control: max-age=60", LONG]),
                ask().cached().sees(["CDN-Cache-Control: max-age=60", LONG]),
            ],
        ),
        should(
            "cdn-update",
            [
                ask().origin(["CDN-Cache-Control: max-age=1", "ETag: \"a\""]),
                ask().after(3).origin(["CDN-Cache-Control: max-age=60", "ETag: \"a\""]).validated(),
                ask().after(9).cached(),
            ],
        ),
        should(
            "cdn-stale-if-error",
            [
                ask().origin(["CDN-Cache-Control: max-age=1, stale-if-error=60"]),
                ask().after(3).answers(503).stale().status(200),
            ],
        ),
        should(
            "cdn-forgets-must-revalidate",
            [
                ask().origin(["CDN-Cache-Control: max-age=1", "Cache-Control: must-revalidate"]),
                ask().after(3).breaks().stale().status(200),
            ],
        ),
        must(
            "cdn-authorization",
            [
                ask()
                    .with(["Authorization: Basic YTpi"])
                    .origin(["CDN-Cache-Control: max-age=60", "Cache-Control: public"]),
                ask().asked(),
            ],
        ),
    ]
}
