//! The directives of requests (RFC 9111 s.5.2.1, s.5.4).

use super::{
    case::{Ask, Case, ask, must, should},
    examine,
};

examine!();

const HOUR: &str = "Cache-Control: max-age=3600";

fn wanting(directives: &str) -> Ask {
    ask().with([format!("Cache-Control: {directives}")])
}

/// A request that a response with an hour to live, and an age of half of that, does not satisfy.
fn unsatisfied(id: &str, directives: &str) -> Case {
    should(format!("request-{id}"), [ask().origin([HOUR]), wanting(directives).after(1800).asked()])
}

fn satisfied(id: &str, directives: &str) -> Case {
    should(
        format!("request-{id}"),
        [ask().origin([HOUR]), wanting(directives).after(1800).cached()],
    )
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        unsatisfied("max-age-0", "max-age=0"),
        unsatisfied("max-age-less", "max-age=1799"),
        unsatisfied("min-fresh-more", "min-fresh=1801"),
        unsatisfied("min-fresh-much", "min-fresh=99999999999"),
        unsatisfied("no-cache", "no-cache"),
        unsatisfied("no-cache-case", "No-Cache"),
        unsatisfied("no-cache-among", "foo, no-cache, max-age=3600"),
        satisfied("max-age-more", "max-age=1801"),
        satisfied("min-fresh-less", "min-fresh=1799"),
        satisfied("max-stale-fresh", "max-stale"),
        satisfied("unknown", "foo=bar"),
        satisfied("only-if-cached-hit", "only-if-cached"),
        should(
            "request-max-age-and-age",
            [ask().origin([HOUR, "Age: 1800"]), wanting("max-age=600").asked()],
        ),
        should(
            "request-min-fresh-and-age",
            [ask().origin([HOUR, "Age: 1000"]), wanting("min-fresh=3000").asked()],
        ),
        should(
            "request-max-stale",
            [
                ask().origin(["Cache-Control: max-age=1"]),
                wanting("max-stale=100").after(3).cached(),
            ],
        ),
        should(
            "request-max-stale-any",
            [ask().origin(["Cache-Control: max-age=1"]), wanting("max-stale").after(300).cached()],
        ),
        should(
            "request-max-stale-and-age",
            [
                ask().origin(["Cache-Control: max-age=1500", "Age: 2000"]),
                wanting("max-stale=1000").cached(),
            ],
        ),
        must(
            "request-max-stale-too-old",
            [ask().origin(["Cache-Control: max-age=1"]), wanting("max-stale=10").after(30).asked()],
        ),
        must(
            "request-max-stale-must-revalidate",
            [
                ask().origin(["Cache-Control: max-age=1, must-revalidate"]),
                wanting("max-stale=100").after(3).asked(),
            ],
        ),
        must(
            "request-max-stale-proxy-revalidate",
            [
                ask().origin(["Cache-Control: max-age=1, proxy-revalidate"]),
                wanting("max-stale=100").after(3).asked(),
            ],
        ),
        must(
            "request-max-stale-s-maxage",
            [
                ask().origin(["Cache-Control: s-maxage=1"]),
                wanting("max-stale=100").after(3).asked(),
            ],
        ),
        must(
            "request-max-stale-no-cache",
            [
                ask().origin(["Cache-Control: max-age=100, no-cache"]),
                wanting("max-stale=100").after(3).asked(),
            ],
        ),
        should(
            "request-no-cache-etag",
            [
                ask().origin([HOUR, "ETag: \"a\""]),
                wanting("no-cache").validated().sends(["If-None-Match: \"a\""]),
            ],
        ),
        should(
            "request-no-cache-modified",
            [
                ask().origin([HOUR, "Last-Modified: Sun, 12 Nov 2023 00:00:00 GMT"]),
                wanting("no-cache")
                    .validated()
                    .sends(["If-Modified-Since: Sun, 12 Nov 2023 00:00:00 GMT"]),
            ],
        ),
        should(
            "request-max-age-0-etag",
            [
                ask().origin([HOUR, "ETag: \"a\""]),
                wanting("max-age=0").validated().sends(["If-None-Match: \"a\""]),
            ],
        ),
        must("request-no-store", [wanting("no-store").origin([HOUR]), ask().asked()]),
        should(
            "request-no-store-leaves-stored",
            [ask().origin([HOUR]), wanting("no-store"), ask().cached()],
        ),
        should("request-only-if-cached-miss", [wanting("only-if-cached").status(504)]),
        should(
            "request-only-if-cached-stale",
            [
                ask().origin(["Cache-Control: max-age=1"]),
                wanting("only-if-cached").after(3).status(504),
            ],
        ),
        should(
            "request-no-cache-renews",
            [
                ask().origin([HOUR]),
                wanting("no-cache").origin([HOUR]).asked(),
                ask().stale().sees(["Answer-Number: 2"]),
            ],
        ),
        should("request-pragma", [ask().origin([HOUR]), ask().with(["Pragma: no-cache"]).asked()]),
        should(
            "request-pragma-with-control",
            [ask().origin([HOUR]), wanting("max-age=100").with(["Pragma: no-cache"]).cached()],
        ),
        must(
            "request-control-reaches-origin",
            [wanting("max-age=5, foo").asked().sends(["Cache-Control: max-age=5, foo"])],
        ),
    ]
}
