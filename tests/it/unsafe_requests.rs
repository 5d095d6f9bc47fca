//! Unsafe requests that end without a response make stale what they may have changed.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use actix_response_cache::{CacheHints, Memory, Redis, ResponseCache, Rule, Tiered};
use actix_web::{
    App, HttpResponse, HttpServer,
    dev::Service,
    error::{ErrorForbidden, ErrorInternalServerError},
    test::init_service,
    web,
};
use futures_util::future::{Either, select};
use tokio::{sync::Notify, time::timeout};

use crate::support::{
    client::{self, Client},
    get,
    redis::RedisServer,
    request, send,
    server::serve,
};

const DEADLINE: Duration = Duration::from_secs(20);

/// A page whose PUT changes it and then ends as the query says.
#[derive(Clone, Default)]
struct Page {
    version: Arc<AtomicU64>,
    changed: Arc<Notify>,
}

async fn read(page: web::Data<Page>) -> HttpResponse {
    let version = page.version.load(Ordering::SeqCst).to_string();
    HttpResponse::Ok()
        .insert_header(("cache-control", "max-age=60, stale-if-error=60"))
        .body(version)
}

async fn write(page: web::Data<Page>, how: web::Path<String>, hints: CacheHints) -> HttpResponse {
    page.version.fetch_add(1, Ordering::SeqCst);
    page.changed.notify_one();
    match how.as_str() {
        "hangs" => std::future::pending().await,
        // without a word in the log of the tests
        "panics" => std::panic::resume_unwind(Box::new("failed")),
        "groups" => {
            hints.group("lists");
            std::future::pending().await
        }
        "refused" => HttpResponse::Conflict().finish(),
        "failed" => HttpResponse::InternalServerError().finish(),
        _ => HttpResponse::NoContent().finish(),
    }
}

fn routes(config: &mut web::ServiceConfig) {
    config.service(web::resource("/{how}").route(web::get().to(read)).route(web::put().to(write)));
}

fn cache(cache: ResponseCache) -> ResponseCache {
    cache
        .rule("/list", Rule::new().groups(["lists"]))
        .rule("/groups", Rule::new())
        .rule("/{how}", Rule::new().groups(["page:{how}"]))
}

/// Begins a PUT that changes the page, and drops it.
async fn drop_put<S: Service<actix_http::Request>>(app: &S, page: &Page, path: &str) {
    let put = pin!(app.call(request("PUT", path).to_request()));
    let changed = pin!(page.changed.notified());
    let raced = select(put, changed).await;
    assert!(matches!(raced, Either::Right(_)), "it has not been answered");
}

#[actix_rt::test]
async fn dropped_unsafe_request_makes_page_and_groups_stale() {
    let server = RedisServer::start();
    let redis = || Redis::new(server.url()).response_timeout(Duration::from_secs(2));
    for store in [
        ResponseCache::memory(),
        ResponseCache::new(redis()),
        ResponseCache::new(Tiered::new(Memory::new(), redis().key_prefix("tiered:"))),
    ] {
        let cache = cache(store);
        let page = Page::default();
        let app =
            App::new().app_data(web::Data::new(page.clone())).configure(routes).wrap(cache.clone());
        let app = init_service(app).await;
        let handle = cache.handle().unwrap();
        for path in ["/hangs", "/list", "/groups"] {
            send(&app, get(path)).await;
            handle.settle().await;
            assert_eq!(send(&app, get(path)).await.word(), "HIT");
        }
        drop_put(&app, &page, "/hangs").await;
        handle.settle().await;
        let fresh = send(&app, get("/hangs")).await;
        assert_eq!((fresh.word(), fresh.text()), ("MISS", "1"));
        let status = fresh.field("cache-status");
        assert!(status.contains("fwd=stale"), "stale and not gone: {status}");
        assert_eq!(send(&app, get("/list")).await.word(), "HIT", "no group of that page");
        // what the handler has said until then counts
        drop_put(&app, &page, "/groups").await;
        handle.settle().await;
        assert_eq!(send(&app, get("/list")).await.text(), "2");
    }
}

#[actix_rt::test]
async fn failed_unsafe_request_makes_stale_and_refused_one_does_not() {
    for (fails, expected) in [("after", "1"), ("before", "0")] {
        let page = Page::default();
        let cache = cache(ResponseCache::memory());
        let app = App::new()
            .app_data(web::Data::new(page.clone()))
            .configure(routes)
            .wrap_fn(move |req, service| {
                let is_put = req.method() == "PUT";
                if is_put && fails == "before" {
                    return Either::Left(std::future::ready(Err(ErrorForbidden("no"))));
                }
                let answer = service.call(req);
                Either::Right(async move {
                    let answer = answer.await?;
                    if is_put { Err(ErrorInternalServerError("late")) } else { Ok(answer) }
                })
            })
            .wrap(cache);
        let app = init_service(app).await;
        send(&app, get("/page")).await;
        assert!(app.call(request("PUT", "/page").to_request()).await.is_err());
        assert_eq!(send(&app, get("/page")).await.text(), expected, "{fails}");
    }
}

#[actix_rt::test]
async fn error_response_to_unsafe_request_purges_nothing() {
    let page = Page::default();
    let app = App::new()
        .app_data(web::Data::new(page.clone()))
        .configure(routes)
        .wrap(cache(ResponseCache::memory()));
    let app = init_service(app).await;
    for path in ["/refused", "/failed"] {
        send(&app, get(path)).await;
        send(&app, request("PUT", path)).await;
        assert_eq!(send(&app, get(path)).await.word(), "HIT", "{path}");
    }
    send(&app, get("/done")).await;
    send(&app, request("PUT", "/done")).await;
    assert_eq!(send(&app, get("/done")).await.word(), "MISS");
}

#[actix_rt::test]
async fn reset_connection_and_panic_make_page_stale() {
    let page = Page::default();
    let (shown, cached) = (page.clone(), cache(ResponseCache::memory()));
    let handle = cached.handle().unwrap();
    let server = HttpServer::new(move || {
        App::new().app_data(web::Data::new(shown.clone())).configure(routes).wrap(cached.clone())
    })
    .workers(1);
    let (address, stop) = serve(server);
    for path in ["/hangs", "/panics"] {
        let mut reader = Client::connect(address).await;
        let before = reader.send(client::get(path, &[])).await.unwrap().text().to_owned();
        let mut writer = Client::connect(address).await;
        let put = actix_rt::spawn(async move {
            let _ = writer.send(client::request("PUT", path, &[])).await;
        });
        timeout(DEADLINE, page.changed.notified()).await.expect("the handler has changed it");
        put.abort();
        let after = async {
            // the server learns of the reset when it next looks at the connection
            loop {
                let answer = reader.send(client::get(path, &[])).await.unwrap();
                if answer.text() != before {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        timeout(DEADLINE, after).await.expect("what was changed shows");
    }
    handle.settle().await;
    stop.stop(false).await;
}
