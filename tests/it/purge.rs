//! Purges: what they remove, what they keep, what they count, and that a purged response is not served.

use std::{sync::Arc, time::Duration};

use actix_response_cache::{
    CacheGroupInvalidation, CacheGroups, CacheHandle, CacheHints, Purge, Query, ResponseCache, Rule,
};
use actix_web::{
    App, HttpRequest, HttpResponse,
    http::StatusCode,
    test::{TestRequest, init_service},
    web,
};
use futures_util::StreamExt as _;
use tokio::sync::Notify;

use crate::support::{Origin, app, get, get_with, request, send};

const PAGES: [&str; 6] = ["/p/7", "/p/7?x=1", "/p/8", "/p", "/products", "/"];

/// Fills the cache, purges, and says which pages still are there.
async fn left(purge: impl AsyncFnOnce(&CacheHandle) -> Option<u64>) -> (u64, Vec<&'static str>) {
    let cache = ResponseCache::memory()
        .rule("/p/{id}", Rule::new().groups(["p", "p:{id}"]))
        .rule("/p", Rule::new().groups(["p"]));
    let app = app(&cache, &Origin::counting()).await;
    for page in PAGES {
        send(&app, get(page)).await;
        let on_other_host = TestRequest::get().uri(page).insert_header(("host", "other.example"));
        send(&app, on_other_host).await;
    }
    let purged = purge(&cache.handle().unwrap().counted()).await.expect("counted");
    let mut left = Vec::new();
    for page in PAGES {
        if send(&app, get(page)).await.word() == "HIT" {
            left.push(page);
        }
    }
    (purged, left)
}

#[actix_rt::test]
async fn each_target_removes_what_it_names_and_counts_it() {
    let all_but = |gone: &[&str]| -> Vec<&str> {
        PAGES.into_iter().filter(|page| !gone.contains(page)).collect()
    };
    let url = left(async |cache| cache.purge_url("/p/7?x=1").await.unwrap().entries).await;
    assert_eq!(url, (2, all_but(&["/p/7?x=1"])));
    let on_host =
        left(async |cache| cache.purge_url("http://shop.example/p/7").await.unwrap().entries);
    assert_eq!(on_host.await, (1, all_but(&["/p/7"])));
    let path = left(async |cache| cache.purge_path("/p/7").await.unwrap().entries).await;
    assert_eq!(path, (4, all_but(&["/p/7", "/p/7?x=1"])));
    let spelled = left(async |cache| cache.purge_path("//p/%37/").await.unwrap().entries).await;
    assert_eq!(spelled, path);
    let prefix = left(async |cache| cache.purge_prefix("/p").await.unwrap().entries).await;
    assert_eq!(prefix, (8, all_but(&["/p", "/p/7", "/p/7?x=1", "/p/8"])));
    let group = left(async |cache| cache.purge_group("p:7").await.unwrap().entries).await;
    assert_eq!(group, (4, all_but(&["/p/7", "/p/7?x=1"])));
    let all = left(async |cache| cache.purge_all().await.unwrap().entries).await;
    assert_eq!(all, (12, vec![]));
    let none = left(async |cache| cache.purge_path("/nothing").await.unwrap().entries).await;
    assert_eq!(none, (0, PAGES.to_vec()));
    let value = left(async |cache| cache.purge(&Purge::group("p")).await.unwrap().entries).await;
    assert_eq!(value.0, 8);
}

#[actix_rt::test]
async fn purge_that_is_not_counted_tells_no_count_and_holds() {
    let cache = ResponseCache::memory();
    let app = app(&cache, &Origin::counting()).await;
    let handle = cache.handle().unwrap();
    for purge in [Purge::path("/a"), Purge::all()] {
        send(&app, get("/a")).await;
        let purged = handle.purge(&purge).await.unwrap();
        assert_eq!((purged.entries, purged.pending, purged.removing), (None, false, false));
        assert_eq!(send(&app, get("/a")).await.word(), "MISS");
    }
    assert_eq!(handle.stats().purged, 0);
    assert_eq!(handle.counted().purge_path("/a").await.unwrap().entries, Some(1));
    assert_eq!(handle.stats().purged, 1);
}

#[actix_rt::test]
async fn purge_removes_all_variants_and_spellings() {
    let cache = ResponseCache::memory();
    let app = app(&cache, &Origin::with_fields(&[("vary", "accept-language")])).await;
    let variants = || {
        let language = |language: &'static str| get_with("/p/7", ("accept-language", language));
        [language("de"), language("en"), get("/p/7"), get("/p/%37"), get("//p/7")]
    };
    for req in variants() {
        send(&app, req).await;
    }
    assert_eq!(
        cache.handle().unwrap().counted().purge_path("/p/7").await.unwrap().entries,
        Some(5)
    );
    for req in variants() {
        assert_eq!(send(&app, req).await.word(), "MISS");
    }
}

