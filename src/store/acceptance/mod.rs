//! The examination for a [`Store`]: what the contract says, as checks. For stores of your own too.

#![allow(clippy::panic, reason = "a failed check is a failed test")]

pub(super) mod samples;

use std::sync::Arc;

use actix_web::http::header::{self, HeaderName};
use bytes::Bytes;
use futures_util::future::{join, join_all};

use self::samples::{KEEP, entry, key, population, purges, response, target};
use super::interface::{Put, Store};
use crate::{
    entry::{Entry, Kind, StoredResponse},
    key::{CacheKey, KeyBuilder, Part},
    purge::{Purge, PurgeNumber, Target},
};

/// Checks a store against the contract of [`Store`]. `make` makes an empty one, many times.
///
/// ```ignore
/// #[tokio::test]
/// async fn my_store_is_a_store() {
///     examine(async || MyStore::empty().await).await;
/// }
/// ```
///
/// # Panics
///
/// When the store fails a check.
pub async fn examine<S: Store>(make: impl AsyncFn() -> S) {
    what_was_put_comes_back(&make().await).await;
    another_put_replaces(&make().await).await;
    equal_keys_only(&make().await).await;
    variants_and_their_note(&make().await).await;
    for purge in purges() {
        a_purge_takes_what_it_concerns(&make().await, &purge).await;
        a_purge_is_a_fence(&make().await, &purge).await;
        // boxed, as the future of the examination is as large as its largest part
        Box::pin(a_purge_wins_every_race(&make().await, &purge)).await;
        let soft = purge.clone().soft_since(samples::LATER);
        a_soft_purge_makes_stale_or_takes(&make().await, &soft, &purge).await;
        a_soft_purge_is_a_fence(&make().await, &soft, &purge).await;
        Box::pin(a_soft_purge_wins_every_race(&make().await, &soft)).await;
    }
    marks_grow(&make().await).await;
    odd_keys_are_purged_like_others(&make().await).await;
    many_are_purged_like_few(&make().await).await;
}

async fn what_was_put_comes_back(store: &impl Store) {
    let key = key("h", "/a", Some("q=1"));
    assert!(get(store, &key).await.is_none(), "an empty store returned an entry");
    for body in [Bytes::new(), Bytes::from_static(b"\0\xff\r\n"), vec![7; 300_000].into()] {
        let entry = Entry { kind: response(&body), ..entry(&key, purge_number(store).await) };
        put(store, &entry).await;
        let Some(found) = get(store, &key).await else {
            panic!("an entry with a body of {} bytes was put and is not there", body.len());
        };
        assert_eq!(found.response().map(StoredResponse::body), Some(body.clone()), "the body");
        assert_same(&found, &entry);
    }
}

async fn another_put_replaces(store: &impl Store) {
    let key = key("h", "/a", None);
    put(store, &entry(&key, purge_number(store).await)).await;
    let second = Entry {
        groups: vec!["another".to_owned()],
        kind: response(&Bytes::from_static(b"second")),
        ..entry(&key, purge_number(store).await)
    };
    put(store, &second).await;
    assert_same(&get(store, &key).await.unwrap_or_else(|| panic!("gone after two puts")), &second);
    assert_eq!(purge(store, &Purge::all()).await, 1, "an entry that was put twice is one");
}

async fn equal_keys_only(store: &impl Store) {
    let with_part = |name: &str, value: &[u8]| {
        let mut builder = KeyBuilder::new(false, "h", "/a", None);
        builder.part(Part::Header, name, std::iter::once(value));
        builder.finish()
    };
    let keys = [
        key("h", "/a", None),
        key("h", "/a", Some("")),
        key("h", "/a", Some("q")),
        key("h:80", "/a", None),
        key("h", "/a/", None),
        key("h", "/A", None),
        with_part("x", b"1"),
        with_part("x", b"2"),
        key("h", "/a", None).variant(b"gzip"),
        key("h", "/a", None).variant(b"br"),
    ];
    for (number, key) in keys.iter().enumerate() {
        let body = Bytes::from(number.to_string());
        put(store, &Entry { kind: response(&body), ..entry(key, purge_number(store).await) }).await;
        for (other, key) in keys.iter().enumerate() {
            let found = get(store, key).await;
            let found = found.as_ref().and_then(|found| found.response()).map(StoredResponse::body);
            let expected = (other <= number).then(|| Bytes::from(other.to_string()));
            assert_eq!(found, expected, "after {number} keys, under {key:?}");
        }
    }
}

