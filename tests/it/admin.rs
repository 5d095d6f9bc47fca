//! The admin scope: a token or nothing, clear errors, purges, statistics, the switch.

use actix_response_cache::{AdminToken, Credentials, ResponseCache};
use actix_web::{
    App,
    test::{TestRequest, init_service},
    web,
};
use serde_json::{Value, json};

use crate::support::{Origin, TestApp, get, log::Log, request, send};

const TOKEN: &str = "a-token-that-is-long-enough";

async fn app(cache: &ResponseCache) -> impl TestApp + use<> {
    let admin = cache.admin("/_cache", AdminToken::new(TOKEN).unwrap());
    let origin = Origin::with_fields(&[("cache-groups", "\"g\"")]);
    init_service(App::new().service(admin).default_service(origin.route()).wrap(cache.clone()))
        .await
}

fn admin(method: &str, path: &str) -> TestRequest {
    request(method, &format!("/_cache{path}"))
        .insert_header(("authorization", format!("Bearer {TOKEN}")))
}

async fn answer(app: &impl TestApp, req: TestRequest) -> (u16, Value) {
    let seen = send(app, req).await;
    assert_eq!(seen.field("cache-control"), "no-store");
    (seen.status.as_u16(), serde_json::from_slice(&seen.body).expect("every answer is JSON"))
}

#[actix_rt::test]
async fn every_request_without_the_token_is_401() {
    let cache = ResponseCache::memory();
    let app = app(&cache).await;
    send(&app, get("/")).await;
    for (method, path) in
        [("GET", "/stats"), ("POST", "/purge"), ("POST", "/switch"), ("GET", "/nothing")]
    {
        for token in ["", "Bearer ", "Bearer wrong-token-of-some-length", &format!("Basic {TOKEN}")]
        {
            let req = request(method, &format!("/_cache{path}"))
                .insert_header(("authorization", token.to_owned()))
                .set_payload("{\"all\": true}");
            let seen = send(&app, req).await;
            assert_eq!(seen.status, 401, "{method} {path} {token}");
            assert!(seen.field("www-authenticate").starts_with("Bearer"));
            assert!(serde_json::from_slice::<Value>(&seen.body).unwrap()["error"].is_string());
        }
    }
    assert_eq!(send(&app, get("/")).await.word(), "HIT", "nothing was purged");
}

#[actix_rt::test]
async fn purge_returns_number_of_entries() {
    let cache = ResponseCache::memory();
    let app = app(&cache).await;
    for (body, purged) in [
        (json!({ "url": "/a?x=1" }), 1),
        (json!({ "url": "http://shop.example/a" }), 1),
        (json!({ "path": "/a" }), 2),
        (json!({ "prefix": "/" }), 3),
        (json!({ "group": "g" }), 3),
        (json!({ "all": true }), 3),
        (json!({ "path": "/nothing" }), 0),
        (json!({ "path": "/a", "soft": false }), 2),
        (json!({ "soft": true, "group": "g" }), 3),
        (json!({ "all": true, "soft": true }), 3),
        (json!({ "path": "/a", "counted": true }), 2),
    ] {
        for page in ["/a", "/a?x=1", "/b"] {
            send(&app, get(page)).await;
        }
        let req = admin("POST", "/purge").set_payload(body.to_string());
        assert_eq!(answer(&app, req).await, (200, json!({ "purged": purged })), "{body}");
    }
}

#[actix_rt::test]
async fn purge_does_not_count_where_asked_not_to() {
    let app = app(&ResponseCache::memory()).await;
    send(&app, get("/a")).await;
    let body = json!({ "path": "/a", "counted": false });
    let req = admin("POST", "/purge").set_payload(body.to_string());
    assert_eq!(answer(&app, req).await, (200, json!({ "purged": null })));
    assert_eq!(send(&app, get("/a")).await.word(), "MISS");
}

#[actix_rt::test]
async fn bad_input_is_400_with_reason() {
    let app = app(&ResponseCache::memory()).await;
    for body in [
        "",
        "{",
        "[]",
        "{}",
        "\"all\"",
        "{\"all\": false}",
        "{\"all\": 1}",
        "{\"path\": 7}",
        "{\"path\": \"no-slash\"}",
        "{\"url\": \"no-slash\"}",
        "{\"prefix\": \"\"}",
        "{\"group\": \"\"}",
        "{\"path\": \"/a\", \"all\": true}",
        "{\"soft\": true}",
        "{\"path\": \"/a\", \"soft\": 1}",
        "{\"everything\": true}",
        "\u{0}",
    ] {
        let req = admin("POST", "/purge").set_payload(body);
        let (status, error) = answer(&app, req).await;
        assert_eq!(status, 400, "{body}");
        assert!(error["error"].as_str().is_some_and(|text| !text.is_empty()), "{body}");
    }
    let (status, _) = answer(&app, admin("POST", "/switch").set_payload("{\"on\": 1}")).await;
    assert_eq!(status, 400);
    let long = format!("{{\"path\": \"/{}\"}}", "x".repeat(100_000));
    let (status, _) = answer(&app, admin("POST", "/purge").set_payload(long)).await;
    assert_eq!(status, 413);
    assert_eq!(answer(&app, admin("GET", "/nothing")).await.0, 404);
}

