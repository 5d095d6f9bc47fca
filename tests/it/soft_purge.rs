//! Soft purges: what they name becomes stale, and is served and validated as any stale response.

use std::sync::Arc;

use actix_response_cache::{CacheHandle, Clock, Purge, Redis, ResponseCache, Rule};
use actix_web::{App, HttpRequest, HttpResponse, http::StatusCode, test::init_service, web};
use tokio::sync::Notify;

use crate::support::{Origin, SECOND, app, get, redis::RedisServer, request, send, settle};

const STALE_WINDOWS: (&str, &str) =
    ("cache-control", "max-age=100, stale-while-revalidate=30, stale-if-error=60");

/// Runs a test with a cache in memory, and with one in Redis.
async fn with_each_store(test: impl AsyncFn(&str, ResponseCache)) {
    test("memory", ResponseCache::memory()).await;
    let server = RedisServer::start();
    test("redis", ResponseCache::new(patient(&server))).await;
}

/// A busy test machine is slower than a server should be.
fn patient(server: &RedisServer) -> Redis {
    Redis::new(server.url()).connect_timeout(2 * SECOND).response_timeout(2 * SECOND)
}

fn handle(cache: &ResponseCache) -> CacheHandle {
    cache.handle().unwrap()
}

fn purges() -> [Purge; 6] {
    [
        Purge::url("/p/7?x=1"),
        Purge::url("http://shop.example/p/7?x=1"),
        Purge::path("/p/7"),
        Purge::prefix("/p"),
        Purge::group("p:7"),
        Purge::all(),
    ]
}

#[actix_rt::test]
async fn stale_is_served_at_once_and_refreshed_entry_next() {
    with_each_store(async |store, cache| {
        for purge in purges() {
            let clock = Clock::manual();
            let cache =
                cache.clone().clock(clock.clone()).rule("/p/{id}", Rule::new().groups(["p:{id}"]));
            let origin = Origin::with_fields(&[STALE_WINDOWS]);
            let app = app(&cache, &origin).await;
            send(&app, get("/p/7?x=1")).await;
            send(&app, get("/q")).await;
            settle(&cache).await;
            let what = format!("{purge:?} in {store}");
            let purged = handle(&cache).purge(&purge.clone().soft().counted()).await.unwrap();
            assert_eq!(purged.entries, Some(1 + u64::from(purge == Purge::all())), "{what}");
            let stale = send(&app, get("/p/7?x=1")).await;
            assert_eq!(stale.text(), "answer 1", "{what}");
            settle(&cache).await;
            let fresh = send(&app, get("/p/7?x=1")).await;
            assert_eq!((fresh.word(), fresh.text()), ("HIT", "answer 3"), "{what}");
            assert_eq!(send(&app, get("/q")).await.text(), "answer 2", "{what}");
            settle(&cache).await;
            handle(&cache).purge_all().await.unwrap();
        }
    })
    .await;
}

#[actix_rt::test]
async fn stale_window_starts_at_purge() {
    for (seconds, text) in [(29, "answer 1"), (31, "answer 2")] {
        let clock = Clock::manual();
        let cache = ResponseCache::memory().clock(clock.clone());
        let app = app(&cache, &Origin::with_fields(&[STALE_WINDOWS])).await;
        send(&app, get("/")).await;
        clock.advance(20 * SECOND);
        handle(&cache).soft().purge_path("/").await.unwrap();
        // a second purge does not begin the window anew
        clock.advance(5 * SECOND);
        let again = handle(&cache).soft().counted().purge_path("/").await.unwrap();
        assert_eq!(again.entries, Some(0));
        clock.advance((seconds - 5) * SECOND);
        let seen = send(&app, get("/")).await;
        assert_eq!(seen.text(), text, "{seconds} s after the purge");
        if text == "answer 1" {
            let told = seen.field("cache-status");
            assert_eq!(told, format!("actix-response-cache; hit; ttl=-{seconds}"));
        }
    }
}

#[actix_rt::test]
async fn soft_purged_entry_is_served_on_error() {
    with_each_store(async |store, cache| {
        let origin = Origin::new(|_, call| {
            let status = if call == 1 { StatusCode::OK } else { StatusCode::BAD_GATEWAY };
            let mut res = HttpResponse::build(status);
            res.insert_header(("cache-control", "max-age=100, stale-if-error=60"));
            res.body(format!("answer {call}"))
        });
        let app = app(&cache, &origin).await;
        send(&app, get("/")).await;
        settle(&cache).await;
        handle(&cache).soft().purge_all().await.unwrap();
        for _ in 0..2 {
            let seen = send(&app, get("/")).await;
            assert_eq!((seen.status.as_u16(), seen.text()), (200, "answer 1"), "{store}");
            assert_eq!(origin.calls(), 2, "{store}: asked first, and left alone once it failed");
        }
        handle(&cache).purge_all().await.unwrap();
        assert_eq!(send(&app, get("/")).await.status, 502, "{store}: gone for good");
    })
    .await;
}

