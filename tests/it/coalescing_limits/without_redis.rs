//! Bursts while Redis cannot be reached.

use actix_response_cache::ResponseCache;
use actix_web::HttpResponse;
use futures_util::future::{join, join_all};
use tokio::time::sleep;

use crate::support::{
    Seen,
    gate::{Gate, gated, rest},
    get, get_with,
    redis::RedisServer,
    send, until,
};

use super::{MILLISECOND, many};

/// Caches whose Redis cannot be reached.
fn caches_without_redis() -> [(&'static str, ResponseCache); 2] {
    let url = "redis://127.0.0.1:1";
    [("plain", ResponseCache::redis(url)), ("tiered", ResponseCache::tiered(url))]
}

/// Sends requests at once, and lets the handler go when all have looked in vain.
async fn burst_without_store(cache: &ResponseCache, gate: &Gate, count: usize) -> Vec<Seen> {
    let app = gated(cache, gate).await;
    let answers = join_all(many(count).into_iter().map(|request| send(&app, request)));
    let open = async {
        until("the store is asked", || cache.handle().unwrap().stats().errors >= count as u64)
            .await;
        sleep(50 * MILLISECOND).await;
        gate.open_wide();
    };
    join(answers, open).await.0
}

#[actix_rt::test]
async fn burst_calls_handler_once_without_redis() {
    for (name, cache) in caches_without_redis() {
        let gate = Gate::counting();
        let answers = burst_without_store(&cache, &gate, 100).await;
        assert!(answers.iter().all(|seen| seen.text() == "answer 1"), "{name}");
        assert_eq!(gate.calls(), 1, "{name}");
        let stats = cache.handle().unwrap().stats();
        assert_eq!((stats.collapsed, stats.flights), (99, 0), "{name}");
    }
}

#[actix_rt::test]
async fn response_shared_without_redis_is_not_reported_stored() {
    let (_, cache) = caches_without_redis().into_iter().next().unwrap();
    let gate = Gate::counting();
    for seen in burst_without_store(&cache, &gate, 10).await {
        let status = seen.field("cache-status");
        assert!(!status.contains("stored"), "{status}");
        assert!(status.contains("detail=store-failed"), "{status}");
    }
    assert_eq!(cache.handle().unwrap().stats().stores, 0);
}

#[actix_rt::test]
async fn guards_on_sharing_hold_without_redis() {
    for field in
        [("cache-control", "private"), ("cache-control", "no-store"), ("set-cookie", "a=b")]
    {
        for (name, cache) in caches_without_redis() {
            let gate = Gate::with_field(field);
            let mut answers = burst_without_store(&cache, &gate, 10).await;
            answers.sort_by(|a, b| a.text().cmp(b.text()));
            answers.dedup_by(|a, b| a.text() == b.text());
            assert_eq!(answers.len(), 10, "{name} {field:?}: each has its own");
        }
    }
}

#[actix_rt::test]
async fn variants_are_shared_only_by_their_selectors_without_redis() {
    for (name, cache) in caches_without_redis() {
        let gate = Gate::new(|req, _| {
            let language = req.headers().get("accept-language").unwrap().to_str().unwrap();
            let mut res = HttpResponse::Ok();
            res.insert_header(("vary", "accept-language"));
            Ok(res.body(language.to_owned()))
        });
        let app = gated(&cache, &gate).await;
        let languages = ["de", "en"];
        let requests = (0..20).map(|n| get_with("/", ("accept-language", languages[n % 2])));
        let answers = join_all(requests.map(|request| send(&app, request)));
        let open = async {
            until("the store is asked", || cache.handle().unwrap().stats().errors >= 20).await;
            sleep(50 * MILLISECOND).await;
            gate.open_wide();
        };
        for (n, seen) in join(answers, open).await.0.iter().enumerate() {
            assert_eq!(seen.text(), languages[n % 2], "{name}");
        }
        assert!(gate.calls() <= 4, "{name}: {} calls", gate.calls());
    }
}

#[actix_rt::test]
async fn request_after_purge_does_not_share_earlier_call_without_redis() {
    for (name, cache) in caches_without_redis() {
        let gate = Gate::counting();
        let app = gated(&cache, &gate).await;
        let before = send(&app, get("/"));
        let after = async {
            until("the handler is called", || gate.calls() == 1).await;
            // pending, as Redis is away, and yet it holds here
            assert!(cache.handle().unwrap().purge_path("/").await.unwrap().pending);
            let after = join_all(many(20).into_iter().map(|request| send(&app, request)));
            let open = async {
                rest().await;
                sleep(50 * MILLISECOND).await;
                gate.open_wide();
            };
            join(after, open).await.0
        };
        let (before, after) = join(before, after).await;
        assert_eq!(before.text(), "answer 1");
        assert!(after.iter().all(|seen| seen.text() != "answer 1"), "{name}");
        assert_eq!(gate.calls(), 2, "{name}");
    }
}

#[actix_rt::test]
async fn response_is_shared_when_redis_dies_before_put() {
    let caches: [fn(String) -> ResponseCache; 2] = [ResponseCache::redis, ResponseCache::tiered];
    for make in caches {
        let mut server = RedisServer::start();
        let cache = make(server.url());
        let gate = Gate::counting();
        let app = gated(&cache, &gate).await;
        let answers = join_all(many(50).into_iter().map(|request| send(&app, request)));
        let go = async {
            until("the handler is called", || gate.calls() == 1).await;
            server.kill();
            sleep(100 * MILLISECOND).await;
            gate.open_wide();
        };
        let answers = join(answers, go).await.0;
        assert!(answers.iter().all(|seen| seen.text() == "answer 1"));
        assert_eq!(gate.calls(), 1);
    }
}
