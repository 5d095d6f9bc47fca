//! Tests of `pattern`.

use proptest::prelude::*;

use super::*;

#[test]
fn patterns_cover_what_they_match() {
    for (one, other, expected) in [
        ("/a", "/a", true),
        ("/a", "/a/", false),
        ("/a/{id}", "/a/{name}", true),
        ("/a/{id}", "/a/special", true),
        ("/a/{id}", "/a/x-{id}.json", true),
        ("/a/{id}", "/a/", false),
        ("/a/{id}", "/a/{id}/b", false),
        ("/a/{id}/b", "/a/7/b", true),
        ("/a/special", "/a/{id}", false),
        ("/{tail}*", "/a/{id}", true),
        ("/{tail:.*}", "/", true),
        ("/a/{tail:.*}", "/a", false),
        ("/a/{id:[0-9]+}", "/a/{id}", false),
        ("/a/{id:[0-9]+}", "/a/{number:[0-9]+}", true),
        ("/a/{id}", "/a/{id:[0-9]+}", false),
        ("/a/{x}.json", "/a/{y}.json", true),
        ("/a/{x}.json", "/a/{y}", false),
    ] {
        let read = |pattern| Pattern::read(pattern).unwrap();
        assert_eq!(read(one).covers(&read(other)), expected, "{one} {other}");
    }
}

#[test]
fn patterns_that_the_router_cannot_read_are_refused() {
    let letters = ('a'..='z').take(17);
    let many: String = letters.clone().flat_map(|name| ['/', '{', name, '}']).collect();
    let groups: Vec<_> = letters.map(|name| format!("(?P<{name}>.)")).collect();
    let groups = groups.concat();
    let in_regex = format!("/{{all:{groups}}}");
    for pattern in [
        "",
        "products",
        "/{id",
        "/{}",
        "/{id}/{id}",
        "/{id:[}",
        "/a*",
        "/{id}/*",
        "/{id:x}*",
        &many,
        &in_regex,
    ] {
        let error = Pattern::compile(pattern).expect_err(pattern);
        assert_eq!(error.setting(), "rule", "{pattern}");
        assert!(error.to_string().contains(pattern));
    }
}

#[test]
fn literal_prefixes_are_whole_segments() {
    for (pattern, prefix) in
        [("/a/b", "/a/b"), ("/a/{id}/b", "/a"), ("/a/x{id}", "/a"), ("/{tail}*", "")]
    {
        assert_eq!(Pattern::read(pattern).unwrap().literal_prefix(), prefix, "{pattern}");
    }
}

proptest! {
    /// Whatever is set: the router reads what is accepted, and matches without a panic.
    #[test]
    fn accepted_patterns_do_not_make_the_router_panic(
        pattern in "/[/{}:*a-c.+?()\\[\\]|<>P\\^$0-9\\\\-]{0,24}",
        path in "/[/a-c0-9.]{0,8}",
    ) {
        if let Ok(resource) = Pattern::compile(&pattern) {
            let mut captured = actix_router::Path::new(path);
            resource.capture_match_info(&mut captured);
        }
    }

    /// A pattern that covers another matches all of the paths that the other does.
    #[test]
    fn covered_patterns_match_no_further_path(
        one in "(/|/a|/b|/\\{x\\}|/\\{x\\}\\.b|/\\{x:a\\*\\}){1,3}(/\\{t\\}\\*)?",
        other in "(/|/a|/b|/\\{y\\}|/\\{y\\}\\.b|/\\{y:a\\*\\}){1,3}(/\\{t\\}\\*)?",
        path in "(/|/a|/b|/a\\.b|/aa|/c){1,4}",
    ) {
        let read = |pattern: &str| {
            Some((Pattern::read(pattern).ok()?, Pattern::compile(pattern).ok()?))
        };
        if let (Some((one, by_one)), Some((other, by_other))) = (read(&one), read(&other)) {
            let is_matched = !by_other.is_match(&path) || by_one.is_match(&path);
            prop_assert!(!one.covers(&other) || is_matched);
        }
    }
}
