//! Keys of different requests differ, and secrets are not in them.

use proptest::prelude::*;

use super::*;

fn key(host: &str, path: &str, query: Option<&str>, parts: &[(String, Vec<String>)]) -> CacheKey {
    let mut builder = KeyBuilder::new(false, host, path, query);
    for (name, values) in parts {
        builder.part(Part::Header, name, values.iter().map(String::as_bytes));
    }
    builder.finish()
}

#[test]
fn a_key_tells_its_url() {
    let key = key("example.com", "/a//b", Some("q=1"), &[]);
    assert_eq!((key.host(), key.path(), key.query()), ("example.com", "/a/b", "?q=1"));
    let read = CacheKey::from_bytes(key.as_bytes()).unwrap();
    assert_eq!((read.host(), read.path(), read.query()), ("example.com", "/a/b", "?q=1"));
}

#[test]
fn another_query_is_as_if_it_had_come_so() {
    let parts = [("x".to_owned(), vec!["1".to_owned()])];
    let long = key("h", "/a", Some("b=2&c=3"), &parts);
    assert_eq!(long.with_query(Some("c=3")), key("h", "/a", Some("c=3"), &parts));
    assert_eq!(long.with_query(None), key("h", "/a", None, &parts));
    assert_eq!(long.with_query(None).query(), "");
}

#[test]
fn a_key_for_other_queries_says_so_and_is_another() {
    let plain = key("h", "/a", Some("a=1&b=2"), &[]);
    let merged = key("h", "/a", Some("b=2&a=1"), &[]).for_queries(Some("a=1&b=2"));
    assert_eq!((merged.query(), merged.answers_other_queries()), ("?a=1&b=2", true));
    assert!(merged != plain && !plain.answers_other_queries());
    let read = CacheKey::from_bytes(merged.as_bytes()).unwrap();
    assert!(read.answers_other_queries() && read.variant(b"x").answers_other_queries());
    assert!(merged.for_queries(None).answers_other_queries());
}

#[test]
fn a_key_that_is_built_knows_when_it_is_too_long() {
    let builder = KeyBuilder::new(false, "h", "/a", Some("b=1"));
    let length = builder.finish().as_bytes().len();
    let exceeds = |limit| KeyBuilder::new(false, "h", "/a", Some("b=1")).exceeds(limit);
    assert_eq!([length - 1, length, length + 1].map(exceeds), [true, false, false]);
}

#[test]
fn a_key_shares_no_fewer_bytes_than_it_has() {
    let key = key("example.com", "/a//b", Some("q=1"), &[]);
    assert!(key.shared_bytes() >= key.as_bytes().len() + key.path().len());
}

#[test]
fn people_are_shown_the_beginning_of_the_digest() {
    let key = key("h", "/a", None, &[]);
    let digest = u128::from_be_bytes(key.digest());
    assert_eq!(key.short_digest(), format!("{digest:032x}")[..2 * 6]);
}

#[test]
fn a_key_is_of_its_url_alone_until_a_part_is_added() {
    let of_url = key("h", "/a", Some("b=1"), &[]);
    let with_header = key("h", "/a", Some("b=1"), &[("x".to_owned(), vec![])]);
    assert!(KeyParts::of(&of_url).is_of_url_alone());
    assert!(!KeyParts::of(&with_header).is_of_url_alone());
}

#[test]
fn boundaries_between_parts_are_kept() {
    let none: &[(String, Vec<String>)] = &[];
    assert_ne!(key("ab", "/c", None, none), key("a", "b/c", None, none));
    assert_ne!(key("a", "/c", Some(""), none), key("a", "/c", None, none));
    let values = |values: &[&str]| {
        key("h", "/", None, &[("x".into(), values.iter().map(|v| (*v).to_owned()).collect())])
    };
    assert_ne!(values(&[]), values(&[""]));
    assert_ne!(values(&["a", "b"]), values(&["a,b"]));
    assert_ne!(values(&["a", ""]), values(&["a"]));
}

#[test]
fn secrets_are_not_in_the_key() {
    let with = |secret: &[u8]| {
        let mut builder = KeyBuilder::new(true, "h", "/", None);
        let token = b"Bearer hunter2".as_slice();
        builder.secret_part(Part::Auth, "", std::iter::once(token), &Secret::new(secret));
        builder.finish()
    };
    let key = with(b"one");
    assert!(!key.as_bytes().windows(7).any(|window| window == b"hunter2"));
    assert_eq!(key, with(b"one"));
    assert_ne!(key, with(b"two"));
    assert_eq!(format!("{key:?}"), "CacheKey(h/)");
    assert_eq!(format!("{:?}", Secret::new(b"one")), "Secret");
}

type Parts = (String, String, Option<String>, Vec<(String, Vec<String>)>);

fn parts() -> impl Strategy<Value = Parts> {
    // a small alphabet, so that different parts often concatenate to the same text
    let text = || "[a,/?]{0,3}";
    let values = prop::collection::vec(text(), 0..3);
    (text(), text(), prop::option::of(text()), prop::collection::vec((text(), values), 0..3))
}

proptest! {
    #[test]
    fn different_parts_are_different_keys(a in parts(), b in parts()) {
        let same = a == b;
        let a = key(&a.0, &a.1, a.2.as_deref(), &a.3);
        let b = key(&b.0, &b.1, b.2.as_deref(), &b.3);
        prop_assert_eq!(a == b, same);
        prop_assert_eq!(a.digest() == b.digest(), same);
    }

    #[test]
    fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        if let Some(key) = CacheKey::from_bytes(&bytes) {
            let _ = (key.host(), key.path(), key.query());
            prop_assert_eq!(key.as_bytes(), bytes);
        }
    }
}
