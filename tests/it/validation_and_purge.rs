//! Validation beside purges: a 304 does not revive an entry that was purged meanwhile, and a
//! validated entry stays in its groups.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use actix_response_cache::{CacheHints, Clock, Memory, Redis, ResponseCache, Rule, Tiered};
use actix_web::{App, HttpRequest, HttpResponse, test::init_service, web};
use tokio::sync::Notify;

use crate::support::{SECOND, get, redis::RedisServer, request, send};

/// A date of whole seconds, which does not change with each version.
const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

fn caches(server: &RedisServer, clock: &Clock) -> [ResponseCache; 3] {
    let store = || Redis::new(server.url()).response_timeout(2 * SECOND);
    let redis = ResponseCache::new(store());
    let tiered = ResponseCache::new(Tiered::new(Memory::new(), store().key_prefix("tiered:")));
    [ResponseCache::memory(), redis, tiered].map(|cache| cache.clock(clock.clone()))
}

/// What is served, by a date that is too coarse to tell one version from the next.
#[derive(Clone, Default)]
struct Coarse {
    version: Arc<AtomicU64>,
    control: &'static str,
}

impl Coarse {
    fn answer(&self, req: &HttpRequest) -> HttpResponse {
        let is_conditional = req.headers().contains_key("if-modified-since");
        let mut res = if is_conditional { HttpResponse::NotModified() } else { HttpResponse::Ok() };
        res.insert_header(("last-modified", DATE)).insert_header(("date", DATE));
        res.insert_header(("cache-control", self.control));
        let version = self.version.load(Ordering::SeqCst).to_string();
        if is_conditional { res.finish() } else { res.body(version) }
    }
}

#[actix_rt::test]
async fn not_modified_does_not_revive_entry_purged_during_refresh() {
    let server = RedisServer::start();
    let clock = Clock::manual();
    for cache in caches(&server, &clock) {
        let origin =
            Coarse { control: "max-age=10, stale-while-revalidate=600", ..Coarse::default() };
        let page = origin.clone();
        let app = App::new()
            .default_service(web::to(move |req: HttpRequest| {
                let res = page.answer(&req);
                async move { res }
            }))
            .wrap(cache.clone());
        let app = init_service(app).await;
        let handle = cache.handle().unwrap();
        send(&app, get("/")).await;
        handle.settle().await;
        clock.advance(15 * SECOND);
        // the refresh begins when the stale answer has been read, by which time it is purged
        let stale = actix_web::dev::Service::call(&app, get("/").to_request()).await.unwrap();
        origin.version.store(1, Ordering::SeqCst);
        handle.purge_path("/").await.unwrap();
        assert_eq!(crate::support::seen(stale).await.unwrap().text(), "0");
        handle.settle().await;
        let after = send(&app, get("/")).await;
        assert_eq!(after.text(), "1", "{cache:?}");
        handle.settle().await;
        assert_eq!(send(&app, get("/")).await.text(), "1");
    }
}

#[actix_rt::test]
async fn head_does_not_revive_entry_purged_meanwhile() {
    let clock = Clock::manual();
    let cache = ResponseCache::memory().clock(clock.clone());
    let origin = Coarse { control: "max-age=10", ..Coarse::default() };
    let (asked, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (page, told, wait) = (origin.clone(), Arc::clone(&asked), Arc::clone(&go_on));
    let app = App::new()
        .default_service(web::to(move |req: HttpRequest| {
            let (res, told, wait) = (page.answer(&req), Arc::clone(&told), Arc::clone(&wait));
            async move {
                if req.method() == "HEAD" {
                    told.notify_one();
                    wait.notified().await;
                }
                res
            }
        }))
        .wrap(cache.clone());
    let app = init_service(app).await;
    send(&app, get("/")).await;
    clock.advance(15 * SECOND);
    let head = send(&app, request("HEAD", "/"));
    let purge = async {
        asked.notified().await;
        origin.version.store(1, Ordering::SeqCst);
        cache.handle().unwrap().purge_path("/").await.unwrap();
        go_on.notify_one();
    };
    futures_util::future::join(head, purge).await;
    assert_eq!(send(&app, get("/")).await.text(), "1");
}

#[actix_rt::test]
async fn soft_purged_entry_is_not_validated_by_coarse_date() {
    let clock = Clock::manual();
    let cache = ResponseCache::memory().clock(clock.clone());
    let origin = Coarse { control: "max-age=10", ..Coarse::default() };
    let page = origin.clone();
    let app = App::new()
        .default_service(web::to(move |req: HttpRequest| {
            let res = page.answer(&req);
            async move { res }
        }))
        .wrap(cache.clone());
    let app = init_service(app).await;
    send(&app, get("/")).await;
    clock.advance(15 * SECOND);
    assert_eq!(
        send(&app, get("/")).await.field("cache-status").matches("fwd-status=304").count(),
        1
    );
    origin.version.store(1, Ordering::SeqCst);
    cache.handle().unwrap().soft().purge_path("/").await.unwrap();
    assert_eq!(send(&app, get("/")).await.text(), "1");
}

#[actix_rt::test]
async fn validated_entry_keeps_its_groups() {
    async fn page(req: HttpRequest, hints: CacheHints) -> HttpResponse {
        let tag = "\"v1\"";
        let is_same = req.headers().get("if-none-match").is_some_and(|value| value == tag);
        let mut res = if is_same { HttpResponse::NotModified() } else { HttpResponse::Ok() };
        res.insert_header(("etag", tag)).insert_header(("cache-control", "max-age=10"));
        if is_same {
            hints.group("said now");
            return res.finish();
        }
        if req.method() == "GET" {
            hints.group("said then");
        }
        res.body("page")
    }
    let server = RedisServer::start();
    let clock = Clock::manual();
    for cache in caches(&server, &clock) {
        let cache = cache.rule("/{page}", Rule::new().groups(["by rule"]));
        let app = App::new().route("/{page}", web::to(page)).wrap(cache.clone());
        let app = init_service(app).await;
        let handle = cache.handle().unwrap();
        for (renewal, groups) in [
            (get("/a"), ["said then", "said now", "by rule"].as_slice()),
            (request("HEAD", "/a"), ["said then", "by rule"].as_slice()),
        ] {
            let (method, uri) = (renewal.to_request().method().clone(), "/a");
            for group in groups {
                send(&app, get(uri)).await;
                handle.settle().await;
                clock.advance(15 * SECOND);
                send(&app, request(method.as_str(), uri)).await;
                handle.settle().await;
                assert_eq!(send(&app, get(uri)).await.word(), "HIT", "{method}: renewed");
                let purged = handle.counted().purge_group(group).await.unwrap().entries;
                assert_eq!(purged, Some(1), "{method}, {group}");
                assert_eq!(send(&app, get(uri)).await.word(), "MISS");
                handle.settle().await;
                handle.purge_all().await.unwrap();
            }
        }
    }
}
