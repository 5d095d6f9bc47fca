//! `stale-while-revalidate`: the stale response is served at once, and one refresh follows.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use actix_response_cache::{
    CacheHints, Clock, Purge, Purged, ResponseCache, Store, StoreError,
    store::{CacheKey, Entry, PurgeNumber, Put},
};
use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    middleware::{Condition, Logger},
    test::init_service,
    web,
};

use futures_util::FutureExt as _;
use tokio::sync::oneshot;

use crate::custom_store::Table;
use crate::support::{Origin, SECOND, app, get, get_with, request, send, settle};

const WINDOW: (&str, &str) = ("cache-control", "max-age=10, stale-while-revalidate=60");

fn stale_after_10(clock: &Clock) -> ResponseCache {
    ResponseCache::memory().clock(clock.clone())
}

#[actix_rt::test]
async fn stale_is_served_at_once_and_fresh_next() {
    let clock = Clock::manual();
    let cache = stale_after_10(&clock);
    let origin = Origin::with_fields(&[WINDOW]);
    let app = app(&cache, &origin).await;
    send(&app, get("/")).await;
    clock.advance(15 * SECOND);
    let stale = send(&app, get("/")).await;
    assert_eq!(
        (stale.word(), stale.text(), stale.field("age").as_str()),
        ("STALE", "answer 1", "15")
    );
    assert_eq!(stale.field("cache-status"), "actix-response-cache; hit; ttl=-5");
    settle(&cache).await;
    let fresh = send(&app, get("/")).await;
    assert_eq!((fresh.word(), fresh.text(), origin.calls()), ("HIT", "answer 2", 2));
    let stats = cache.handle().unwrap().stats();
    assert_eq!((stats.requests(), stats.stale, stats.hits, stats.misses), (3, 1, 1, 1));
}

#[actix_rt::test]
async fn response_that_is_not_to_be_kept_any_more_ends_the_old_one() {
    for (name, value) in [
        ("cache-control", "no-store"),
        ("cache-control", "private"),
        ("set-cookie", "a=b"),
        ("vary", "*"),
        ("x-hint", "no-store"),
    ] {
        let clock = Clock::manual();
        let cache = stale_after_10(&clock);
        let handler = move |hints: CacheHints, calls: web::Data<AtomicU32>| async move {
            let call = calls.fetch_add(1, Ordering::SeqCst) + 1;
            let mut res = HttpResponse::Ok();
            if call == 1 {
                res.insert_header(WINDOW);
            } else if name == "x-hint" {
                hints.no_store();
            } else {
                res.insert_header((name, value));
            }
            res.body(format!("answer {call}"))
        };
        let calls = web::Data::new(AtomicU32::new(0));
        let app = App::new().app_data(calls).wrap(cache.clone()).route("/", web::get().to(handler));
        let app = init_service(app).await;
        send(&app, get("/")).await;
        clock.advance(15 * SECOND);
        assert_eq!(send(&app, get("/")).await.word(), "STALE");
        settle(&cache).await;
        let next = send(&app, get("/")).await;
        assert_eq!((next.word(), next.text()), ("MISS", "answer 3"), "{name}: {value}");
    }
}

#[actix_rt::test]
async fn client_waits_past_the_window() {
    let clock = Clock::manual();
    let app = app(&stale_after_10(&clock), &Origin::with_fields(&[WINDOW])).await;
    send(&app, get("/")).await;
    clock.advance(70 * SECOND);
    assert_eq!(send(&app, get("/")).await.text(), "answer 2");
}

#[actix_rt::test]
async fn setting_gives_window_and_directives_forbid_it() {
    for (control, word) in [
        ("max-age=10", "STALE"),
        ("max-age=10, must-revalidate", "MISS"),
        ("max-age=10, proxy-revalidate", "MISS"),
        ("s-maxage=10", "MISS"),
    ] {
        let clock = Clock::manual();
        let cache = stale_after_10(&clock).stale_while_revalidate(60 * SECOND);
        let origin = Origin::new(move |_, _| {
            HttpResponse::Ok().insert_header(("cache-control", control)).body("x")
        });
        let app = app(&cache, &origin).await;
        send(&app, get("/")).await;
        clock.advance(15 * SECOND);
        assert_eq!(send(&app, get("/")).await.word(), word, "{control}");
    }
}

