//! What tells two requests apart, and which requests no key can be made for.

use actix_response_cache::ResponseCache;
use actix_web::{HttpResponse, test::TestRequest};

use crate::support::{Origin, app, get, get_with, send};

/// Whether the second request is answered with what the first one left.
async fn share(cache: &ResponseCache, first: TestRequest, second: TestRequest) -> bool {
    let app = app(cache, &Origin::counting()).await;
    cache.handle().unwrap().purge_all().await.unwrap();
    send(&app, first).await;
    send(&app, second).await.word() == "HIT"
}

#[actix_rt::test]
async fn urls_that_the_handler_can_tell_apart_share_nothing() {
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
async fn hosts_share_nothing() {
    let on = |host: &'static str| TestRequest::get().uri("/").insert_header(("host", host));
    assert!(!share(&ResponseCache::memory(), on("a.example"), on("b.example")).await);
}

#[actix_rt::test]
async fn queries_can_be_normalised() {
    let sorted = ResponseCache::memory().sort_query();
    assert!(share(&sorted, get("/?a=1&b=2"), get("/?b=2&a=1")).await);
    assert!(!share(&sorted, get("/?a=1&a=2"), get("/?a=2&a=1")).await);

    let untracked = ResponseCache::memory().ignore_tracking_parameters().ignore_query(["ref"]);
    for uri in ["/p?utm_source=x", "/p?gclid=1&fbclid=2", "/p?ref=a", "/p?%75tm_id=1"] {
        assert!(share(&untracked, get("/p"), get(uri)).await, "{uri}");
    }
    for uri in ["/p?id=1", "/p?id=1;utm_source=x", "/p?xutm_source=x"] {
        assert!(!share(&untracked, get("/p"), get(uri)).await, "{uri}");
    }

    let only = ResponseCache::memory().only_query(["page", "per_*"]);
    assert!(share(&only, get("/?page=1&x=1"), get("/?y=2&page=1")).await);
    assert!(!share(&only, get("/?page=1"), get("/?page=1&per_page=5")).await);
}

#[actix_rt::test]
async fn an_ignored_parameter_is_cut_as_the_extractor_cuts_it() {
    // duplicates, encodings and semicolons: if two requests share an answer, the handler must read
    // the same `id` from both
    let cache = ResponseCache::memory().ignore_query(["utm_*"]);
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
async fn fields_and_cookies_can_be_part_of_the_key() {
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
async fn a_function_can_add_to_the_key_or_refuse() {
    let cache = ResponseCache::memory().key_with(|req| {
        let region = req.headers().get("x-region")?.to_str().ok()?;
        Some(region.to_owned())
    });
    let region = |value: &'static str| get_with("/", ("x-region", value));
    assert!(share(&cache, region("eu"), region("eu")).await);
    assert!(!share(&cache, region("eu"), region("us")).await);
    assert!(!share(&cache, get("/"), get("/")).await);
}

#[actix_rt::test]
async fn what_no_key_covers_bypasses() {
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
async fn a_forwarded_host_poisons_nothing() {
    let echo =
        || Origin::new(|req, _| HttpResponse::Ok().body(req.connection_info().host().to_owned()));
    let evil = || get_with("/", ("x-forwarded-host", "evil.example"));
    for cache in [ResponseCache::memory(), ResponseCache::memory().trust_forwarded()] {
        let app = app(&cache, &echo()).await;
        assert_eq!(send(&app, evil()).await.text(), "evil.example");
        assert_eq!(send(&app, get("/")).await.text(), "shop.example");
        assert_eq!(send(&app, evil()).await.text(), "evil.example");
    }
    let trusting = ResponseCache::memory().trust_forwarded();
    assert!(share(&trusting, evil(), evil()).await);
    let ignoring = ResponseCache::memory().ignore_forwarded();
    assert!(share(&ignoring, get("/"), evil()).await);
    // who asks is no more part of the answer than the peer's address is
    let client = get_with("/", ("x-forwarded-for", "1.2.3.4"));
    assert!(share(&ResponseCache::memory(), get("/"), client).await);
}

#[actix_rt::test]
async fn an_upgrade_that_may_be_ignored_is() {
    for upgrade in ["h2c", "HTTP/2.0", "TLS/1.0"] {
        let req = || get_with("/", ("upgrade", upgrade)).insert_header(("connection", "upgrade"));
        assert!(share(&ResponseCache::memory(), get("/"), req()).await, "{upgrade}");
        assert!(share(&ResponseCache::memory(), req(), get("/")).await, "{upgrade}");
    }
}
