//! The cache key: which requests share an entry, and which requests have no key and bypass.

use actix_response_cache::{Compliance, Forwarded, Query, ResponseCache};
use actix_web::{HttpResponse, test::TestRequest};

use crate::support::{Origin, app, get, get_with, send};

/// Whether the second request is answered with what the first one left.
async fn share(cache: &ResponseCache, first: TestRequest, second: TestRequest) -> bool {
    let app = app(cache, &Origin::counting()).await;
    Box::pin(cache.handle().unwrap().purge_all()).await.unwrap();
    send(&app, first).await;
    send(&app, second).await.word() == "HIT"
}

#[actix_rt::test]
async fn distinct_urls_share_no_entry() {
    let cache = ResponseCache::memory();
    for (a, b) in [
        ("/a", "/A"),
        ("/a", "/a/"),
        ("/a", "/a?"),
        ("/a?x=1&y=2", "/a?y=2&x=1"),
        ("/a?x=1", "/a?x=2"),
        ("/a?x=1", "/a?X=1"),
        ("/a?x=a%20b", "/a?x=a+b"),
        ("/a?x=%61", "/a?x=a"),
        ("/a?x", "/a?x="),
        ("/a%2Fb", "/a/b"),
        ("/search?q=a", "/search?q=b"),
    ] {
        assert!(!share(&cache, get(a), get(b)).await, "{a} and {b}");
        assert!(share(&cache, get(a), get(a)).await, "{a}");
    }
}

#[actix_rt::test]
async fn distinct_hosts_share_no_entry() {
    let on = |host: &'static str| TestRequest::get().uri("/").insert_header(("host", host));
    assert!(!share(&ResponseCache::memory(), on("a.example"), on("b.example")).await);
}

#[actix_rt::test]
async fn queries_are_normalised_on_request() {
    let sorted = ResponseCache::memory().query(Query::sorted());
    assert!(share(&sorted, get("/?a=1&b=2"), get("/?b=2&a=1")).await);
    assert!(!share(&sorted, get("/?a=1&a=2"), get("/?a=2&a=1")).await);

    let untracked = ResponseCache::memory()
        .query(Query::as_received().ignoring_tracking_parameters(true).ignoring(["ref"]));
    for uri in ["/p?utm_source=x", "/p?gclid=1&fbclid=2", "/p?ref=a", "/p?%75tm_id=1"] {
        assert!(share(&untracked, get("/p"), get(uri)).await, "{uri}");
    }
    for uri in ["/p?id=1", "/p?id=1;utm_source=x", "/p?xutm_source=x"] {
        assert!(!share(&untracked, get("/p"), get(uri)).await, "{uri}");
    }

    let only = ResponseCache::memory().query(Query::only(["page", "per_*"]));
    assert!(share(&only, get("/?page=1&x=1"), get("/?y=2&page=1")).await);
    assert!(!share(&only, get("/?page=1"), get("/?page=1&per_page=5")).await);
}

#[actix_rt::test]
async fn ignored_parameter_is_parsed_as_extractor_parses_it() {
    // duplicates, encodings and semicolons: if two requests share an answer, the handler must read
    // the same `id` from both
    let cache = ResponseCache::memory().query(Query::as_received().ignoring(["utm_*"]));
    let origin = Origin::new(|req, _| {
        let query = actix_web::web::Query::<Vec<(String, String)>>::from_query(req.query_string());
        let ids = query.unwrap().into_inner().into_iter().filter(|(name, _)| name == "id");
        HttpResponse::Ok().body(format!("{:?}", ids.collect::<Vec<_>>()))
    });
    let app = app(&cache, &origin).await;
    for query in [
        "id=1",
        "id=1&utm_x=&id=2",
        "utm_x=1;id=2&id=1",
        "utm_x=1%26id=2&id=1",
        "id=1&utm_x=1;id=2",
        "%69d=1",
        "id=1&id=2",
        "utm_x&id=1",
        "&&id=1",
    ] {
        let cached = send(&app, get(&format!("/?{query}"))).await;
        let fresh =
            send(&app, get(&format!("/?{query}")).insert_header(("authorization", "x"))).await;
        assert_eq!(fresh.word(), "BYPASS");
        assert_eq!(cached.text(), fresh.text(), "{query}");
    }
}

#[actix_rt::test]
async fn headers_and_cookies_can_be_in_the_key() {
    let cache = ResponseCache::memory().vary_by_header("x-currency").vary_by_cookie("theme");
    let currency = |value: &'static str| get_with("/", ("x-currency", value));
    assert!(share(&cache, currency("EUR"), currency("EUR")).await);
    assert!(!share(&cache, currency("EUR"), currency("USD")).await);
    assert!(!share(&cache, currency(""), get("/")).await);
    let two = get("/").append_header(("x-currency", "a")).append_header(("x-currency", "b"));
    assert!(!share(&cache, two, currency("a, b")).await);
    let theme = |value: &'static str| get_with("/", ("cookie", value));
    assert!(share(&cache, theme("theme=dark"), theme("theme=dark")).await);
    assert!(!share(&cache, theme("theme=dark"), theme("theme=light")).await);
    assert!(!share(&cache, theme("theme=dark"), get("/")).await);
}