async fn variants_and_their_note(store: &impl Store) {
    let key = key("h", "/a", None);
    let since = purge_number(store).await;
    let names = vec![header::ACCEPT_ENCODING, HeaderName::from_static("x-custom")];
    let note = Entry { kind: Kind::Varies(names.into()), ..entry(&key, since) };
    put(store, &note).await;
    assert_same(&get(store, &key).await.unwrap_or_else(|| panic!("the note is gone")), &note);
    put(store, &entry(&key.variant(b"gzip"), since)).await;
    put(store, &entry(&key.variant(b"br"), since)).await;
    assert_eq!(purge(store, &Purge::path("/a")).await, 2, "responses count, the note does not");
    for key in [key.clone(), key.variant(b"gzip"), key.variant(b"br")] {
        assert!(get(store, &key).await.is_none(), "a variant or the note survived the purge");
    }
}

async fn a_purge_takes_what_it_concerns(store: &impl Store, target: &Purge) {
    let population = population();
    let since = purge_number(store).await;
    join_all(population.iter().map(async |entry| {
        put(store, &Entry { since, ..entry.clone() }).await;
    }))
    .await;
    let concerned = population.iter().filter(|entry| target.concerns(&entry.key, &entry.groups));
    let expected = u64::try_from(concerned.count()).unwrap_or(u64::MAX);
    assert_eq!(purge(store, target).await, expected, "entries that {target:?} took");
    for entry in &population {
        let is_there = get(store, &entry.key).await.is_some();
        let concerned = target.concerns(&entry.key, &entry.groups);
        assert_eq!(is_there, !concerned, "{:?} after {target:?}", entry.key);
    }
    assert_eq!(purge(store, target).await, 0, "entries that {target:?} took when done again");
}

async fn a_purge_is_a_fence(store: &impl Store, purged: &Purge) {
    let key = target().key;
    let early = Entry { since: purge_number(store).await, ..target() };
    purge_uncounted(store, purged).await;
    let kept = put(store, &early).await;
    assert_eq!(kept, Put::Refused, "begun before {purged:?} and put after it");
    let found = get(store, &key).await;
    assert!(found.is_none(), "begun before {purged:?} and put after it: it was returned");

    let kept = put(store, &Entry { since: purge_number(store).await, ..target() }).await;
    assert_eq!(kept, Put::Stored, "begun after {purged:?}");
    assert!(get(store, &key).await.is_some(), "begun after {purged:?}: it was not kept");
    put(store, &early).await;
    let since = get(store, &key).await.map(|entry| entry.since);
    assert_ne!(since, Some(early.since), "the older response replaced the newer one");
}

async fn a_purge_wins_every_race(store: &impl Store, purged: &Purge) {
    for round in 0..20 {
        let early = Entry { since: purge_number(store).await, ..target() };
        // whichever is polled first
        if round % 2 == 0 {
            join(put(store, &early), purge_uncounted(store, purged)).await;
        } else {
            join(purge_uncounted(store, purged), put(store, &early)).await;
        }
        let found = get(store, &early.key).await;
        assert!(found.is_none(), "begun before {purged:?} and put beside it: it was returned");
    }
}

async fn a_soft_purge_makes_stale_or_takes(store: &impl Store, soft: &Purge, hard: &Purge) {
    let population = population();
    let since = purge_number(store).await;
    for entry in &population {
        put(store, &Entry { since, ..entry.clone() }).await;
    }
    let concerned = population.iter().filter(|entry| soft.concerns(&entry.key, &entry.groups));
    let expected = u64::try_from(concerned.count()).unwrap_or(u64::MAX);
    assert_eq!(purge(store, soft).await, expected, "responses that {soft:?} took");
    let mut left = 0;
    for entry in &population {
        let entry = Entry { since, ..entry.clone() };
        let found = get(store, &entry.key).await;
        if soft.concerns(&entry.key, &entry.groups) {
            left += u64::from(found.is_some());
            assert_not_fresh(found.as_deref(), &entry);
        } else {
            let found = found.unwrap_or_else(|| panic!("{:?} after {soft:?}", entry.key));
            assert_same(&found, &entry);
        }
    }
    assert_eq!(purge(store, soft).await, 0, "responses that {soft:?} took when done again");
    assert_eq!(purge(store, hard).await, left, "responses that were stale, by {hard:?}");
    for entry in population.iter().filter(|entry| hard.concerns(&entry.key, &entry.groups)) {
        assert!(get(store, &entry.key).await.is_none(), "{:?} after {hard:?}", entry.key);
    }
}

async fn a_soft_purge_is_a_fence(store: &impl Store, soft: &Purge, hard: &Purge) {
    let key = target().key;
    let early = Entry { since: purge_number(store).await, ..target() };
    purge_uncounted(store, soft).await;
    let kept = put(store, &early).await;
    assert_ne!(kept, Put::Stored, "begun before {soft:?} and put after it");
    assert_not_fresh(get(store, &key).await.as_deref(), &early);

    let late = Entry { since: purge_number(store).await, ..target() };
    assert_eq!(put(store, &late).await, Put::Stored, "begun after {soft:?}");
    put(store, &early).await;
    let found = get(store, &key).await.unwrap_or_else(|| panic!("begun after {soft:?}: not kept"));
    assert_same(&found, &late);

    purge_uncounted(store, soft).await;
    purge_uncounted(store, hard).await;
    put(store, &late).await;
    assert!(get(store, &key).await.is_none(), "a soft purge made less of {hard:?}");
}

