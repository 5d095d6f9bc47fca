//! Refreshes that are asked for: a warm start, and what is popular again after a purge.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use actix_response_cache::{
    CacheHandle, Purge, Reason, Refresh, RefreshOutcome, RefreshReport, ResponseCache, Rule,
};
use actix_web::{App, HttpRequest, HttpResponse, test::init_service, web};

use tokio::sync::Semaphore;

use crate::support::{Origin, Seen, TestApp, app, get, get_with, send, settle};

mod over_redis;
mod warm_up;

/// What the cache says of a response, without its lifetime.
fn verdict(seen: &Seen) -> String {
    let status = seen.field("cache-status");
    let said = status.strip_prefix("actix-response-cache; ").unwrap_or(&status);
    said.split("; ttl").next().unwrap_or_default().to_owned()
}

fn outcomes(report: &RefreshReport) -> Vec<RefreshOutcome> {
    report.urls.iter().map(|url| url.outcome.clone()).collect()
}

/// Refreshes while clients send this request until that has ended.
async fn while_asked(
    app: &impl TestApp,
    uri: &str,
    handle: &CacheHandle,
    urls: &[&str],
) -> RefreshReport {
    let refresh = handle.refresh(urls.iter().copied(), 4);
    let ask = async {
        loop {
            send(app, get(uri)).await;
            actix_rt::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        report = refresh => report,
        () = ask => unreachable!(),
    }
}

/// Data of the application, as extractors find it.
struct Named(&'static str);

async fn named(data: web::Data<Named>, path: web::Path<String>) -> String {
    format!("{} {path}", data.0)
}

#[actix_rt::test]
async fn responses_are_stored_as_those_to_clients() {
    let cache = ResponseCache::memory();
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let handler = move |req: HttpRequest, data: web::Data<Named>, path: web::Path<u64>| {
        counted.fetch_add(1, Ordering::SeqCst);
        let pattern = req.match_pattern();
        async move { format!("{} {path} {pattern:?} {}", data.0, req.query_string()) }
    };
    let app = init_service(
        App::new()
            .app_data(web::Data::new(Named("app")))
            .wrap(cache.clone())
            .route("/products/{id}", web::get().to(handler))
            .route("/else", web::get().to(async || "else")),
    )
    .await;
    send(&app, get("/else")).await;
    let handle = cache.handle().unwrap();
    let urls =
        ["/products/1", "//shop.example/products/2?page=1", "http://shop.example/products/3"];
    let report = while_asked(&app, "/else", &handle, &urls).await;
    assert_eq!(outcomes(&report), [const { RefreshOutcome::Stored }; 3]);
    assert_eq!(report.stored(), 3);
    assert_eq!(report.urls[1].url, urls[1]);
    let before = calls.load(Ordering::SeqCst);
    for (uri, expected) in [
        ("/products/1", "app 1 Some(\"/products/{id}\") "),
        ("/products/2?page=1", "app 2 Some(\"/products/{id}\") page=1"),
        ("/products/3", "app 3 Some(\"/products/{id}\") "),
    ] {
        let seen = send(&app, get(uri)).await;
        assert_eq!((seen.body.as_ref(), verdict(&seen)), (expected.as_bytes(), "hit".to_owned()));
    }
    assert_eq!((before, calls.load(Ordering::SeqCst)), (3, 3), "one call each");
}

#[actix_rt::test]
async fn many_urls_of_one_route_need_one_request_of_a_client() {
    let cache = ResponseCache::memory();
    let origin = Origin::counting();
    let app =
        init_service(App::new().wrap(cache.clone()).route("/products/{id}", origin.route())).await;
    let handle = cache.handle().unwrap();
    let urls: Vec<_> = (0..100).map(|number| format!("/products/{number}")).collect();
    let refresh = actix_rt::spawn(async move { handle.refresh(urls, 8).await });
    actix_rt::task::yield_now().await;
    send(&app, get("/products/0")).await;
    let report = refresh.await.unwrap();
    assert_eq!(report.stored(), 100, "{report:?}");
    assert_eq!(cache.handle().unwrap().stats().entries, Some(100));
    assert_eq!(
        cache.handle().unwrap().stats().requests(),
        1,
        "refreshes are no requests of clients"
    );
}

#[actix_rt::test]
async fn each_scope_has_its_own_data() {
    let cache = ResponseCache::memory();
    let scope = |path, name| {
        web::scope(path).app_data(web::Data::new(Named(name))).route("/{id}", web::get().to(named))
    };
    let app = init_service(
        App::new()
            .app_data(web::Data::new(Named("app")))
            .wrap(cache.clone())
            .service(scope("/a", "a"))
            .service(scope("/b", "b"))
            .route("/c/{id}", web::get().to(named)),
    )
    .await;
    let handle = cache.handle().unwrap();
    let urls = ["/a/1", "/b/1", "/c/1", "/a/2", "/c/2", "/b/2"];
    let report = while_asked(&app, "/a/0", &handle, &urls).await;
    assert_eq!(report.stored(), urls.len(), "{report:?}");
    for (uri, expected) in
        [("/a/1", "a 1"), ("/b/1", "b 1"), ("/c/1", "app 1"), ("/a/2", "a 2"), ("/c/2", "app 2")]
    {
        let seen = send(&app, get(uri)).await;
        assert_eq!((seen.body.as_ref(), verdict(&seen)), (expected.as_bytes(), "hit".to_owned()));
    }
}

#[actix_rt::test]
async fn request_that_was_routed_runs_no_other_route() {
    let cache = ResponseCache::memory();
    let app = init_service(
        App::new()
            .app_data(web::Data::new(Named("app")))
            .wrap(cache.clone())
            .service(
                web::scope("/a")
                    .app_data(web::Data::new(Named("a")))
                    .route("/{id}", web::get().to(named)),
            )
            .route("/c/{id}", web::get().to(named)),
    )
    .await;
    let handle = cache.handle().unwrap().ready_within(Duration::from_millis(200));
    let refresh = actix_rt::spawn(async move { handle.refresh(["/c/1", "/a/1"], 4).await });
    actix_rt::task::yield_now().await;
    send(&app, get("/a/0")).await;
    let report = refresh.await.unwrap();
    assert_eq!(outcomes(&report), [RefreshOutcome::NotReady, RefreshOutcome::Stored]);
}

#[actix_rt::test]
async fn cache_of_a_scope_refreshes_what_is_in_it() {
    let cache = ResponseCache::memory();
    let app = init_service(
        App::new().app_data(web::Data::new(Named("app"))).service(
            web::scope("/shop")
                .app_data(web::Data::new(Named("shop")))
                .wrap(cache.clone())
                .route("/{id}", web::get().to(named)),
        ),
    )
    .await;
    let handle = cache.handle().unwrap().ready_within(Duration::from_millis(300));
    send(&app, get("/shop/1")).await;
    let report = while_asked(&app, "/shop/1", &handle, &["/shop/2", "/else/2"]).await;
    assert_eq!(outcomes(&report), [RefreshOutcome::Stored, RefreshOutcome::NotReady]);
    let seen = send(&app, get("/shop/2")).await;
    assert_eq!((seen.body.as_ref(), verdict(&seen)), (b"shop 2".as_slice(), "hit".to_owned()));
}

#[actix_rt::test]
async fn without_any_request_no_worker_is_ready() {
    let cache = ResponseCache::memory();
    let app = app(&cache, &Origin::counting()).await;
    let handle = cache.handle().unwrap().ready_within(Duration::from_millis(20));
    let report = handle.refresh(["/a", "b", "/c"], 1).await;
    assert_eq!(report.urls[0].outcome, RefreshOutcome::NotReady);
    assert!(matches!(report.urls[1].outcome, RefreshOutcome::BadRequest(_)));
    assert_eq!(report.urls[2].outcome, RefreshOutcome::NotReady);
    // nothing is left of that
    assert_eq!(verdict(&send(&app, get("/a")).await), "fwd=uri-miss; stored");
    assert_eq!(verdict(&send(&app, get("/a")).await), "hit");
}

#[actix_rt::test]
async fn each_url_has_its_reason() {
    let cache = ResponseCache::memory().exclude("/excluded");
    let origin = Origin::new(|req, _| match req.path() {
        "/private" => HttpResponse::Ok().insert_header(("cache-control", "private")).finish(),
        "/cookie" => HttpResponse::Ok().insert_header(("set-cookie", "a=b")).finish(),
        "/broken" => HttpResponse::InternalServerError().finish(),
        "/panics" => panic!("a handler"),
        _ => HttpResponse::Ok().body("x"),
    });
    let app = app(&cache, &origin).await;
    send(&app, get("/a")).await;
    let urls = ["/private", "/cookie", "/excluded", "/broken", "/panics", "/b"];
    let report = while_asked(&app, "/a", &cache.handle().unwrap(), &urls).await;
    let expected = [
        RefreshOutcome::NotStored(Reason::Private),
        RefreshOutcome::NotStored(Reason::SetCookie),
        RefreshOutcome::NotStored(Reason::Excluded),
        RefreshOutcome::Failed("500 Internal Server Error".to_owned()),
        RefreshOutcome::Failed("the handler panicked".to_owned()),
        RefreshOutcome::Stored,
    ];
    assert_eq!(outcomes(&report), expected);
    assert_eq!(report.stored(), 1);
    assert_eq!(verdict(&send(&app, get("/b")).await), "hit");
}

#[actix_rt::test]
async fn handlers_see_the_headers_given_and_nothing_of_the_client() {
    let cache = ResponseCache::memory().vary_by_header("accept-language");
    let origin = Origin::new(|req, _| {
        let mut names: Vec<_> = req.headers().keys().map(ToString::to_string).collect();
        names.sort_unstable();
        HttpResponse::Ok().body(format!("{names:?} {:?}", req.peer_addr()))
    });
    let app = app(&cache, &origin).await;
    let handle = cache.handle().unwrap();
    let refresh = actix_rt::spawn(async move {
        handle.refresh([Refresh::get("/a").header("accept-language", "de")], 1).await
    });
    actix_rt::task::yield_now().await;
    let client = get_with("/b", ("x-secret", "s")).peer_addr("10.0.0.1:1".parse().unwrap());
    send(&app, client).await;
    assert_eq!(refresh.await.unwrap().stored(), 1);
    let seen = send(&app, get_with("/a", ("accept-language", "de"))).await;
    assert_eq!(seen.body, "[\"accept-language\", \"host\"] None");
    assert_eq!(verdict(&seen), "hit");
}

#[actix_rt::test]
async fn response_from_before_a_purge_is_not_stored() {
    let cache = ResponseCache::memory();
    let (begun, go) = (Arc::new(tokio::sync::Notify::new()), Arc::new(tokio::sync::Notify::new()));
    let (begins, goes) = (Arc::clone(&begun), Arc::clone(&go));
    let slow = move || {
        let (begins, goes) = (Arc::clone(&begins), Arc::clone(&goes));
        async move {
            begins.notify_one();
            goes.notified().await;
            "old"
        }
    };
    let app = init_service(
        App::new()
            .wrap(cache.clone())
            .route("/slow", web::get().to(slow))
            .route("/else", web::get().to(async || "else")),
    )
    .await;
    let handle = cache.handle().unwrap();
    let of_task = handle.clone();
    let refresh = actix_rt::spawn(async move { of_task.refresh(["/slow"], 1).await });
    actix_rt::task::yield_now().await;
    send(&app, get("/else")).await;
    send(&app, get("/else")).await;
    begun.notified().await;
    handle.purge_path("/slow").await.unwrap();
    go.notify_one();
    let report = refresh.await.unwrap();
    assert_eq!(outcomes(&report), [RefreshOutcome::NotStored(Reason::Purged)]);
    assert_eq!(handle.stats().entries, Some(1));
}

#[actix_rt::test]
async fn requests_that_come_while_refreshes_run_let_more_of_them_run() {
    let cache = ResponseCache::memory();
    let (slow, calls) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
    let handler = move |path: web::Path<u32>| {
        let (slow, calls) = (Arc::clone(&slow), Arc::clone(&calls));
        async move {
            match *path {
                0 | 3 => {}
                // the last one to begin lets both end
                _ if calls.fetch_add(1, Ordering::SeqCst) == 1 => slow.add_permits(2),
                _ => drop(slow.acquire().await),
            }
            "x"
        }
    };
    let app = App::new().wrap(cache.clone()).route("/{number}", web::get().to(handler));
    let app = init_service(app).await;
    let handle = cache.handle().unwrap();
    let first = while_asked(&app, "/0", &handle, &["/3"]).await;
    assert_eq!(first.stored(), 1, "{first:?}");
    // one request is kept, and both want it
    let report = while_asked(&app, "/0", &handle, &["/1", "/2"]).await;
    assert_eq!(report.stored(), 2, "{report:?}");
}

#[actix_rt::test]
async fn no_more_run_at_a_time_than_is_said() {
    let cache = ResponseCache::memory();
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (now, top) = (Arc::clone(&running), Arc::clone(&most));
    let handler = move || {
        let (now, top) = (Arc::clone(&now), Arc::clone(&top));
        async move {
            top.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            actix_rt::time::sleep(Duration::from_millis(5)).await;
            now.fetch_sub(1, Ordering::SeqCst);
            "x"
        }
    };
    let app = init_service(
        App::new()
            .wrap(cache.clone())
            .route("/else", web::get().to(async || "else"))
            .default_service(web::to(handler)),
    )
    .await;
    send(&app, get("/else")).await;
    let urls: Vec<_> = (0..40).map(|number| format!("/{number}")).collect();
    let urls: Vec<_> = urls.iter().map(String::as_str).collect();
    let report = while_asked(&app, "/else", &cache.handle().unwrap(), &urls).await;
    assert_eq!(report.stored(), 40);
    let most = most.load(Ordering::SeqCst);
    assert!((2..=4).contains(&most), "{most} at a time");
}

/// Asks for each so often that the statistics, which are samples, know it.
async fn make_popular(app: &impl TestApp, uris: &[&str]) {
    for uri in uris {
        for _ in 0..400 {
            send(app, get(uri)).await;
        }
    }
}

#[actix_rt::test]
async fn purge_asks_again_for_what_was_popular_among_what_went() {
    let rule = || Rule::new().groups(["products"]);
    let cache = ResponseCache::memory().rule("/products/{id}", rule());
    let origin = Origin::counting();
    let app = app(&cache, &origin).await;
    make_popular(&app, &["/products/1", "/products/2", "/else"]).await;
    send(&app, get("/products/3")).await;
    send(&app, get_with("/products/4", ("authorization", "a"))).await;
    let before = origin.calls();
    for purge in [Purge::group("products"), Purge::prefix("/products"), Purge::path("/products/1")]
    {
        let handle = cache.handle().unwrap();
        let popular = if purge == Purge::path("/products/1") { 1 } else { 2 };
        let calls = origin.calls();
        handle.then_refresh().purge(&purge).await.unwrap();
        // it is run with a request of a client
        while origin.calls() < calls + popular {
            send(&app, get("/else")).await;
            actix_rt::task::yield_now().await;
        }
        settle(&cache).await;
        assert_eq!(origin.calls(), calls + popular, "{purge:?}");
        for uri in ["/products/1", "/products/2", "/else"] {
            assert_eq!(verdict(&send(&app, get(uri)).await), "hit", "{purge:?} {uri}");
        }
    }
    assert_eq!(origin.calls(), before + 5);
}

#[actix_rt::test]
async fn exported_keys_are_those_of_urls_with_the_popular_first() {
    let cache = ResponseCache::memory();
    let origin = Origin::with_fields(&[("cache-control", "public, max-age=60")]);
    let app = app(&cache, &origin).await;
    for number in 0..70 {
        send(&app, get(&format!("/{number}?a=b"))).await;
    }
    send(&app, get("/popular")).await;
    make_popular(&app, &["/popular"]).await;
    send(&app, get_with("/other", ("origin", "https://a.example"))).await;
    let handle = cache.handle().unwrap();
    let all = handle.export_keys(1000).await;
    assert_eq!((all.len(), all[0].as_str()), (71, "//shop.example/popular"));
    assert!(all.contains(&"//shop.example/7?a=b".to_owned()));
    assert_eq!(handle.export_keys(1).await, ["//shop.example/popular"]);
    assert_eq!(handle.export_keys(0).await, [""; 0]);
    handle.purge_all().await.unwrap();
    let all: Vec<_> = all.iter().map(String::as_str).collect();
    let report = while_asked(&app, "/popular", &handle, &all).await;
    assert_eq!(report.stored(), 71, "{report:?}");
    assert_eq!(handle.export_keys(1000).await.len(), 71);
}
