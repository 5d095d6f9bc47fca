//! Refreshes in a fleet: what other processes have stored is exported, and what is refreshed is there for
//! all of them.

use actix_response_cache::{Memory, Redis, Tiered};

use super::*;
use crate::support::redis::RedisServer;

/// The caches of one process: over Redis, and with memory before it.
fn process(server: &RedisServer) -> [ResponseCache; 2] {
    let redis = |prefix| Redis::new(server.url()).key_prefix(prefix);
    let stores = [
        ResponseCache::new(redis("one:")),
        ResponseCache::new(Tiered::new(Memory::new(), redis("two:"))),
    ];
    stores.map(|cache| cache.rule("/products/{id}", Rule::new().groups(["products"])))
}

#[actix_rt::test]
async fn keys_of_other_processes_are_exported_and_refreshed_for_all() {
    let server = RedisServer::start();
    for (one, other) in process(&server).into_iter().zip(process(&server)) {
        let origin = Origin::counting();
        let (first, second) = (app(&one, &origin).await, app(&other, &origin).await);
        for number in 0..30 {
            send(&first, get(&format!("/products/{number}"))).await;
        }
        settle(&one).await;
        let handle = other.handle().unwrap();
        let all = handle.export_keys(1000).await;
        assert_eq!(all.len(), 30, "{all:?}");
        handle.purge_all().await.unwrap();
        assert_eq!(handle.export_keys(1000).await, [""; 0]);
        let urls: Vec<_> = all.iter().map(String::as_str).collect();
        let report = while_asked(&second, "/products/0", &handle, &urls).await;
        settle(&other).await;
        assert_eq!(report.stored(), 30, "{report:?}");
        let calls = origin.calls();
        for number in 0..30 {
            let seen = send(&first, get(&format!("/products/{number}"))).await;
            assert_eq!(verdict(&seen), "hit", "{number}");
        }
        assert_eq!(origin.calls(), calls);
    }
}

#[actix_rt::test]
async fn purge_asks_again_for_what_was_popular_and_other_processes_find_it() {
    let server = RedisServer::start();
    for (one, other) in process(&server).into_iter().zip(process(&server)) {
        let origin = Origin::counting();
        let (first, second) = (app(&one, &origin).await, app(&other, &origin).await);
        make_popular(&first, &["/products/1", "/else"]).await;
        send(&first, get("/products/2")).await;
        settle(&one).await;
        let calls = origin.calls();
        one.handle().unwrap().then_refresh().purge_group("products").await.unwrap();
        while origin.calls() == calls {
            send(&first, get("/else")).await;
            actix_rt::task::yield_now().await;
        }
        settle(&one).await;
        assert_eq!(origin.calls(), calls + 1, "one of the two was popular");
        assert_eq!(verdict(&send(&second, get("/products/1")).await), "hit");
        assert_eq!(verdict(&send(&second, get("/products/2")).await), "fwd=uri-miss; stored");
    }
}