#[actix_rt::test]
async fn purge_ignores_ignored_parameters() {
    let cache = ResponseCache::memory()
        .query(Query::as_received().ignoring_tracking_parameters(true).sort(true));
    let app = app(&cache, &Origin::counting()).await;
    send(&app, get("/p?b=2&a=1&utm_source=x")).await;
    let handle = cache.handle().unwrap();
    assert_eq!(
        handle.counted().purge_url("/p?a=1&utm_source=y&b=2").await.unwrap().entries,
        Some(1)
    );
}

#[actix_rt::test]
async fn successful_unsafe_request_purges_its_url() {
    for (method, status, purges) in [
        ("PUT", 200, true),
        ("PUT", 204, true),
        ("POST", 303, true),
        ("PATCH", 200, true),
        ("DELETE", 204, true),
        ("PROPPATCH", 207, true), // RFC 9111 s.4.4: a method that is not known may change anything
        ("PUT", 400, false),
        ("PUT", 404, false),
        ("PUT", 500, false),
        ("OPTIONS", 200, false),
        ("TRACE", 200, false),
    ] {
        let origin = Origin::new(move |req, call| {
            let status = if req.method() == "GET" { 200 } else { status };
            HttpResponse::build(StatusCode::from_u16(status).unwrap()).body(call.to_string())
        });
        let app = app(&ResponseCache::memory(), &origin).await;
        for page in ["/p/7", "/p/7?x=1", "/p/8"] {
            send(&app, get(page)).await;
        }
        send(&app, request(method, "/p/7")).await;
        let stays = |page| send(&app, get(page));
        assert_eq!(stays("/p/7").await.word() == "MISS", purges, "{method} {status}");
        assert_eq!(stays("/p/7?x=1").await.word() == "MISS", purges, "{method} {status}");
        assert_eq!(stays("/p/8").await.word(), "HIT", "{method} {status}");
    }
}

#[actix_rt::test]
async fn unsafe_request_purges_targets_named_in_response() {
    let origin = Origin::new(|req, call| {
        let mut res = HttpResponse::Ok();
        if req.method() == "POST" {
            res.insert_header(("location", "/p/9"));
            res.insert_header(("content-location", "http://other.example/p/8"));
            res.insert_header(CacheGroupInvalidation::new(["listed"]));
        } else if req.path() == "/list" {
            res.insert_header(CacheGroups::new(["listed", "other"]));
        }
        res.body(call.to_string())
    });
    let app = app(&ResponseCache::memory(), &origin).await;
    let pages = ["/p", "/p/8", "/p/9", "/list"];
    for page in pages {
        send(&app, get(page)).await;
    }
    send(&app, request("POST", "/p")).await;
    let mut words = Vec::new();
    for page in pages {
        words.push(send(&app, get(page)).await.word());
    }
    assert_eq!(words, ["MISS", "HIT", "MISS", "MISS"], "another origin's page stays");
    // the field means nothing on a safe request (RFC 9875 s.3)
    let origin =
        Origin::with_fields(&[("cache-groups", "\"g\""), ("cache-group-invalidation", "\"g\"")]);
    let app = crate::support::app(&ResponseCache::memory(), &origin).await;
    send(&app, get("/")).await;
    assert_eq!(send(&app, get("/")).await.word(), "HIT");
}

#[actix_rt::test]
async fn groups_come_from_rules_headers_and_handlers() {
    async fn page(hints: CacheHints) -> HttpResponse {
        hints.group("by extractor");
        HttpResponse::Ok().insert_header(CacheGroups::new(["by field"])).body("x")
    }
    let cache = ResponseCache::memory().rule("/{page}", Rule::new().groups(["by rule:{page}"]));
    let app =
        init_service(App::new().wrap(cache.clone()).route("/{page}", web::get().to(page))).await;
    let handle = cache.handle().unwrap();
    for group in ["by extractor", "by field", "by rule:a"] {
        send(&app, get("/a")).await;
        assert_eq!(handle.counted().purge_group(group).await.unwrap().entries, Some(1), "{group}");
        assert_eq!(handle.counted().purge_group(group).await.unwrap().entries, Some(0), "{group}");
    }
    assert_eq!(handle.counted().purge_group("").await.unwrap().entries, Some(0));
}