#[actix_rt::test]
async fn key_function_adds_to_key_or_refuses() {
    let cache = ResponseCache::memory().key_fn(|req| {
        let region = req.headers().get("x-region")?.to_str().ok()?;
        Some(region.to_owned())
    });
    let region = |value: &'static str| get_with("/", ("x-region", value));
    assert!(share(&cache, region("eu"), region("eu")).await);
    assert!(!share(&cache, region("eu"), region("us")).await);
    assert!(!share(&cache, get("/"), get("/")).await);
}

#[actix_rt::test]
async fn request_that_no_key_covers_bypasses() {
    let app = app(&ResponseCache::memory(), &Origin::counting()).await;
    let long = format!("/?{}", "x".repeat(9000));
    for (req, why) in [
        (get_with("/", ("content-length", "1")), "request-body"),
        (get_with("/", ("transfer-encoding", "chunked")), "request-body"),
        (get_with("/", ("x-http-method-override", "PUT")), "method-override"),
        (get_with("/", ("x-method-override", "PUT")), "method-override"),
        (get_with("/", ("upgrade", "websocket")), "upgrade"),
        (get_with("/", ("upgrade", "h2c, WebSocket")), "upgrade"),
        (get_with("/", ("forwarded", "for=1.2.3.4;host=evil")), "forwarded"),
        (get_with("/", ("x-forwarded-host", "evil")), "forwarded"),
        (get_with("/", ("x-forwarded-proto", "https")), "forwarded"),
        (get_with("/", ("x-forwarded-prefix", "/x")), "forwarded"),
        (get_with("/", ("x-original-url", "/admin")), "forwarded"),
        (get(&long), "key-too-long"),
    ] {
        let seen = send(&app, req).await;
        let expected = format!("actix-response-cache; fwd=bypass; detail={why}");
        assert_eq!(seen.field("cache-status"), expected);
    }
    assert_eq!(send(&app, get("/")).await.word(), "MISS", "none of them was stored");
}

#[actix_rt::test]
async fn forwarded_host_does_not_poison_cache() {
    let echo =
        || Origin::new(|req, _| HttpResponse::Ok().body(req.connection_info().host().to_owned()));
    let evil = || get_with("/", ("x-forwarded-host", "evil.example"));
    for cache in [
        ResponseCache::memory(),
        ResponseCache::memory().compliance(Compliance::careful().forwarded(Forwarded::Trust)),
    ] {
        let app = app(&cache, &echo()).await;
        assert_eq!(send(&app, evil()).await.text(), "evil.example");
        assert_eq!(send(&app, get("/")).await.text(), "shop.example");
        assert_eq!(send(&app, evil()).await.text(), "evil.example");
    }
    let trusting =
        ResponseCache::memory().compliance(Compliance::careful().forwarded(Forwarded::Trust));
    assert!(share(&trusting, evil(), evil()).await);
    let ignoring =
        ResponseCache::memory().compliance(Compliance::careful().forwarded(Forwarded::Ignore));
    assert!(share(&ignoring, get("/"), evil()).await);
    // who asks is no more part of the answer than the peer's address is
    let client = get_with("/", ("x-forwarded-for", "1.2.3.4"));
    assert!(share(&ResponseCache::memory(), get("/"), client).await);
}

#[actix_rt::test]
async fn ignorable_upgrade_is_cached() {
    for upgrade in ["h2c", "HTTP/2.0", "TLS/1.0"] {
        let req = || get_with("/", ("upgrade", upgrade)).insert_header(("connection", "upgrade"));
        assert!(share(&ResponseCache::memory(), get("/"), req()).await, "{upgrade}");
        assert!(share(&ResponseCache::memory(), req(), get("/")).await, "{upgrade}");
    }
}

/// Tells all that a handler can read of the target.
fn echo_of_target() -> Origin {
    Origin::new(|req, _| {
        let seen = req.connection_info().clone();
        let uri = req.uri();
        let host = req.headers().get("host").map(|host| host.to_str().unwrap().to_owned());
        HttpResponse::Ok().body(format!(
            "{} {} {:?} {:?} {host:?} {}",
            seen.scheme(),
            seen.host(),
            uri.scheme_str(),
            uri.authority(),
            req.full_url(),
        ))
    })
}