#[actix_rt::test]
async fn many_stale_hits_start_one_refresh() {
    let clock = Clock::manual();
    let cache = stale_after_10(&clock);
    let origin = Origin::with_fields(&[WINDOW]);
    let app = app(&cache, &origin).await;
    send(&app, get("/")).await;
    clock.advance(15 * SECOND);
    let stale = (0..50).map(|_| send(&app, get("/")));
    for seen in futures_util::future::join_all(stale).await {
        assert_eq!(seen.text(), "answer 1");
    }
    settle(&cache).await;
    assert_eq!(origin.calls(), 2);
}

#[actix_rt::test]
async fn refresh_in_scope_has_parameters_patterns_and_data() {
    async fn page(
        req: HttpRequest,
        path: web::Path<(String, u64)>,
        data: web::Data<&'static str>,
    ) -> HttpResponse {
        let pattern = req.match_pattern().unwrap_or_default();
        let (shop, id) = path.into_inner();
        HttpResponse::Ok().insert_header(WINDOW).body(format!("{shop} {id} {pattern} {}", **data))
    }
    for at_app in [true, false] {
        let clock = Clock::manual();
        let cache = stale_after_10(&clock);
        let scope = web::scope("/shops/{shop}").app_data(web::Data::new("data"));
        let scope = scope
            .service(web::resource("/products/{id}").to(page))
            .wrap(Condition::new(!at_app, cache.clone()));
        let app = App::new().service(scope).wrap(Condition::new(at_app, cache.clone()));
        let app = init_service(app.wrap(Logger::default())).await;
        let expected = "a 7 /shops/{shop}/products/{id} data";
        assert_eq!(send(&app, get("/shops/a/products/7")).await.text(), expected);
        for _ in 0..3 {
            clock.advance(15 * SECOND);
            let stale = send(&app, get("/shops/a/products/7")).await;
            assert_eq!((stale.word(), stale.text()), ("STALE", expected), "at app: {at_app}");
            settle(&cache).await;
            let stats = cache.handle().unwrap().stats();
            assert_eq!(
                (stats.errors, send(&app, get("/shops/a/products/7")).await.word()),
                (0, "HIT")
            );
        }
    }
}

#[actix_rt::test]
async fn refresh_validates_and_asks_for_full_body() {
    let clock = Clock::manual();
    let cache = stale_after_10(&clock);
    let origin = Origin::new(|req, call| {
        assert!(!req.headers().contains_key("range") && req.method() == "GET");
        match req.headers().get("if-none-match").map(|tag| tag.to_str().unwrap()) {
            Some("\"v1\"") => HttpResponse::NotModified().insert_header(WINDOW).finish(),
            Some(other) => panic!("the client's condition: {other}"),
            None => HttpResponse::Ok()
                .insert_header(WINDOW)
                .insert_header(("etag", "\"v1\""))
                .body(format!("answer {call}")),
        }
    });
    let app = app(&cache, &origin).await;
    send(&app, get("/")).await;
    for req in [
        get_with("/", ("range", "bytes=0-1")),
        get_with("/", ("if-none-match", "\"v0\"")),
        request("HEAD", "/"),
    ] {
        clock.advance(15 * SECOND);
        assert_eq!(send(&app, req).await.word(), "STALE");
        settle(&cache).await;
        let hit = send(&app, get("/")).await;
        assert_eq!((hit.word(), hit.text()), ("HIT", "answer 1"));
    }
    assert_eq!(origin.calls(), 4);
}

#[actix_rt::test]
async fn failed_refresh_keeps_stale_entry_and_backs_off() {
    let clock = Clock::manual();
    let cache = stale_after_10(&clock);
    let failing = Arc::new(AtomicBool::new(false));
    let fails = Arc::clone(&failing);
    let origin = Origin::new(move |_, call| {
        assert!(call < 100);
        if fails.load(Ordering::SeqCst) {
            return HttpResponse::ServiceUnavailable().finish();
        }
        HttpResponse::Ok().insert_header(WINDOW).body(format!("answer {call}"))
    });
    let app = app(&cache, &origin).await;
    send(&app, get("/")).await;
    failing.store(true, Ordering::SeqCst);
    clock.advance(15 * SECOND);
    for _ in 0..5 {
        assert_eq!(send(&app, get("/")).await.text(), "answer 1");
        settle(&cache).await;
    }
    assert_eq!(origin.calls(), 2, "left alone after the failure");
    failing.store(false, Ordering::SeqCst);
    clock.advance(SECOND);
    assert_eq!(send(&app, get("/")).await.text(), "answer 1");
    settle(&cache).await;
    assert_eq!(send(&app, get("/")).await.text(), "answer 3");
}

