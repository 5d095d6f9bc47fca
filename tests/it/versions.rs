//! Deploys: one version of an application never reads what another one stored, and purges reach both.

use actix_response_cache::{CacheHints, EntrySearch, Memory, Purge, Redis, ResponseCache, Tiered};
use actix_web::{App, test::init_service, web};

use crate::support::{TestApp, get, redis::RedisServer, send, settle, until_async};

type Make = fn(Redis) -> ResponseCache;

/// Redis alone, and with memory before it.
const KINDS: [Make; 2] =
    [ResponseCache::new, |redis| ResponseCache::new(Tiered::new(Memory::new(), redis))];

/// A process of this version.
fn version(server: &RedisServer, make: Make, version: &str) -> ResponseCache {
    make(Redis::new(server.url())).version(version)
}

async fn serve(cache: &ResponseCache) -> impl TestApp + use<> {
    let handler = async |hints: CacheHints| {
        hints.group("shop");
        "body"
    };
    init_service(App::new().default_service(web::get().to(handler)).wrap(cache.clone())).await
}

/// Sends a request, and waits until its response is stored.
async fn word(cache: &ResponseCache, app: &impl TestApp, url: &str) -> &'static str {
    let word = send(app, get(url)).await.word();
    settle(cache).await;
    word
}

#[actix_rt::test]
async fn deploy_reads_nothing_of_the_last_version() {
    for make in KINDS {
        let server = RedisServer::start();
        let caches = ["1", "2", "1", ""].map(|name| version(&server, make, name));
        let mut words = Vec::new();
        for cache in &caches {
            let app = serve(cache).await;
            words.push([word(cache, &app, "/a").await, word(cache, &app, "/a").await]);
        }
        // the third is of the version of the first
        assert_eq!(words, [["MISS", "HIT"], ["MISS", "HIT"], ["HIT", "HIT"], ["MISS", "HIT"]]);
    }
}

#[actix_rt::test]
async fn purges_reach_every_version() {
    let purges = || {
        [
            Purge::url("http://shop.example/a"),
            Purge::path("/a"),
            Purge::prefix("/"),
            Purge::group("shop"),
            Purge::all(),
        ]
    };
    for make in KINDS {
        let server = RedisServer::start();
        let [old, new] = ["1", "2"].map(|name| version(&server, make, name));
        let apps = [serve(&old).await, serve(&new).await];
        for purge in purges() {
            for (cache, app) in [&old, &new].into_iter().zip(&apps) {
                // memory before Redis learns of another process's purge a moment later
                let is_missed = async || word(cache, app, "/a").await == "MISS";
                until_async("the purge has arrived", is_missed).await;
                assert_eq!(word(cache, app, "/a").await, "HIT", "{purge:?}");
            }
            let purged = new.handle().unwrap().purge(&purge.clone().counted()).await.unwrap();
            assert_eq!(purged.entries, Some(2), "{purge:?}");
            let _ = settle(&new).await;
        }
    }
}

#[actix_rt::test]
async fn burst_of_one_version_does_not_wait_for_the_other() {
    let server = RedisServer::start();
    let [old, new] = ["1", "2"].map(|name| version(&server, ResponseCache::new, name));
    let apps = [serve(&old).await, serve(&new).await];
    let (one, two) = futures_util::join!(word(&old, &apps[0], "/a"), word(&new, &apps[1], "/a"));
    assert_eq!([one, two], ["MISS", "MISS"]);
    let stats = [&old, &new].map(|cache| cache.handle().unwrap().stats());
    assert_eq!(stats.map(|stats| (stats.misses, stats.collapsed)), [(1, 0), (1, 0)]);
}

#[actix_rt::test]
async fn each_version_lists_its_own_entries() {
    let server = RedisServer::start();
    let [old, new] = ["1", "2"].map(|name| version(&server, ResponseCache::new, name));
    let apps = [serve(&old).await, serve(&new).await];
    word(&old, &apps[0], "/old").await;
    word(&new, &apps[1], "/new").await;
    for (cache, path) in [(&old, "/old"), (&new, "/new")] {
        let page = cache.handle().unwrap().entries(&EntrySearch::new()).await.unwrap();
        let urls: Vec<_> = page.entries.iter().map(|entry| entry.url.as_str()).collect();
        assert_eq!(urls, [format!("shop.example{path}")]);
    }
}
