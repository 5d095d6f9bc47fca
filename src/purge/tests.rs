//! What purges concern, and what is wrong with their targets.

use super::*;
use crate::key::KeyBuilder;

fn key(host: &str, path: &str, query: Option<&str>) -> CacheKey {
    KeyBuilder::new(false, host, path, query).finish()
}

#[test]
fn a_url_is_one_path_and_query_on_one_host_or_all() {
    let stored = key("Shop.example:8080", "/products/7", Some("page=2"));
    let concerned = |url: &str| Purge::url(url).concerns(&stored, &[]);
    assert!(concerned("/products/7?page=2"));
    assert!(concerned("http://shop.example:8080/products/7?page=2"));
    assert!(concerned("/products/%37/?page=2"));
    assert!(!concerned("http://other.example/products/7?page=2"));
    assert!(!concerned("/products/7"));
    assert!(!concerned("/products/7?page=22"));
}

#[test]
fn spellings_of_one_url_name_the_same() {
    let concerns = |url: &str, key: &CacheKey| Purge::url(url).concerns(key, &[]);
    let stored = key("Shop.example:80", "/gr%C3%BCn", Some("q=a%20b"));
    for spelling in [
        "/grün?q=a b",
        "/gr%c3%bcn?q=a%20b",
        "/gr%C3%BCn/?q=a+b#top",
        "//shop.example/grün?q=a b",
        "http://shop.example/grün?q=a b",
        "HTTP://SHOP.EXAMPLE:80/x/../grün?%71=a b",
        "https://user@shop.example:443/grün?q=a b",
    ] {
        assert!(concerns(spelling, &stored), "{spelling}");
        assert_eq!(Purge::url(spelling).problem(), None, "{spelling}");
    }
    for other in ["/grün", "//shop.example:8080/grün?q=a b", "/grün?q=a", "//other/grün?q=a b"]
    {
        assert!(!concerns(other, &stored), "{other}");
    }
    assert!(concerns("/a", &key("h", "/a", Some(""))), "an empty query is none");
    assert!(concerns("http://bücher.example/", &key("xn--bcher-kva.example", "/", None)));
}

#[test]
fn any_query_target_concerns_only_no_vary_search_entries() {
    let stored = key("h", "/s", Some("b=2&a=1")).for_queries(Some("a=1&b=2"));
    let any = |host: Option<&str>, path: &str| -> Purge {
        Target::AnyQuery { host: host.map(str::to_owned), path: path.to_owned() }.into()
    };
    assert!(any(None, "/s").concerns(&stored, &[]) && any(Some("h"), "/s").concerns(&stored, &[]));
    assert!(
        !any(Some("g"), "/s").concerns(&stored, &[]) && !any(None, "/t").concerns(&stored, &[])
    );
    assert!(!any(None, "/s").concerns(&key("h", "/s", Some("b=2&a=1")), &[]));
    assert!(Purge::url("/s?a=1&b=2").concerns(&stored, &[]));
}

#[test]
fn targets_under_which_nothing_can_be_stored_have_a_problem() {
    let problems = [
        Purge::url(""),
        Purge::url("products/7"),
        Purge::url("*"),
        Purge::url("/products/*"),
        Purge::url("http://shop.example/*?q=1"),
        Purge::url("ftp://shop.example/a"),
        Purge::url("http://[/"),
        Purge::path(""),
        Purge::path("products/7"),
        Purge::path("/products/*"),
        Purge::path("https://shop.example/products"),
        Purge::prefix("products"),
        Purge::prefix("/products/*"),
    ];
    for purge in problems {
        assert!(purge.problem().is_some(), "{purge:?}");
        assert!(purge.soft().problem().is_some());
    }
    for purge in [Purge::url("/s?q=*"), Purge::path("/a%2Ab"), Purge::group("*"), Purge::all()] {
        assert_eq!(purge.problem(), None, "{purge:?}");
    }
}

#[test]
fn a_path_is_every_query_and_a_prefix_whole_segments() {
    let stored = key("h", "/products/7", Some("page=2"));
    assert!(Purge::path("/products/7").concerns(&stored, &[]));
    assert!(!Purge::path("/products").concerns(&stored, &[]));
    assert!(Purge::prefix("/products").concerns(&stored, &[]));
    assert!(Purge::prefix("/").concerns(&stored, &[]));
    assert!(!Purge::prefix("/prod").concerns(&stored, &[]));
}

#[test]
fn a_soft_purge_is_of_the_first_time_that_is_said() {
    let at = Timestamp::from_secs;
    let purge = Purge::group("g").soft();
    assert!(purge.stale_since().is_some() && Purge::group("g").stale_since().is_none());
    let purge = purge.soft_since(at(2)).soft_since(at(3)).soft();
    assert_eq!(purge.stale_since(), Some(at(2)));
    assert_eq!(purge.of(Target::All), Purge::all().soft_since(at(2)));
}

#[test]
fn groups_are_compared_with_regard_to_case() {
    let stored = key("h", "/", None);
    let groups = ["products".to_owned()];
    assert!(Purge::group("products").concerns(&stored, &groups));
    assert!(!Purge::group("Products").concerns(&stored, &groups));
}