async fn a_soft_purge_wins_every_race(store: &impl Store, soft: &Purge) {
    for round in 0..20 {
        let early = Entry { since: purge_number(store).await, ..target() };
        // whichever is polled first
        if round % 2 == 0 {
            join(put(store, &early), purge_uncounted(store, soft)).await;
        } else {
            join(purge_uncounted(store, soft), put(store, &early)).await;
        }
        let found = get(store, &early.key).await;
        let fresh =
            found.is_some_and(|found| found.response().is_some_and(|r| !r.terms().soft_purged));
        assert!(!fresh, "begun before {soft:?} and put beside it: it is fresh");
    }
}

/// A soft purge since [`samples::LATER`] has made it stale, or it is gone.
fn assert_not_fresh(found: Option<&Entry>, put: &Entry) {
    if let Some(found) = found {
        assert_same(found, &put.stale_since(samples::LATER));
    }
}

async fn marks_grow(store: &impl Store) {
    let mut last = purge_number(store).await;
    for purged in purges() {
        assert!(purge_number(store).await >= last, "a purge number went back");
        purge_uncounted(store, &purged).await;
        let next = purge_number(store).await;
        assert!(next > last, "{purged:?} did not raise the purge number");
        last = next;
    }
}

async fn odd_keys_are_purged_like_others(store: &impl Store) {
    let deep = "/segment".repeat(200);
    for path in ["/*", "/a b", "/{x}", "/[a-z]", "/%3A\u{fc}", "*", &deep] {
        let key = key("h", path, Some("{*}"));
        let parent = key.path().rsplit_once('/').map_or("/", |(parent, _)| parent).to_owned();
        for target in [Target::Path(key.path().to_owned()), Target::Prefix(parent)] {
            let target = Purge::from(target);
            let early = entry(&key, purge_number(store).await);
            put(store, &early).await;
            assert!(get(store, &key).await.is_some(), "{path} was not kept");
            assert_eq!(purge(store, &target).await, 1, "{path} by {target:?}");
            put(store, &early).await;
            assert!(get(store, &key).await.is_none(), "{path} after {target:?}");
        }
    }
    let group = "g*".repeat(1000);
    let since = purge_number(store).await;
    put(store, &Entry { groups: vec![group.clone()], ..entry(&key("h", "/", None), since) }).await;
    assert_eq!(purge(store, &Purge::group("g".repeat(2000))).await, 0, "another long group");
    assert_eq!(purge(store, &Purge::group(group)).await, 1, "a long group");
}

async fn many_are_purged_like_few(store: &impl Store) {
    const MANY: u64 = 700;
    for target in [Purge::path("/many"), Purge::group("shop"), Purge::all()] {
        let since = purge_number(store).await;
        let put = |number: u64| async move {
            let key = key("h", "/many", Some(&number.to_string()));
            put(store, &Entry { groups: vec!["shop".to_owned()], ..entry(&key, since) }).await;
        };
        // a store that does I/O need not bear all of them at once
        for first in (0..MANY).step_by(50) {
            join_all((first..MANY.min(first + 50)).map(put)).await;
        }
        assert_eq!(purge(store, &target).await, MANY, "entries that {target:?} took");
    }
}

fn assert_same(found: &Entry, put: &Entry) {
    assert_eq!(samples::shown(found), samples::shown(put), "what was put and what came back");
}

async fn purge_number(store: &impl Store) -> PurgeNumber {
    store.purge_number().await.unwrap_or_else(|error| panic!("purge number: {error}"))
}

async fn get(store: &impl Store, key: &CacheKey) -> Option<Arc<Entry>> {
    store.get(key).await.unwrap_or_else(|error| panic!("get of {key:?}: {error}"))
}

async fn put(store: &impl Store, entry: &Entry) -> Put {
    let put = store.put(Arc::new(entry.clone()), KEEP).await;
    put.unwrap_or_else(|error| panic!("put of {:?}: {error}", entry.key))
}

async fn purge(store: &impl Store, target: &Purge) -> u64 {
    let purged = store.purge(&target.clone().counted()).await;
    let purged = purged.unwrap_or_else(|error| panic!("purge of {target:?}: {error}"));
    purged.entries.unwrap_or_else(|| panic!("the counted purge of {target:?} did not count"))
}

async fn purge_uncounted(store: &impl Store, target: &Purge) {
    let purged = store.purge(target).await;
    purged.unwrap_or_else(|error| panic!("purge of {target:?}: {error}"));
}