#[actix_rt::test]
async fn soft_purged_entry_is_validated_without_windows() {
    with_each_store(async |store, cache| {
        let origin = Origin::new(|req, _| {
            let known = req.headers().get("if-none-match").is_some_and(|tag| tag == "\"v1\"");
            let mut res = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
            res.insert_header(("etag", "\"v1\"")).insert_header(("cache-control", "max-age=100"));
            if known { res.finish() } else { res.body("the body") }
        });
        let app = app(&cache, &origin).await;
        for calls in 1..4 {
            let seen = send(&app, get("/")).await;
            assert_eq!((seen.word(), seen.text()), ("MISS", "the body"), "{store}");
            if calls > 1 {
                assert!(seen.field("cache-status").contains("fwd-status=304"), "{store}");
            }
            settle(&cache).await;
            let hit = send(&app, get("/")).await;
            assert_eq!((hit.word(), origin.calls()), ("HIT", calls), "{store}: renewed");
            handle(&cache).soft().purge_path("/").await.unwrap();
        }
    })
    .await;
}

#[actix_rt::test]
async fn soft_purged_entry_without_validators_calls_handler() {
    with_each_store(async |store, cache| {
        let app = app(&cache, &Origin::counting()).await;
        for answer in ["answer 1", "answer 2", "answer 3"] {
            assert_eq!(send(&app, get("/")).await.text(), answer, "{store}");
            settle(&cache).await;
            assert_eq!(send(&app, get("/")).await.word(), "HIT", "{store}");
            handle(&cache).soft().purge_path("/").await.unwrap();
        }
    })
    .await;
}

#[actix_rt::test]
async fn soft_purge_makes_all_variants_stale() {
    with_each_store(async |store, cache| {
        let origin = Origin::with_fields(&[STALE_WINDOWS, ("vary", "accept-language")]);
        let app = app(&cache, &origin).await;
        let in_language = |language| get("/").insert_header(("accept-language", language));
        for language in ["de", "en"] {
            send(&app, in_language(language)).await;
            settle(&cache).await;
        }
        let purged = handle(&cache).soft().counted().purge_path("/").await.unwrap();
        assert_eq!(purged.entries, Some(2), "{store}");
        for (language, old, new) in [("de", "answer 1", "answer 3"), ("en", "answer 2", "answer 4")]
        {
            assert_eq!(send(&app, in_language(language)).await.text(), old, "{store}");
            settle(&cache).await;
            assert_eq!(send(&app, in_language(language)).await.text(), new, "{store}");
        }
    })
    .await;
}

#[actix_rt::test]
async fn fill_older_than_soft_purge_is_stored_stale() {
    with_each_store(async |store, cache| {
        let (started, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let signals = (Arc::clone(&started), Arc::clone(&go));
        let calls = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let slow = move |_: HttpRequest| {
            let (started, go) = (Arc::clone(&signals.0), Arc::clone(&signals.1));
            let call = calls.fetch_add(1, std::sync::atomic::Ordering::SeqCst) + 1;
            async move {
                started.notify_one();
                go.notified().await;
                HttpResponse::Ok().insert_header(STALE_WINDOWS).body(format!("answer {call}"))
            }
        };
        let service = App::new().wrap(cache.clone()).route("/slow", web::get().to(slow));
        let app = init_service(service).await;
        let purging = async {
            started.notified().await;
            handle(&cache).soft().purge_path("/slow").await.unwrap();
            go.notify_one();
        };
        let (first, ()) = futures_util::future::join(send(&app, get("/slow")), purging).await;
        assert_eq!(first.text(), "answer 1");
        settle(&cache).await;
        let second = send(&app, get("/slow")).await;
        assert_eq!(second.text(), "answer 1", "{store}: kept, to be served while refreshed");
        go.notify_one();
        settle(&cache).await;
        let third = send(&app, get("/slow")).await;
        assert_eq!((third.word(), third.text()), ("HIT", "answer 2"), "{store}");
    })
    .await;
}

#[actix_rt::test]
async fn unsafe_request_hard_purges_stale_entry() {
    with_each_store(async |store, cache| {
        let app = app(&cache, &Origin::with_fields(&[STALE_WINDOWS])).await;
        send(&app, get("/")).await;
        settle(&cache).await;
        handle(&cache).soft().purge_path("/").await.unwrap();
        send(&app, request("PUT", "/")).await;
        assert_eq!(send(&app, get("/")).await.text(), "answer 3", "{store}");
    })
    .await;
}
