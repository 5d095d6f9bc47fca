//! The page of the guide that lists the suite by section of the texts is held against the suite.

use std::{fs, path::PathBuf};

use super::{
    age, cache_control,
    case::{Case, Level},
    conditional, expires, extensions, fields, freshness, invalidation, methods, ranges, requests,
    stale, statuses, targeted, update, vary,
};

/// The topics in the order of their sections: what they are about, and where that is said.
#[expect(clippy::type_complexity, reason = "a table")]
const TOPICS: [(&str, &str, &str, fn() -> Vec<Case>); 16] = [
    (
        "methods",
        "RFC 9110 s.9, RFC 9111 s.2, RFC 10008",
        "which methods are stored and forwarded, QUERY among them",
        methods::cases,
    ),
    (
        "statuses",
        "RFC 9111 s.3, s.4.2.2, RFC 9110 s.15.1",
        "which statuses are stored, with a lifetime and by a guess",
        statuses::cases,
    ),
    (
        "fields",
        "RFC 9110 s.7.6.1, RFC 9111 s.3.1",
        "which headers are forwarded, stored, replayed",
        fields::cases,
    ),
    (
        "update",
        "RFC 9111 s.3.2, s.4.3.4, s.4.3.5",
        "what a 304 and a HEAD change in what is stored",
        update::cases,
    ),
    (
        "ranges",
        "RFC 9110 s.14, RFC 9111 s.3.3, s.3.4",
        "parts of a stored whole, and partial responses",
        ranges::cases,
    ),
    ("vary", "RFC 9111 s.4.1", "variants", vary::cases),
    (
        "freshness",
        "RFC 9111 s.4.2.1, s.5.2.2.1, s.5.2.2.10, RFC 8246",
        "how long a response is fresh",
        freshness::cases,
    ),
    ("age", "RFC 9111 s.4.2.3, s.5.1", "how old it is, and the `Age` that clients see", age::cases),
    (
        "stale",
        "RFC 9111 s.4.2.4, RFC 5861",
        "when it is served stale, and when never",
        stale::cases,
    ),
    (
        "conditional",
        "RFC 9110 s.13, RFC 9111 s.4.3",
        "the client's conditions, and the cache's own",
        conditional::cases,
    ),
    ("invalidation", "RFC 9111 s.4.4", "what unsafe methods invalidate", invalidation::cases),
    ("requests", "RFC 9111 s.5.2.1, s.5.4", "directives of requests", requests::cases),
    (
        "cache_control",
        "RFC 9111 s.3.5, s.5.2.2, s.7.3",
        "directives of responses, `Authorization`, cookies",
        cache_control::cases,
    ),
    ("expires", "RFC 9111 s.4.2, s.5.3, RFC 9110 s.5.6.7", "`Expires` and dates", expires::cases),
    ("targeted", "RFC 9213", "`CDN-Cache-Control`", targeted::cases),
    (
        "extensions",
        "RFC 9211, RFC 9875, No-Vary-Search, RFC 9110 s.15.2",
        "`Cache-Status`, groups, queries that mean the same, interim responses",
        extensions::cases,
    ),
];

const BEGIN: &str = "<!-- the suite, by UPDATE_CONFORMANCE=1 -->\n";
const END: &str = "<!-- end -->\n";

fn page() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/guide/conformance.md")
}

fn table() -> String {
    let count = |cases: &[Case], level| cases.iter().filter(|case| case.level == level).count();
    let mut sums = [0, 0];
    let rows = TOPICS.map(|(topic, sections, what, cases)| {
        let cases = cases();
        let [must, should] = [Level::Required, Level::Optimal].map(|level| count(&cases, level));
        sums = [sums[0] + must, sums[1] + should];
        format!("| {sections} | {what} | {must} | {should} | `conformance/{topic}.rs` |\n")
    });
    let [must, should] = sums;
    let head = "| section | what | must | should | cases |\n| --- | --- | ---: | ---: | --- |\n";
    format!("{head}{}| | all | {must} | {should} | |\n", rows.concat())
}

#[test]
fn page_of_the_guide_lists_the_suite() {
    let page = fs::read_to_string(page()).unwrap();
    let (before, rest) = page.split_once(BEGIN).expect("the table begins");
    let (listed, after) = rest.split_once(END).expect("the table ends");
    if std::env::var_os("UPDATE_CONFORMANCE").is_some() {
        fs::write(self::page(), [before, BEGIN, &table(), END, after].concat()).unwrap();
        return;
    }
    assert_eq!(listed, table(), "UPDATE_CONFORMANCE=1 writes it anew");
}

/// Tests are named as `file.rs::test`, where the file is in `tests/it`.
#[test]
fn page_of_the_guide_names_tests_that_there_are() {
    let page = fs::read_to_string(page()).unwrap();
    let named = page.split('`').filter_map(|word| word.split_once(".rs::"));
    let mut checked = 0;
    for (file, test) in named {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/it/{file}.rs"));
        let source = fs::read_to_string(&path).unwrap_or_else(|_| panic!("{file} is no file"));
        assert!(source.contains(&format!("fn {test}()")), "{file} has no {test}");
        checked += 1;
    }
    assert!(checked >= 10, "{checked}");
}