#[actix_rt::test]
async fn handler_can_prevent_storing() {
    async fn page(hints: CacheHints) -> &'static str {
        hints.no_store();
        "x"
    }
    let cache = ResponseCache::memory();
    let app = init_service(App::new().wrap(cache.clone()).route("/", web::get().to(page))).await;
    for _ in 0..2 {
        let seen = send(&app, get("/")).await;
        assert_eq!(seen.word(), "MISS");
        assert_eq!(
            seen.field("cache-status"),
            "actix-response-cache; fwd=uri-miss; detail=opted-out"
        );
    }
}

#[actix_rt::test]
async fn handlers_purge_through_the_extractor() {
    async fn write(cache: CacheHandle) -> HttpResponse {
        let purged = cache.counted().purge_group("list").await.unwrap();
        HttpResponse::Ok().body(purged.entries.unwrap().to_string())
    }
    let origin = Origin::with_fields(&[("cache-groups", "\"list\"")]);
    let app = init_service(
        App::new()
            .wrap(ResponseCache::memory())
            .route("/write", web::post().to(write))
            .default_service(origin.route()),
    )
    .await;
    send(&app, get("/list?page=1")).await;
    send(&app, get("/list?page=2")).await;
    assert_eq!(send(&app, request("POST", "/write")).await.text(), "2");
    assert_eq!(send(&app, get("/list?page=1")).await.word(), "MISS");
}

#[actix_rt::test]
async fn extractor_without_cache_is_an_error() {
    async fn write(_: CacheHandle) -> &'static str {
        "x"
    }
    async fn read(hints: CacheHints) -> &'static str {
        hints.group("nobody hears it");
        "x"
    }
    let app = init_service(
        App::new().route("/write", web::get().to(write)).route("/read", web::get().to(read)),
    )
    .await;
    let seen = send(&app, get("/write")).await;
    assert_eq!(
        (seen.status.as_u16(), seen.text()),
        (500, "this handler is not behind a response cache")
    );
    assert_eq!(send(&app, get("/read")).await.status, 200);
}

#[actix_rt::test]
async fn fill_older_than_purge_is_refused() {
    for (purge, goes) in [
        (Purge::path("/slow"), true),
        (Purge::url("/slow"), true),
        (Purge::prefix("/"), true),
        (Purge::group("g"), true),
        (Purge::all(), true),
        (Purge::path("/other"), false),
    ] {
        let (started, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let signals = (Arc::clone(&started), Arc::clone(&go));
        let slow = move |_: HttpRequest| {
            let (started, go) = (Arc::clone(&signals.0), Arc::clone(&signals.1));
            async move {
                started.notify_one();
                go.notified().await;
                HttpResponse::Ok().insert_header(CacheGroups::new(["g"])).body("old")
            }
        };
        let cache = ResponseCache::memory();
        let app =
            init_service(App::new().wrap(cache.clone()).route("/slow", web::get().to(slow))).await;
        let filling = send(&app, get("/slow"));
        let purging = async {
            started.notified().await;
            cache.handle().unwrap().purge(&purge).await.unwrap();
            go.notify_one();
        };
        let (first, ()) = futures_util::future::join(filling, purging).await;
        assert_eq!(first.text(), "old");
        go.notify_one();
        let second = send(&app, get("/slow")).await;
        assert_eq!(second.word() == "MISS", goes, "{purge:?}");
    }
}

#[actix_rt::test]
async fn purge_works_from_another_runtime() {
    let cache = ResponseCache::memory();
    let app = app(&cache, &Origin::counting()).await;
    send(&app, get("/")).await;
    let handle = cache.handle().unwrap();
    let consumer = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let purge = async move { handle.counted().purge_all().await.unwrap().entries };
            tokio::spawn(purge).await.unwrap()
        })
    });
    assert_eq!(consumer.join().unwrap(), Some(1));
    assert_eq!(send(&app, get("/")).await.word(), "MISS");
}

#[actix_rt::test]
async fn large_purge_is_counted() {
    let cache = ResponseCache::memory().ttl(Duration::from_secs(600));
    let app = app(&cache, &Origin::counting()).await;
    for n in 0..5000 {
        send(&app, get(&format!("/p/{n}"))).await;
    }
    // makes the store's own bookkeeping catch up
    assert_eq!(cache.handle().unwrap().stats().entries, Some(5000));
    assert_eq!(
        cache.handle().unwrap().counted().purge_prefix("/p").await.unwrap().entries,
        Some(5000)
    );
    assert_eq!(cache.handle().unwrap().stats().entries, Some(0));
}