#[actix_rt::test]
async fn key_holds_the_whole_target() {
    let targets = [
        (Some("shop.example"), "/page"),
        (Some("shop.example:80"), "/page"),
        (Some("SHOP.example"), "/page"),
        (None, "/page"),
        (Some("shop.example"), "http://shop.example/page"),
        (Some("shop.example"), "https://shop.example/page"),
        (Some("shop.example"), "http://shop.example:80/page"),
        (Some("shop.example"), "http://SHOP.example/page"),
        (Some("shop.example"), "http://user@shop.example/page"),
        (None, "http://shop.example/page"),
        (Some("shop.example"), "evil://shop.example/page"),
        (Some("shop.example"), "ftp://shop.example/page"),
        (Some("shop.example"), "http://evil.example/page"),
        (Some("evil.example"), "http://shop.example/page"),
        (None, "evil://shop.example/page"),
    ];
    let request = |(host, uri): (Option<&'static str>, &'static str)| {
        let req = TestRequest::get().uri(uri);
        match host {
            Some(host) => req.insert_header(("host", host)),
            None => req,
        }
    };
    for cache in [
        ResponseCache::memory(),
        ResponseCache::memory().compliance(Compliance::careful().forwarded(Forwarded::Trust)),
    ] {
        let cached = app(&cache, &echo_of_target()).await;
        let plain = app(&ResponseCache::memory().exclude("/"), &echo_of_target()).await;
        for first in targets {
            cache.handle().unwrap().purge_all().await.unwrap();
            send(&cached, request(first)).await;
            for target in targets {
                let expected = send(&plain, request(target)).await;
                assert_eq!(send(&cached, request(target)).await.text(), expected.text());
            }
            assert_eq!(send(&cached, request(targets[0])).await.word(), "HIT");
        }
    }
}

#[actix_rt::test]
async fn target_with_other_scheme_or_two_hosts_bypasses() {
    let app = app(&ResponseCache::memory(), &Origin::counting()).await;
    for req in [
        get("evil://shop.example/page"),
        get("http://evil.example/page"),
        get("/page").append_header(("host", "evil.example")),
    ] {
        let seen = send(&app, req).await;
        assert_eq!(seen.field("cache-status"), "actix-response-cache; fwd=bypass; detail=target");
    }
}

#[actix_rt::test]
async fn trusted_forwarded_host_and_host_are_in_the_key() {
    use actix_web::{App, guard, test::init_service, web};

    let tenant = |name: &'static str| {
        let page = move || async move { name };
        web::resource("/page").guard(guard::Host(name)).route(web::get().to(page))
    };
    let app = App::new().service(tenant("tenant-a")).service(tenant("tenant-b")).wrap(
        ResponseCache::memory().compliance(Compliance::careful().forwarded(Forwarded::Trust)),
    );
    let app = init_service(app).await;
    let ask = |host: &'static str, forwarded: Option<(&'static str, &'static str)>| {
        let req = TestRequest::get().uri("/page").insert_header(("host", host));
        match forwarded {
            Some(field) => req.insert_header(field),
            None => req,
        }
    };
    for word in ["MISS", "HIT"] {
        for forwarded in [
            None,
            Some(("forwarded", "host=tenant-b")),
            Some(("x-forwarded-host", "tenant-b")),
            Some(("forwarded", "host=tenant-a")),
            Some(("x-forwarded-proto", "https")),
        ] {
            for host in ["tenant-a", "tenant-b"] {
                let seen = send(&app, ask(host, forwarded)).await;
                assert_eq!((seen.text(), seen.word()), (host, word), "{forwarded:?}");
            }
        }
    }
    let evil = send(&app, ask("tenant-a", Some(("x-forwarded-proto", "evil")))).await;
    assert_eq!(evil.word(), "BYPASS", "and no scheme but `http` and `https`");
}

#[actix_rt::test]
async fn guard_on_header_needs_header_in_the_key() {
    use actix_web::{App, guard, test::init_service, web};

    let app = |cache: ResponseCache| {
        let version = |name: &'static str| {
            let page = move || async move { name };
            web::resource("/page")
                .guard(guard::Header("x-version", name))
                .route(web::get().to(page))
        };
        init_service(App::new().service(version("1")).service(version("2")).wrap(cache))
    };
    let ask = |version: &'static str| get_with("/page", ("x-version", version));
    // no `Vary` names the header, so the cache cannot know: why the documentation says it
    let unaware = app(ResponseCache::memory()).await;
    send(&unaware, ask("1")).await;
    assert_eq!(send(&unaware, ask("2")).await.text(), "1");
    let cured = app(ResponseCache::memory().vary_by_header("x-version")).await;
    for word in ["MISS", "HIT"] {
        for version in ["1", "2"] {
            let seen = send(&cured, ask(version)).await;
            assert_eq!((seen.text(), seen.word()), (version, word));
        }
    }
}