#[actix_rt::test]
async fn statistics_are_returned_as_json() {
    let cache = ResponseCache::memory();
    let app = app(&cache).await;
    for req in [get("/"), get("/"), get("/").insert_header(("cookie", "a=b")), request("PUT", "/x")]
    {
        send(&app, req).await;
    }
    let (status, stats) = answer(&app, admin("GET", "/stats")).await;
    assert_eq!(status, 200);
    assert_eq!(
        (&stats["hits"], &stats["misses"], &stats["stores"]),
        (&json!(1), &json!(1), &json!(1))
    );
    assert_eq!(stats["bypasses"], json!({ "cookie": 1, "method": 1 }));
    assert_eq!(
        (&stats["entries"], &stats["purges"], &stats["on"]),
        (&json!(1), &json!(1), &json!(true))
    );
    for count in ["stale", "stood_in", "collapsed", "flights", "refreshes", "recorded"] {
        assert_eq!(stats[count], json!(0), "{count}");
    }
    assert!(stats["bytes"].as_u64().unwrap() > 0);
    assert_eq!(stats["hit_times"]["count"], json!(1));
    assert!(stats["handler_times"]["p99_seconds"].as_f64().unwrap() > 0.0);
}

#[actix_rt::test]
async fn switch_turns_cache_off_and_on() {
    let app = app(&ResponseCache::memory()).await;
    let switch = |on: bool| admin("POST", "/switch").set_payload(json!({ "on": on }).to_string());
    assert_eq!(answer(&app, switch(false)).await, (200, json!({ "on": false })));
    assert_eq!(answer(&app, admin("GET", "/switch")).await, (200, json!({ "on": false })));
    assert_eq!(send(&app, get("/")).await.word(), "BYPASS");
    answer(&app, switch(true)).await;
    assert_eq!(send(&app, get("/")).await.word(), "MISS");
}

#[actix_rt::test]
async fn purge_and_ban_methods_purge_nothing() {
    let app = app(&ResponseCache::memory()).await;
    for method in ["PURGE", "BAN"] {
        send(&app, get("/a")).await;
        // the origin answers 404 to what it does not know, as an application does
        let missing = request(method, "/_cache/purge").set_payload("{\"all\": true}");
        assert_eq!(send(&app, missing).await.status, 401);
        assert_eq!(send(&app, get("/a")).await.word(), "HIT", "{method}");
    }
}

#[actix_rt::test]
async fn admin_responses_in_cached_scope_are_not_stored() {
    let cache = ResponseCache::memory();
    let admin_scope = cache.admin("/_cache", AdminToken::new(TOKEN).unwrap());
    let ops = web::scope("/ops")
        .service(admin_scope)
        .wrap(ResponseCache::memory().credentials(Credentials::new().cookies_are_harmless(true)));
    let app = init_service(App::new().service(ops)).await;
    let stats = || {
        request("GET", "/ops/_cache/stats")
            .insert_header(("authorization", format!("Bearer {TOKEN}")))
    };
    let log = Log::default();
    let _guard = log.listen();
    for _ in 0..2 {
        let seen = send(&app, stats()).await;
        assert_eq!((seen.status.as_u16(), seen.word() == "HIT"), (200, false));
    }
    assert_eq!(log.text().matches("the admin scope is inside a cached scope").count(), 1);
}

#[actix_rt::test]
async fn purge_target_that_matches_nothing_is_refused_with_reason() {
    let cache = ResponseCache::memory();
    let app = app(&cache).await;
    for (target, said) in [
        (r#"{"url": "*"}"#, "`*`"),
        (r#"{"url": "products/7"}"#, "`products/7`"),
        (r#"{"url": "/products/*"}"#, "%2A"),
        (r#"{"path": "products"}"#, "`products`"),
        (r#"{"path": "/products/*"}"#, "no patterns"),
        (r#"{"path": "https://shop.example/"}"#, "purge_url"),
        (r#"{"prefix": ""}"#, "``"),
    ] {
        let (status, told) = answer(&app, admin("POST", "/purge").set_payload(target)).await;
        assert_eq!(status, 400, "{target}");
        assert!(told["error"].as_str().unwrap().contains(said), "{target}: {told}");
    }
    assert_eq!(cache.handle().unwrap().stats().purges, 0);
}

#[actix_rt::test]
async fn path_that_is_a_pattern_is_a_configuration_error() {
    for path in ["/{cache", "/{cache}", "/cache*", "_cache"] {
        let cache = ResponseCache::memory();
        let admin = cache.admin(path, AdminToken::new(TOKEN).unwrap());
        init_service(App::new().service(admin)).await;
        let error = cache.check().await.expect_err(path);
        assert_eq!(error.setting(), "admin");
        assert!(error.to_string().contains(path), "{error}");
    }
}
