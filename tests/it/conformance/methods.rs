//! Methods other than GET (RFC 9110 s.9, RFC 9111 s.2, s.4), QUERY among them.

use super::{
    case::{Case, ask, method, must, should},
    examine,
};

examine!();

const HOUR: &str = "Cache-Control: max-age=3600";

pub(super) fn cases() -> Vec<Case> {
    let query = |content: &str| method("QUERY").content(content).with(["Content-Type: text/plain"]);
    let mut cases = vec![
        should(
            "head-from-get",
            [
                ask().origin([HOUR, "A: b"]),
                method("HEAD").after(3).cached().text("").number("Age", 3, 4).sees([
                    "A: b",
                    HOUR,
                    "Content-Length: 15",
                ]),
            ],
        ),
        must(
            "head-is-no-get",
            [
                method("HEAD").origin([HOUR, "Content-Length: 5"]),
                ask().asked().text("head-is-no-get 2"),
            ],
        ),
        must(
            "head-passes",
            [method("HEAD")
                .origin([HOUR, "Content-Length: 5", "A: b"])
                .asked()
                .text("")
                .sees(["Content-Length: 5", "A: b"])],
        ),
        must(
            "head-of-stale",
            [
                ask().origin(["Cache-Control: max-age=1"]),
                method("HEAD").after(3).origin(["Content-Length: 3"]).asked(),
            ],
        ),
        must(
            "method-in-key-options",
            [method("OPTIONS").origin([HOUR]), ask().asked(), method("OPTIONS").asked()],
        ),
        must(
            "content-reaches-origin",
            [method("POST").content("a=b").asked().sends(["Content-Length: 3"])],
        ),
        must(
            "get-with-content",
            [ask().content("a").origin([HOUR]).asked(), ask().content("b").origin([HOUR]).asked()],
        ),
        must("query-in-url", [ask().at("?a=1").origin([HOUR]), ask().at("?a=2").asked()]),
        should("query-in-url-same", [ask().at("?a=1").origin([HOUR]), ask().at("?a=1").cached()]),
        must("query-in-url-order", [ask().at("?a&b").origin([HOUR]), ask().at("?b&a").asked()]),
        must("query-empty", [ask().at("?").origin([HOUR]), ask().asked()]),
        must("path-case", [ask().at("/a").origin([HOUR]), ask().at("/A").asked()]),
        should("query-method", [query("a").origin([HOUR]), query("a").cached()]),
        must("query-method-content", [query("a").origin([HOUR]), query("b").asked()]),
        must(
            "query-method-type",
            [
                query("a").origin([HOUR]),
                method("QUERY").content("a").with(["Content-Type: text/x"]).asked(),
            ],
        ),
        must("query-method-is-no-get", [query("a").origin([HOUR]), ask().asked()]),
        must("query-method-not-from-get", [ask().origin([HOUR]), query("a").asked()]),
        should(
            "query-method-invalidates-nothing",
            [ask().origin([HOUR]), query("a").asked(), ask().cached()],
        ),
        must(
            "query-method-no-store",
            [query("a").origin(["Cache-Control: no-store"]), query("a").asked()],
        ),
        must(
            "query-method-stale",
            [query("a").origin(["Cache-Control: max-age=1"]), query("a").after(3).asked()],
        ),
    ];
    for name in ["POST", "PUT", "DELETE", "PATCH", "M-SEARCH", "FOO"] {
        cases.push(must(
            format!("not-from-store-{name}"),
            [ask().origin([HOUR]), method(name).asked()],
        ));
        cases.push(must(
            format!("not-stored-{name}"),
            [method(name).origin([HOUR]).asked(), method(name).asked()],
        ));
    }
    cases
}
