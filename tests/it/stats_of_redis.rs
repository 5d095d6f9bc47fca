//! How a process does with Redis, as its statistics and metrics say it.

use actix_response_cache::{CacheHandle, Memory, Redis, RedisHealth, ResponseCache, Tiered};

use crate::support::{Origin, app, get, redis::RedisServer, send, settle, until};

fn health(handle: &CacheHandle) -> RedisHealth {
    handle.stats().store.redis.expect("a store with Redis")
}

#[actix_rt::test]
async fn outage_is_seen_while_it_lasts_and_counted() {
    let mut server = RedisServer::start();
    let store = Tiered::new(Memory::new(), Redis::new(server.url()));
    let cache = ResponseCache::new(store);
    let app = app(&cache, &Origin::counting()).await;
    send(&app, get("/a")).await;
    let handle = settle(&cache).await;
    until("announcements arrive", || health(&handle).announcement_lag.is_some()).await;
    let before = health(&handle);
    assert!(before.is_subscribed && !before.is_away, "{before:?}");
    assert!(before.exchanges.count() > 0 && before.exchanges.sum().as_micros() > 0);
    assert_eq!((before.outages, before.pending_purges, before.corrupt), (0, 0, 0));
    let stats = handle.stats();
    assert_eq!((stats.store.store, stats.last_error.is_none()), ("tiered", true));
    assert!(stats.store.capacity.is_some() && stats.store.evictions.is_some());

    server.kill();
    for n in 0..8 {
        send(&app, get(&format!("/{n}"))).await;
    }
    let purged = handle.purge_path("/a").await.expect("it is kept");
    assert!(purged.pending);
    let during = health(&handle);
    assert!(during.is_away && during.outages == 1 && during.pending_purges >= 1, "{during:?}");
    let failed: u64 = during.errors.iter().map(|(_, count)| count).sum();
    assert!(failed >= 5, "{during:?}");
    let error = handle.stats().last_error.expect("the last failure");
    assert!(!error.problem.is_empty() && !error.doing.is_empty());
    let text = handle.prometheus_text();
    for line in ["http_cache_store_away 1", "http_cache_store_outages_total 1"] {
        assert!(text.lines().any(|there| there == line), "{line} is not in\n{text}");
    }

    server.restart();
    until("it is over", || {
        let after = health(&handle);
        !after.is_away && after.is_subscribed && after.pending_purges == 0
    })
    .await;
    assert_eq!(health(&handle).outages, 1);
}