#[actix_rt::test]
async fn disabled_cache_bypasses_and_still_purges() {
    let cache = ResponseCache::memory();
    let app = app(&cache, &Origin::counting()).await;
    let handle = cache.handle().unwrap();
    send(&app, get("/")).await;
    handle.set_enabled(false);
    assert!(!handle.is_enabled());
    let off = send(&app, get("/")).await;
    assert_eq!(off.field("cache-status"), "actix-response-cache; fwd=bypass; detail=disabled");
    send(&app, request("PUT", "/")).await;
    handle.set_enabled(true);
    assert_eq!(send(&app, get("/")).await.word(), "MISS", "purged while the cache was off");
    assert_eq!(send(&app, get("/")).await.word(), "HIT");
}

#[actix_rt::test]
async fn groups_of_captured_segments_match_handler_parameters() {
    let cache = ResponseCache::memory()
        .rule("/products/{id}", Rule::new().groups(["product:{id}"]))
        .rule("/files/{tail:.*}", Rule::new().groups(["file:{tail}"]));
    let purge_own = web::to(|id: web::Path<String>, cache: CacheHandle| async move {
        let purged = cache.counted().purge_group(format!("product:{id}")).await;
        purged.map(|purged| purged.entries.unwrap().to_string())
    });
    let app = App::new()
        .service(web::resource("/products/{id}").route(web::get().to(HttpResponse::Ok)))
        .service(web::resource("/purge/{id}").route(purge_own))
        .service(web::resource("/files/{tail:.*}").route(web::get().to(HttpResponse::Ok)))
        .wrap(cache.clone());
    let app = init_service(app).await;
    for (segment, group) in [
        ("C%2B%2B", "product:C++"),
        ("100%25", "product:100%"),
        ("gr%C3%BCn", "product:grün"),
        ("100%2525", "product:100%25"),
        ("007", "product:007"),
    ] {
        send(&app, get(&format!("/products/{segment}"))).await;
        let purged = cache.handle().unwrap().counted().purge_group(group).await.unwrap().entries;
        assert_eq!(purged, Some(1), "{segment}");
        send(&app, get(&format!("/products/{segment}"))).await;
        let by_handler = send(&app, request("POST", &format!("/purge/{segment}"))).await;
        assert_eq!(by_handler.text(), "1", "{segment}, as `web::Path` gives it");
    }
    send(&app, get("/files/a%20b/c%25")).await;
    let purged = cache.handle().unwrap().counted().purge_group("file:a b/c%").await.unwrap();
    assert_eq!(purged.entries, Some(1));
}

/// A body whose handler gives a hint while it streams.
fn hinting(hints: CacheHints, hint: fn(&CacheHints) -> &CacheHints) -> HttpResponse {
    let body = futures_util::stream::iter(0..3).map(move |n| {
        if n == 1 {
            hint(&hints);
        }
        Ok::<_, actix_web::Error>(web::Bytes::from_static(b"part "))
    });
    HttpResponse::Ok().streaming(body)
}

#[actix_rt::test]
async fn hints_count_until_body_ends() {
    let cache = ResponseCache::memory();
    let app = App::new()
        .route(
            "/skip",
            web::get().to(async |hints: CacheHints| hinting(hints, CacheHints::no_store)),
        )
        .route(
            "/group",
            web::get().to(async |hints: CacheHints| {
                hints.group("early");
                hinting(hints, |hints| hints.group("late"))
            }),
        )
        .route(
            "/long",
            web::get()
                .to(async |hints: CacheHints| hinting(hints, |hints| hints.group("g".repeat(999)))),
        )
        .wrap(cache.clone());
    let app = init_service(app).await;
    for path in ["/skip", "/long"] {
        send(&app, get(path)).await;
        assert_eq!(send(&app, get(path)).await.word(), "MISS", "{path}");
    }
    for group in ["late", "early"] {
        send(&app, get("/group")).await;
        assert_eq!(send(&app, get("/group")).await.word(), "HIT");
        assert_eq!(
            cache.handle().unwrap().counted().purge_group(group).await.unwrap().entries,
            Some(1)
        );
        assert_eq!(send(&app, get("/group")).await.word(), "MISS");
    }
}

#[actix_rt::test]
async fn failed_purge_is_an_error_response() {
    use actix_response_cache::{StoreError, StoreErrorKind};
    use actix_web::ResponseError as _;

    // `?` makes an answer of it
    async fn update(cache: CacheHandle) -> actix_web::Result<HttpResponse> {
        cache.purge_group("products").await?;
        cache.purge_path(String::from("/products")).await?;
        Ok(HttpResponse::NoContent().finish())
    }
    let error = StoreError::new(StoreErrorKind::Unavailable);
    assert_eq!(error.error_response().status(), StatusCode::SERVICE_UNAVAILABLE);
    let app = App::new().route("/", web::put().to(update)).wrap(ResponseCache::memory());
    let seen = send(&init_service(app).await, request("PUT", "/")).await;
    assert_eq!(seen.status, StatusCode::NO_CONTENT);
}