#[actix_rt::test]
async fn panic_in_refresh_costs_that_refresh_only() {
    let clock = Clock::manual();
    let cache = stale_after_10(&clock);
    let origin = Origin::new(|_, call| {
        assert!(call != 2, "the second call panics");
        HttpResponse::Ok().insert_header(WINDOW).body(format!("answer {call}"))
    });
    let app = app(&cache, &origin).await;
    send(&app, get("/")).await;
    clock.advance(15 * SECOND);
    assert_eq!(send(&app, get("/")).await.text(), "answer 1");
    settle(&cache).await;
    assert_eq!((cache.handle().unwrap().stats().errors, origin.calls()), (1, 2));
    clock.advance(SECOND);
    send(&app, get("/")).await;
    settle(&cache).await;
    assert_eq!(send(&app, get("/")).await.text(), "answer 3");
}

#[actix_rt::test]
async fn refresh_works_over_http_and_does_not_block_stop() {
    let clock = Clock::manual();
    let cache = stale_after_10(&clock);
    let (served, origin) = (cache.clone(), Origin::with_fields(&[WINDOW]));
    let asked = origin.clone();
    let server = HttpServer::new(move || {
        App::new().wrap(served.clone()).wrap(Logger::default()).default_service(asked.route())
    })
    .workers(1)
    .bind(("127.0.0.1", 0))
    .unwrap();
    let url = format!("http://{}/", server.addrs()[0]);
    let server = server.run();
    let handle = server.handle();
    let running = actix_rt::spawn(server);
    let client = awc::Client::default();
    let text = async || {
        let mut res = client.get(&url).send().await.unwrap();
        String::from_utf8(res.body().await.unwrap().to_vec()).unwrap()
    };
    assert_eq!(text().await, "answer 1");
    for call in 1..4 {
        clock.advance(15 * SECOND);
        assert_eq!(text().await, format!("answer {call}"));
        settle(&cache).await;
        assert_eq!(text().await, format!("answer {}", call + 1));
    }
    assert_eq!((origin.calls(), cache.handle().unwrap().stats().errors), (4, 0));
    clock.advance(15 * SECOND);
    text().await;
    handle.stop(true).await;
    running.await.unwrap().unwrap();
}

/// A store that may give what it has read later than it has read it.
#[derive(Clone, Default)]
struct Late {
    table: Table,
    held: Arc<Mutex<Option<oneshot::Receiver<()>>>>,
}

impl Store for Late {
    async fn purge_number(&self) -> Result<PurgeNumber, StoreError> {
        self.table.purge_number().await
    }

    async fn get(&self, key: &CacheKey) -> Result<Option<Arc<Entry>>, StoreError> {
        let read = self.table.get(key).await;
        let held = self.held.lock().unwrap().take();
        if let Some(held) = held {
            held.await.unwrap();
        }
        read
    }

    async fn put(&self, entry: Arc<Entry>, keep_for: Duration) -> Result<Put, StoreError> {
        self.table.put(entry, keep_for).await
    }

    async fn purge(&self, target: &Purge) -> Result<Purged, StoreError> {
        self.table.purge(target).await
    }
}

#[actix_rt::test]
async fn entry_refreshed_during_lookup_is_not_refreshed_again() {
    let (clock, store) = (Clock::manual(), Late::default());
    let cache = ResponseCache::new(store.clone()).clock(clock.clone());
    let origin = Origin::with_fields(&[WINDOW]);
    let app = app(&cache, &origin).await;
    send(&app, get("/")).await;
    settle(&cache).await;
    clock.advance(15 * SECOND);
    let (go, held) = oneshot::channel();
    *store.held.lock().unwrap() = Some(held);
    let mut late = Box::pin(send(&app, get("/")));
    assert!((&mut late).now_or_never().is_none(), "it has read what is stale");
    assert_eq!(send(&app, get("/")).await.word(), "STALE");
    settle(&cache).await;
    assert_eq!(origin.calls(), 2);
    go.send(()).unwrap();
    assert_eq!(late.await.word(), "STALE");
    settle(&cache).await;
    assert_eq!(origin.calls(), 2);
}
