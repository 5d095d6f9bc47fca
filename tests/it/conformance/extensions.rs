//! `Cache-Status` (RFC 9211), groups (RFC 9875), No-Vary-Search, interim responses.

use super::{
    case::{Case, ask, method, must, should},
    examine,
};

examine!();

const HOUR: &str = "Cache-Control: max-age=3600";

fn no_vary_search(id: &str, value: &str, one: &str, other: &str) -> Case {
    should(
        format!("search-{id}"),
        [
            ask().at(one).origin([HOUR.to_owned(), format!("No-Vary-Search: {value}")]),
            ask().at(other).cached(),
        ],
    )
}

fn search_varies(id: &str, value: &str, one: &str, other: &str) -> Case {
    must(
        format!("search-varies-{id}"),
        [
            ask().at(one).origin([HOUR.to_owned(), format!("No-Vary-Search: {value}")]),
            ask().at(other).asked(),
        ],
    )
}

pub(super) fn cases() -> Vec<Case> {
    let name = "actix-response-cache";
    vec![
        must(
            "status-of-a-hit",
            [
                ask().origin([HOUR]),
                ask().cached().sees([format!("Cache-Status: {name}; hit; ttl=3600")]),
            ],
        ),
        must(
            "status-of-a-miss",
            [ask().origin([HOUR]).sees([format!("Cache-Status: {name}; fwd=uri-miss; stored")])],
        ),
        must(
            "status-appended",
            [
                ask().origin([HOUR, "Cache-Status: origin; hit"]).sees([
                    "Cache-Status: origin; hit".to_owned(),
                    format!("Cache-Status: {name}; fwd=uri-miss; stored"),
                ]),
                ask().cached().sees([
                    "Cache-Status: origin; hit".to_owned(),
                    format!("Cache-Status: {name}; hit; ttl=3600"),
                ]),
            ],
        ),
        must(
            "status-of-stale",
            [
                ask().origin(["Cache-Control: max-age=1"]),
                ask()
                    .after(3)
                    .sees([format!("Cache-Status: {name}; fwd=stale; stored")])
                    .origin([HOUR]),
            ],
        ),
        must(
            "status-of-another-variant",
            [
                ask().with(["Foo: 1"]).origin([HOUR, "Vary: Foo"]),
                ask()
                    .with(["Foo: 2"])
                    .origin([HOUR, "Vary: Foo"])
                    .sees([format!("Cache-Status: {name}; fwd=vary-miss; stored")]),
            ],
        ),
        must(
            "status-of-a-refused-hit",
            [
                ask().origin([HOUR]),
                ask()
                    .with(["Cache-Control: no-cache"])
                    .origin([HOUR])
                    .sees([format!("Cache-Status: {name}; fwd=request; stored")]),
            ],
        ),
        must(
            "status-of-a-confirmed",
            [
                ask().origin(["Cache-Control: max-age=1", "ETag: \"a\""]),
                ask()
                    .after(3)
                    .origin([HOUR, "ETag: \"a\""])
                    .validated()
                    .sees([format!("Cache-Status: {name}; fwd=stale; fwd-status=304; stored")]),
            ],
        ),
        must(
            "status-of-another-method",
            [method("POST").sees([format!("Cache-Status: {name}; fwd=method")])],
        ),
        no_vary_search("params", "params", "?a=1", "?b=2"),
        no_vary_search("some", "params=(\"a\")", "?a=1&b=2", "?a=2&b=2"),
        no_vary_search("some-absent", "params=(\"a\")", "?a=1&b=2", "?b=2"),
        no_vary_search("except", "params, except=(\"b\")", "?a=1&b=2", "?c=3&b=2"),
        no_vary_search("key-order", "key-order", "?a=1&b=2", "?b=2&a=1"),
        no_vary_search("decoded", "params=(\"a\")", "?%61=1&b=2", "?a=3&b=2"),
        search_varies("other", "params=(\"a\")", "?a=1&b=2", "?a=1&b=3"),
        search_varies("except", "params, except=(\"b\")", "?a=1&b=2", "?a=1&b=3"),
        search_varies("order", "params=(\"c\")", "?a=1&b=2", "?b=2&a=1"),
        search_varies("order-of-one-key", "key-order", "?a=1&a=2", "?a=2&a=1"),
        search_varies("invalid", "params=a", "?a=1", "?a=2"),
        search_varies("invalid-except", "except=(\"b\")", "?a=1&b=2", "?a=2&b=2"),
        search_varies("nothing-said", "key-order=?0", "?a=1&b=2", "?b=2&a=1"),
        should(
            "group-invalidated",
            [
                ask().at("/a").origin([HOUR, "Cache-Groups: \"group-invalidated\""]),
                method("POST").at("/b").origin(["Cache-Group-Invalidation: \"group-invalidated\""]),
                ask().at("/a").asked(),
            ],
        ),
        must(
            "group-of-another-case",
            [
                ask().at("/a").origin([HOUR, "Cache-Groups: \"group-case\""]),
                method("POST").at("/b").origin(["Cache-Group-Invalidation: \"Group-Case\""]),
                ask().at("/a").cached(),
            ],
        ),
        must(
            "group-by-a-safe-method",
            [
                ask().at("/a").origin([HOUR, "Cache-Groups: \"group-safe\""]),
                ask().at("/b").origin(["Cache-Group-Invalidation: \"group-safe\""]),
                ask().at("/a").cached(),
            ],
        ),
        should(
            "group-reaches-client",
            [
                ask().origin([HOUR, "Cache-Groups: \"x\""]).sees(["Cache-Groups: \"x\""]),
                ask().cached().sees(["Cache-Groups: \"x\""]),
            ],
        ),
        must(
            "interim-103",
            [
                ask()
                    .interim("HTTP/1.1 103 Early Hints\r\nLink: <a>\r\nX-Interim: 1\r\n\r\n")
                    .origin([HOUR])
                    .status(200)
                    .lacks(["X-Interim"]),
                ask().cached().status(200).lacks(["X-Interim"]),
            ],
        ),
        must(
            "interim-102",
            [
                ask()
                    .interim("HTTP/1.1 102 Processing\r\nX-Interim: 1\r\n\r\n")
                    .origin([HOUR])
                    .status(200),
                ask().cached().status(200).lacks(["X-Interim"]),
            ],
        ),
        must(
            "interim-not-stored",
            [
                ask()
                    .interim("HTTP/1.1 103 Early Hints\r\nCache-Control: max-age=3600\r\n\r\n")
                    .status(200),
                ask().asked(),
            ],
        ),
    ]
}
