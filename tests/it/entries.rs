//! Looking into a cache: stored responses in pages, what a purge would take, running handler calls.

use std::pin::pin;

use actix_response_cache::{EntrySearch, Purge, ResponseCache, StoreErrorKind};
use actix_web::{App, test::init_service};
use futures_util::future::join;

use crate::support::{
    Origin, SECOND, app,
    gate::{Gate, is_waiting},
    get, get_with, send, settle,
};

fn urls(page: &actix_response_cache::EntryPage) -> Vec<&str> {
    page.entries.iter().map(|entry| entry.url.as_str()).collect()
}

#[actix_rt::test]
async fn pages_have_each_response_once() {
    let cache = ResponseCache::memory();
    let app = app(&cache, &Origin::with_fields(&[("cache-groups", "\"g\"")])).await;
    for n in 0..150 {
        send(&app, get(&format!("/a/{n}"))).await;
    }
    send(&app, get("/b?q=1")).await;
    let handle = settle(&cache).await;
    let (mut seen, mut search) = (Vec::new(), Some(EntrySearch::new().limit(40)));
    while let Some(asked) = search {
        let page = handle.entries(&asked).await.unwrap();
        assert!(page.is_listed && page.entries.len() <= 40);
        seen.extend(urls(&page).into_iter().map(str::to_owned));
        search = page.next.map(|next| asked.from(next));
    }
    seen.sort_unstable();
    let before = seen.len();
    seen.dedup();
    assert_eq!((before, seen.len()), (151, 151));

    let found = handle.entries(&EntrySearch::new().containing("/b")).await.unwrap();
    assert_eq!((urls(&found), &found.next), (vec!["shop.example/b?q=1"], &None));
    let entry = &found.entries[0];
    assert_eq!((entry.status, entry.lifetime, entry.groups.len()), (200, 60 * SECOND, 1));
    assert!(entry.bytes > entry.body_bytes && entry.body_bytes == 10);
}

#[actix_rt::test]
async fn purged_response_is_not_listed() {
    let cache = ResponseCache::memory();
    let app = app(&cache, &Origin::counting()).await;
    send(&app, get("/a")).await;
    let handle = settle(&cache).await;
    assert_eq!(handle.entries(&EntrySearch::new()).await.unwrap().entries.len(), 1);
    handle.purge_path("/a").await.unwrap();
    assert_eq!(handle.entries(&EntrySearch::new()).await.unwrap().entries, []);
}

#[actix_rt::test]
async fn preview_is_what_the_purge_then_takes() {
    let cache = ResponseCache::memory();
    let fields = &[("vary", "accept-language"), ("cache-groups", "\"g\"")];
    let app = app(&cache, &Origin::with_fields(fields)).await;
    let purges = [
        Purge::url("/a/1?x"),
        Purge::path("/a/1"),
        Purge::prefix("/a"),
        Purge::group("g"),
        Purge::all(),
    ];
    for (purge, expected) in purges.iter().zip([2, 4, 14, 16, 16]) {
        for language in ["de", "en"] {
            for url in ["/a/1", "/a/1?x", "/a/2", "/a/3", "/a/4", "/a/5", "/a/6", "/b"] {
                send(&app, get_with(url, ("accept-language", language))).await;
            }
        }
        let handle = settle(&cache).await;
        let soft = handle.soft();
        assert_eq!(soft.preview(purge).await.unwrap().responses, Some(expected), "{purge:?}");
        assert_eq!(handle.preview(purge).await.unwrap().responses, Some(expected), "{purge:?}");
        assert_eq!(
            handle.preview(purge).await.unwrap().responses,
            Some(expected),
            "nothing is purged"
        );
        soft.counted().purge(purge).await.unwrap();
        assert_eq!(
            soft.preview(purge).await.unwrap().responses,
            Some(0),
            "all are stale: {purge:?}"
        );
        let purged = handle.counted().purge(purge).await.unwrap();
        assert_eq!(purged.entries, Some(expected), "{purge:?}");
        assert_eq!(handle.preview(purge).await.unwrap().responses, Some(0), "{purge:?}");
    }
}

#[actix_rt::test]
async fn preview_of_no_target_is_an_error() {
    let handle = ResponseCache::memory().handle().unwrap();
    let error = handle.preview(&Purge::path("a")).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::NoTarget);
}

#[actix_rt::test]
async fn running_handler_calls_are_listed_with_those_who_wait() {
    let cache = ResponseCache::memory();
    let gate = Gate::counting();
    let app = init_service(App::new().wrap(cache.clone()).default_service(gate.route())).await;
    let handle = cache.handle().unwrap();
    assert_eq!(handle.flights(), []);
    let both = join(send(&app, get("/slow?q")), send(&app, get("/slow?q")));
    let mut both = pin!(both);
    assert!(is_waiting(&mut both).await);
    let calls = handle.flights();
    let shown: Vec<_> =
        calls.iter().map(|call| (call.url.as_str(), call.leaders, call.followers)).collect();
    assert_eq!(shown, [("shop.example/slow?q", 1, 1)]);
    gate.open();
    both.await;
    assert_eq!(handle.flights(), []);
}
