//! Looking into a cache over Redis, of one tier or two, and into a store of the application's own.

use actix_response_cache::{
    EntryPage, EntrySearch, Memory, Purge, Redis, ResponseCache, StoreErrorKind, Tiered,
};

use crate::{
    custom_store::Table,
    support::{Origin, SECOND, app, get, get_with, redis::RedisServer, send, settle},
};

fn caches(server: &RedisServer) -> [ResponseCache; 2] {
    let redis = |prefix| Redis::new(server.url()).key_prefix(prefix).response_timeout(2 * SECOND);
    [
        ResponseCache::new(redis("one:")),
        ResponseCache::new(Tiered::new(Memory::new(), redis("two:"))),
    ]
}

fn urls(page: &EntryPage) -> Vec<&str> {
    let mut urls: Vec<_> = page.entries.iter().map(|entry| entry.url.as_str()).collect();
    urls.sort_unstable();
    urls
}

#[actix_rt::test]
async fn entries_of_other_processes_are_listed_and_counted() {
    let server = RedisServer::start();
    for (cache, other) in caches(&server).into_iter().zip(caches(&server)) {
        let fields = &[("vary", "accept-language"), ("cache-groups", "\"g\"")];
        let app = app(&cache, &Origin::with_fields(fields)).await;
        for url in ["/a?q=1", "/a", "/b"] {
            for language in ["de", "en"] {
                send(&app, get_with(url, ("accept-language", language))).await;
            }
        }
        settle(&cache).await;
        let handle = other.handle().unwrap();
        let page = handle.entries(&EntrySearch::new()).await.unwrap();
        let expected = ["shop.example/a", "shop.example/a?q=1", "shop.example/b"];
        assert_eq!(urls(&page), expected.iter().flat_map(|url| [*url; 2]).collect::<Vec<_>>());
        assert!(page.is_listed && page.next.is_none());
        let entry = &page.entries[0];
        assert_eq!((entry.status, entry.lifetime, entry.body_bytes), (200, 60 * SECOND, 8));
        assert_eq!(entry.groups, ["g"]);
        assert!(entry.age < 30 * SECOND && entry.bytes > 100);
        let found = handle.entries(&EntrySearch::new().containing("q=").limit(1)).await.unwrap();
        assert_eq!(urls(&found), ["shop.example/a?q=1"]);

        for (purge, expected) in [
            (Purge::url("/a?q=1"), 2),
            (Purge::path("/a"), 4),
            (Purge::group("g"), 6),
            (Purge::prefix("/"), 6),
            (Purge::all(), 6),
        ] {
            let preview = handle.preview(&purge).await.unwrap();
            assert_eq!(preview.to_string(), expected.to_string(), "{purge:?}");
        }
        handle.counted().purge_path("/a").await.unwrap();
        assert_eq!(handle.preview(&Purge::all()).await.unwrap().responses, Some(2));
        let page = handle.entries(&EntrySearch::new()).await.unwrap();
        assert_eq!(urls(&page), ["shop.example/b"; 2]);
    }
}

#[actix_rt::test]
async fn without_redis_nothing_is_said() {
    let mut server = RedisServer::start();
    let caches = caches(&server);
    server.kill();
    for cache in caches {
        let handle = cache.handle().unwrap();
        let error = handle.entries(&EntrySearch::new()).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable);
        let error = handle.preview(&Purge::all()).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    }
}

#[actix_rt::test]
async fn search_that_begins_nowhere_is_an_error() {
    let server = RedisServer::start();
    let [redis, tiered] = caches(&server);
    for cache in [redis, tiered, ResponseCache::memory()] {
        let search = EntrySearch::new().from("nowhere");
        let error = cache.handle().unwrap().entries(&search).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::NoTarget);
    }
}

#[actix_rt::test]
async fn store_of_the_application_does_not_say_what_it_has() {
    let cache = ResponseCache::new(Table::default());
    send(&app(&cache, &Origin::counting()).await, get("/a")).await;
    let handle = settle(&cache).await;
    let page = handle.entries(&EntrySearch::new()).await.unwrap();
    assert_eq!((page.is_listed, page.entries.len(), page.next), (false, 0, None));
    assert_eq!(handle.preview(&Purge::all()).await.unwrap().to_string(), "not known");
}
