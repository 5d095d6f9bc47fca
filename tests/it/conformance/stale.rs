//! Stale responses: when they may be used, and when never (RFC 9111 s.4.2.4, RFC 5861).

use super::{
    case::{Ask, Case, ask, must, should},
    examine,
};

examine!();

fn stored(control: &str) -> Ask {
    ask().origin([format!("Cache-Control: {control}")])
}

/// Within its window a stale response takes the place of a failure.
fn instead_of(id: &str, failing: Ask) -> Case {
    should(
        format!("if-error-{id}"),
        [
            stored("max-age=1, stale-if-error=60"),
            failing.after(3).stale().status(200).number("Age", 3, 4),
        ],
    )
}

/// A directive forbids it, also beside others that allow it.
fn never(id: &str, control: &str, failing: Ask, status: u16) -> Case {
    must(format!("never-stale-{id}"), [stored(control), failing.after(3).status(status)])
}

pub(super) fn cases() -> Vec<Case> {
    let broken = || ask().breaks();
    let unavailable = || ask().answers(503);
    vec![
        instead_of("close", broken()),
        instead_of("500", ask().answers(500)),
        instead_of("502", ask().answers(502)),
        instead_of("503", unavailable()),
        instead_of("504", ask().answers(504)),
        should(
            "if-error-with-tag",
            [
                ask().origin(["Cache-Control: max-age=1, stale-if-error=60", "ETag: \"a\""]),
                unavailable().after(3).stale().status(200),
            ],
        ),
        should(
            "if-error-again-and-again",
            [
                stored("max-age=1, stale-if-error=60"),
                unavailable().after(3).stale().status(200),
                broken().after(3).stale().status(200),
                stored("max-age=60").asked().status(200),
            ],
        ),
        should(
            "if-error-of-request",
            [
                stored("max-age=1"),
                unavailable()
                    .with(["Cache-Control: stale-if-error=60"])
                    .after(3)
                    .stale()
                    .status(200),
            ],
        ),
        should(
            "closed-without-a-window",
            [stored("max-age=1"), broken().after(3).stale().status(200)],
        ),
        should("503-without-a-window", [stored("max-age=1"), unavailable().after(3).stale()]),
        should(
            "closed-after-many-failures",
            [
                ask().origin(["Expires: @+1"]),
                broken().after(3).stale().status(200),
                unavailable().after(300).stale().status(200),
            ],
        ),
        must(
            "if-error-window-ends",
            [stored("max-age=1, stale-if-error=10"), unavailable().after(30).status(503)],
        ),
        must(
            "if-error-not-for-404",
            [stored("max-age=1, stale-if-error=60"), ask().answers(404).after(3).status(404)],
        ),
        must(
            "if-error-not-while-it-works",
            [stored("max-age=1, stale-if-error=60"), stored("max-age=60").after(3).asked()],
        ),
        never("must-revalidate-close", "max-age=1, must-revalidate", broken(), 502),
        never("must-revalidate-503", "max-age=1, must-revalidate", unavailable(), 503),
        never("proxy-revalidate-close", "max-age=1, proxy-revalidate", broken(), 502),
        never("proxy-revalidate-503", "max-age=1, proxy-revalidate", unavailable(), 503),
        never("s-maxage-close", "s-maxage=1", broken(), 502),
        never("s-maxage-503", "s-maxage=1", unavailable(), 503),
        never("no-cache-close", "max-age=60, no-cache", broken(), 502),
        never("no-cache-503", "max-age=60, no-cache", unavailable(), 503),
        never(
            "window-must-revalidate",
            "max-age=1, stale-if-error=60, must-revalidate",
            broken(),
            502,
        ),
        never(
            "window-proxy-revalidate",
            "max-age=1, stale-if-error=60, proxy-revalidate",
            unavailable(),
            503,
        ),
        never("window-s-maxage", "s-maxage=1, stale-if-error=60", unavailable(), 503),
        never("window-no-cache", "max-age=60, no-cache, stale-if-error=60", broken(), 502),
        must("failure-without-anything-stored", [broken().status(502)]),
        must("failure-is-not-stored", [broken().status(502), ask().asked().status(200)]),
        must(
            "failure-keeps-what-is-stored",
            [
                ask().origin(["Cache-Control: max-age=1, must-revalidate", "ETag: \"a\""]),
                broken().after(3).status(502),
                ask().origin(["ETag: \"a\""]).validated(),
            ],
        ),
        should(
            "while-revalidate",
            [
                stored("max-age=1, stale-while-revalidate=60"),
                stored("max-age=60").after(3).refreshed_behind().number("Age", 3, 4),
            ],
        ),
        must(
            "while-revalidate-window-ends",
            [stored("max-age=1, stale-while-revalidate=10"), ask().after(30).asked()],
        ),
        must(
            "while-revalidate-must-revalidate",
            [
                stored("max-age=1, stale-while-revalidate=60, must-revalidate"),
                ask().after(3).asked(),
            ],
        ),
        must(
            "while-revalidate-s-maxage",
            [stored("s-maxage=1, stale-while-revalidate=60"), ask().after(3).asked()],
        ),
        must(
            "while-revalidate-no-cache",
            [stored("max-age=1, no-cache, stale-while-revalidate=60"), ask().after(3).asked()],
        ),
        must(
            "while-revalidate-fresh",
            [stored("max-age=60, stale-while-revalidate=60"), ask().after(3).cached()],
        ),
        must(
            "no-warning",
            [stored("max-age=1, stale-if-error=60"), unavailable().after(3).lacks(["Warning"])],
        ),
    ]
}
