//! What unsafe methods invalidate (RFC 9111 s.4.4).

use super::{
    case::{Case, ask, method, must, should},
    examine,
};

examine!();

const HOUR: &str = "Cache-Control: max-age=3600";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for name in ["POST", "PUT", "DELETE", "PATCH", "M-SEARCH", "FOO"] {
        cases.push(must(
            format!("invalidates-{name}"),
            [ask().origin([HOUR]), method(name).asked(), ask().asked()],
        ));
        cases.push(must(
            format!("invalidates-query-{name}"),
            [ask().at("?a").origin([HOUR]), method(name).at("?a").asked(), ask().at("?a").asked()],
        ));
        for status in [400, 404, 500, 503] {
            cases.push(should(
                format!("failed-{name}-{status}"),
                [ask().origin([HOUR]), method(name).answers(status).asked(), ask().cached()],
            ));
        }
        for status in [201, 204, 301, 303] {
            cases.push(must(
                format!("invalidates-{name}-{status}"),
                [ask().origin([HOUR]), method(name).answers(status).asked(), ask().asked()],
            ));
        }
        for field in ["Location", "Content-Location"] {
            cases.extend(elsewhere(name, field));
        }
    }
    for name in ["HEAD", "OPTIONS", "TRACE"] {
        cases.push(should(
            format!("safe-{name}"),
            [ask().origin([HOUR]), method(name), ask().cached()],
        ));
    }
    cases.push(must(
        "invalidates-all-variants",
        [
            ask().with(["Foo: 1"]).origin([HOUR, "Vary: Foo"]),
            ask().with(["Foo: 2"]).origin([HOUR, "Vary: Foo"]),
            method("POST").asked(),
            ask().with(["Foo: 1"]).asked(),
            ask().with(["Foo: 2"]).asked(),
        ],
    ));
    cases
}

/// `Location` and `Content-Location` of the same origin, and of another.
fn elsewhere(name: &str, field: &str) -> Vec<Case> {
    let id = format!("{field}-{name}");
    let case = |kind: &str, value: String| {
        let place = format!("{kind}-{id}");
        let value = value.replace("PLACE", &place);
        [
            ask().at("/other").origin([HOUR]),
            method(name).origin([format!("{field}: {value}")]).asked(),
        ]
        .map(|step| (place.clone(), step))
    };
    let [(relative, one), (_, two)] = case("relative", "/PLACE/other".into());
    let [(absolute, three), (_, four)] =
        case("absolute", "http://cache.example/PLACE/other".into());
    let [(foreign, five), (_, six)] =
        case("foreign", "http://elsewhere.example/PLACE/other".into());
    vec![
        should(relative, [one, two, ask().at("/other").asked()]),
        should(absolute, [three, four, ask().at("/other").asked()]),
        must(foreign, [five, six, ask().at("/other").cached()]),
    ]
}
