//! Which names an entry has in common with a purge.

use super::*;
use crate::{key::KeyBuilder, purge::Purge};

fn concerns(purge: &Purge, key: &CacheKey, groups: &[String]) -> bool {
    let names = EntryNames::of(key, groups);
    with_name(purge.target(), |name| names.iter(true).any(|own| own == name))
}

#[test]
fn entry_has_the_names_of_all_purges_that_concern_it_and_no_others() {
    let key = KeyBuilder::new(false, "Shop.example", "/a/b", Some("q=1")).finish();
    let groups = ["g".to_owned()];
    for purge in [
        Purge::url("/a/b?q=1"),
        Purge::url("http://SHOP.example:80/a/b?q=1"),
        Purge::url("/a/b?%71=1"),
        Purge::url("http://other.example/a/b?q=1"),
        Purge::url("/a/b"),
        Purge::path("/a/b"),
        Purge::path("/a"),
        Purge::prefix("/"),
        Purge::prefix("/a"),
        Purge::prefix("/a/b"),
        Purge::prefix("/a/"),
        Purge::prefix("/a/b/c"),
        Purge::prefix("/ab"),
        Purge::group("g"),
        Purge::group("G"),
        Purge::entry(key.clone()),
        Purge::entry(key.variant(b"x")),
        Purge::all(),
    ] {
        assert_eq!(concerns(&purge, &key, &groups), purge.concerns(&key, &groups), "{purge:?}");
    }
}

#[test]
fn any_query_purge_concerns_only_no_vary_search_entries() {
    let key = KeyBuilder::new(false, "h", "/s", Some("b&a")).finish();
    let merged = key.for_queries(Some("a&b"));
    for (host, path) in [(None, "/s"), (Some("H:80"), "/s"), (Some("g"), "/s"), (None, "/t")] {
        let host = host.map(str::to_owned);
        let purge: Purge = Target::AnyQuery { host, path: path.to_owned() }.into();
        for key in [&key, &merged] {
            assert_eq!(concerns(&purge, key, &[]), purge.concerns(key, &[]), "{purge:?}");
        }
    }
}

#[test]
fn prefix_too_deep_is_named_by_an_ancestor() {
    let deep = "/x".repeat(100);
    let key = KeyBuilder::new(false, "h", &format!("{deep}/y"), None).finish();
    assert!(concerns(&Target::Prefix(deep).into(), &key, &[]));
}

#[test]
fn names_of_prefixes_can_be_left_out() {
    let key = KeyBuilder::new(false, "h", "/a/b", None).finish();
    let names = EntryNames::of(&key, &[]);
    let prefixes =
        |all| names.iter(all).filter(|name| matches!(name, TargetName::Prefix(_))).count();
    assert_eq!((prefixes(true), prefixes(false)), (3, 0));
}
