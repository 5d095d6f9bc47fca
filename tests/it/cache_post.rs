//! `Rule::cache_post` and `Rule::cache_post_if`: POST requests that only read are answered from the cache.

use std::time::Duration;

use actix_response_cache::{
    Auth, CacheHints, Clock, Compliance, HandlerPolicy, Inquiry, Reason, ResponseCache, Rule,
};
use actix_web::{
    App, HttpRequest, HttpResponse, dev::Service as _, error::PayloadError, test::TestRequest,
    test::init_service, web,
};
use futures_util::stream;

use crate::support::{
    Origin, SECOND, TestApp, app, get, redis::RedisServer, request, seen, send, settle,
};

fn post(body: impl Into<web::Bytes>) -> TestRequest {
    let body = body.into();
    request("POST", "/graphql")
        .insert_header(("content-type", "application/json"))
        .insert_header(("content-length", body.len()))
        .set_payload(body)
}

const QUERY: &str = r#"{"query":"{ products { id } }"}"#;
const OTHER: &str = r#"{"query":"{ users { id } }"}"#;
const MUTATION: &str = r#"{"query":"mutation { buy(id: 7) }"}"#;

fn is_read(body: &[u8]) -> bool {
    !body.windows(8).any(|word| word == b"mutation")
}

fn reads() -> Rule {
    Rule::new().cache_post_if(is_read).ttl(60 * SECOND)
}

fn cache() -> ResponseCache {
    ResponseCache::memory().rule("/graphql", reads())
}

/// Answers with its method, the body that came, and the number of the call.
async fn echoing(cache: &ResponseCache) -> impl TestApp + use<> {
    let calls = std::cell::Cell::new(0);
    let calls = std::rc::Rc::new(calls);
    let echo = web::to(move |req: HttpRequest, body: web::Bytes| {
        calls.set(calls.get() + 1);
        let body = String::from_utf8_lossy(&body).into_owned();
        let res = HttpResponse::Ok().body(format!("{} {body} {}", req.method(), calls.get()));
        async move { res }
    });
    let config = web::PayloadConfig::new(1 << 20);
    init_service(App::new().app_data(config).wrap(cache.clone()).default_service(echo)).await
}

#[actix_rt::test]
async fn query_is_cached_and_mutation_passes() {
    let cache = cache();
    let app = echoing(&cache).await;
    for word in ["MISS", "HIT"] {
        let seen = send(&app, post(QUERY)).await;
        assert_eq!((seen.word(), seen.text()), (word, format!("POST {QUERY} 1").as_str()));
    }
    assert_eq!(send(&app, post(OTHER)).await.text(), format!("POST {OTHER} 2"));
    for call in [3, 4] {
        let seen = send(&app, post(MUTATION)).await;
        assert_eq!(seen.text(), format!("POST {MUTATION} {call}"));
        let status = "actix-response-cache; fwd=bypass; detail=predicate";
        assert_eq!(seen.field("cache-status"), status);
    }
    let stats = cache.handle().unwrap().stats();
    assert_eq!(stats.bypasses, [(Reason::Predicate, 2)]);
}

#[actix_rt::test]
async fn body_and_its_type_are_in_the_key() {
    let app = echoing(&cache()).await;
    let typed = |kind: &'static str| post(QUERY).insert_header(("content-type", kind));
    let coded = || post(QUERY).insert_header(("content-language", "de"));
    for word in ["MISS", "HIT"] {
        for req in [post(QUERY), post(OTHER), post(""), typed("text/plain"), coded()] {
            assert_eq!(send(&app, req).await.word(), word);
        }
    }
    let query_string = || {
        request("POST", "/graphql?v=2")
            .insert_header(("content-type", "application/json"))
            .set_payload(QUERY)
    };
    assert_eq!(send(&app, query_string()).await.word(), "MISS");
    assert_eq!(send(&app, query_string()).await.word(), "HIT");
}

#[actix_rt::test]
async fn other_methods_have_other_keys() {
    let cache = cache().compliance(Compliance::careful().query_method(true));
    let app = echoing(&cache).await;
    let with = |method: &str| request(method, "/graphql").set_payload(QUERY);
    for word in ["MISS", "HIT"] {
        assert_eq!(send(&app, with("POST")).await.text(), format!("POST {QUERY} 1"));
        let query = send(&app, with("QUERY")).await;
        assert_eq!((query.word(), query.text()), (word, format!("QUERY {QUERY} 2").as_str()));
        let seen = send(&app, get("/graphql")).await;
        assert_eq!((seen.word(), seen.text()), (word, "GET  3"));
        assert_eq!(send(&app, request("HEAD", "/graphql")).await.word(), "HIT", "that of the GET");
    }
}

#[actix_rt::test]
async fn only_paths_whose_rule_says_so_cache_posts() {
    let cache = ResponseCache::memory()
        .rule("/graphql", reads().cache_post(false))
        .rule("/plain", Rule::new().ttl(60 * SECOND))
        .rule("/bypass", Rule::bypass().cache_post(true));
    let app = echoing(&cache).await;
    for uri in ["/graphql", "/plain", "/bypass", "/other"] {
        for _ in 0..2 {
            let seen = send(&app, request("POST", uri).set_payload(QUERY)).await;
            assert_eq!(seen.word(), "BYPASS", "{uri}");
        }
    }
}

#[actix_rt::test]
async fn stored_only_with_a_lifetime_of_response_hint_or_rule() {
    let bare = || Rule::new().cache_post(true);
    let said = |said: &'static str| {
        Origin::new(move |_, call| {
            HttpResponse::Ok().insert_header(("cache-control", said)).body(call.to_string())
        })
    };
    let base = ResponseCache::memory()
        .compliance(Compliance::careful().heuristic_freshness(true))
        .policy("minute", Rule::new().ttl(60 * SECOND));
    let zero = bare().ttl(Duration::ZERO);
    for (rule, origin, is_stored) in [
        (bare(), Origin::counting(), false),
        (bare(), Origin::with_fields(&[("last-modified", "Mon, 01 Jan 2001 00:00:00 GMT")]), false),
        (bare(), said("public"), false),
        (zero, Origin::counting(), false),
        (bare(), said("max-age=60"), true),
        (bare(), said("s-maxage=60"), true),
        (bare().ttl(60 * SECOND), Origin::counting(), true),
        (bare().ttl(60 * SECOND), said("no-store"), false),
        (bare().ttl(60 * SECOND), said("private"), false),
        (bare().policy("minute"), Origin::counting(), true),
        (bare().ttl_for(200, 60 * SECOND), Origin::counting(), true),
    ] {
        let cache = base.clone().rule("/graphql", rule.clone());
        let app = app(&cache, &origin).await;
        send(&app, post(QUERY)).await;
        let word = if is_stored { "HIT" } else { "MISS" };
        assert_eq!(send(&app, post(QUERY)).await.word(), word, "{rule:?}");
        cache.handle().unwrap().purge_all().await.unwrap();
    }
    let cache = base.rule("/graphql", bare());
    let hinted = web::to(async |hints: CacheHints| {
        hints.ttl(60 * SECOND);
        "fine"
    });
    let app = init_service(App::new().wrap(cache).default_service(hinted)).await;
    send(&app, post(QUERY)).await;
    assert_eq!(send(&app, post(QUERY)).await.word(), "HIT");
}

async fn explain(cache: &ResponseCache, body: &str) -> actix_response_cache::Explanation {
    let inquiry = Inquiry::new("POST", "/graphql")
        .header("host", "shop.example")
        .header("content-type", "application/json")
        .header("content-length", body.len().to_string())
        .body(body);
    cache.handle().unwrap().explain(&inquiry).await.unwrap()
}

#[actix_rt::test]
async fn explain_knows_reads_from_others() {
    let cache = cache();
    let app = echoing(&cache).await;
    send(&app, post(QUERY)).await;
    let hit = explain(&cache, QUERY).await;
    assert_eq!((hit.kind.as_str(), hit.stored.is_some()), ("hit", true));
    let parts = hit.key.unwrap().parts;
    assert!(parts.iter().any(|part| part.kind == "body" && part.values == ["POST"]));
    assert_eq!(explain(&cache, OTHER).await.kind.as_str(), "miss");
    let mutation = explain(&cache, MUTATION).await;
    assert_eq!((mutation.kind.as_str(), mutation.reason), ("bypass", Some(Reason::Predicate)));
}

#[actix_rt::test]
async fn read_invalidates_nothing_and_excluded_post_does() {
    let cache = cache();
    let app = echoing(&cache).await;
    send(&app, get("/graphql")).await;
    send(&app, post(QUERY)).await;
    for body in [QUERY, OTHER] {
        send(&app, post(body)).await;
        assert_eq!(send(&app, get("/graphql")).await.word(), "HIT", "a read leaves it");
    }
    assert_eq!(cache.handle().unwrap().stats().purges, 0);
    send(&app, post(MUTATION)).await;
    for req in [get("/graphql"), post(QUERY), post(OTHER)] {
        assert_eq!(send(&app, req).await.word(), "MISS", "it may have changed");
    }
    assert_eq!(cache.handle().unwrap().stats().purges, 1);
}

#[actix_rt::test]
async fn read_that_is_not_stored_invalidates_nothing() {
    let origin = Origin::new(|req, call| {
        let said = if req.method() == "POST" { "no-store" } else { "max-age=60" };
        HttpResponse::Ok().insert_header(("cache-control", said)).body(call.to_string())
    });
    let app = app(&cache(), &origin).await;
    send(&app, get("/graphql")).await;
    assert_eq!(send(&app, post(QUERY)).await.word(), "MISS");
    assert_eq!(send(&app, get("/graphql")).await.word(), "HIT");
}

#[actix_rt::test]
async fn response_that_names_groups_purges_them_and_is_not_stored() {
    let server = RedisServer::start();
    for cache in [ResponseCache::memory(), ResponseCache::redis(server.url())] {
        let cache = cache.rule("/graphql", reads()).rule("/list", Rule::new().groups(["list"]));
        let origin = Origin::new(|req, call| {
            let mut res = HttpResponse::Ok();
            if req.method() == "POST" {
                res.insert_header(("cache-group-invalidation", "\"list\""));
            }
            res.body(call.to_string())
        });
        let app = app(&cache, &origin).await;
        send(&app, get("/list")).await;
        settle(&cache).await;
        assert_eq!(send(&app, get("/list")).await.word(), "HIT");
        for _ in 0..2 {
            assert_eq!(send(&app, post(QUERY)).await.word(), "MISS");
        }
        assert_eq!(send(&app, get("/list")).await.word(), "MISS");
    }
}

#[actix_rt::test]
async fn purges_reach_stored_posts() {
    let server = RedisServer::start();
    let rule = || reads().groups(["graph"]);
    for cache in [ResponseCache::memory(), ResponseCache::redis(server.url())] {
        let cache = cache.rule("/graphql", rule());
        let app = echoing(&cache).await;
        let handle = cache.handle().unwrap();
        for purge in 0..4 {
            for body in [QUERY, OTHER] {
                send(&app, post(body)).await;
                handle.settle().await;
                assert_eq!(send(&app, post(body)).await.word(), "HIT");
            }
            match purge {
                0 => handle.purge_url("/graphql").await,
                1 => handle.purge_path("/graphql").await,
                2 => handle.purge_group("graph").await,
                _ => handle.purge_all().await,
            }
            .unwrap();
            for body in [QUERY, OTHER] {
                assert_eq!(send(&app, post(body)).await.word(), "MISS", "{purge}");
            }
            handle.purge_all().await.unwrap();
        }
    }
}

#[actix_rt::test]
async fn credentials_count_as_for_other_requests() {
    let by = |who: &'static str| post(QUERY).insert_header(("authorization", who));
    let app = echoing(&cache()).await;
    for _ in 0..2 {
        assert_eq!(send(&app, by("alice")).await.word(), "BYPASS");
    }
    let app = echoing(&cache().vary_by_auth(Auth::PerCredential)).await;
    for word in ["MISS", "HIT"] {
        for who in ["alice", "bob"] {
            assert_eq!(send(&app, by(who)).await.word(), word, "{who}");
        }
    }
}

#[actix_rt::test]
async fn long_and_broken_bodies_pass() {
    let cache = cache();
    let app = echoing(&cache).await;
    for length in [64 * 1024, 64 * 1024 + 1] {
        let body = "x".repeat(length);
        send(&app, post(body.clone())).await;
        let seen = send(&app, post(body)).await;
        let expected = if length > 64 * 1024 { "BYPASS" } else { "HIT" };
        assert_eq!((seen.word(), seen.body.len() > length), (expected, true));
    }
    // one that ends in an error comes to the handler as it is
    let broken = || stream::iter([Ok(web::Bytes::from("a")), Err(PayloadError::Incomplete(None))]);
    for _ in 0..2 {
        let seen = seen(app.call(streamed(broken())).await.unwrap()).await;
        assert_eq!(seen.unwrap_or_else(|_| panic!("a body")).status, 400);
    }
}

/// A POST whose body comes in chunks.
fn streamed(
    chunks: impl futures_util::Stream<Item = Result<web::Bytes, PayloadError>> + 'static,
) -> actix_http::Request {
    let req = request("POST", "/graphql")
        .insert_header(("content-type", "application/json"))
        .insert_header(("transfer-encoding", "chunked"))
        .to_request();
    let payload: actix_http::BoxedPayloadStream = Box::pin(chunks);
    req.replace_payload(actix_http::Payload::Stream { payload }).0
}

#[actix_rt::test]
async fn chunked_bodies_are_read_whole() {
    let cache = cache();
    let app = echoing(&cache).await;
    let chunked = |size: usize| {
        let chunks = QUERY.as_bytes().chunks(size).map(web::Bytes::copy_from_slice);
        streamed(stream::iter(chunks.map(Ok).collect::<Vec<_>>()))
    };
    for (size, word) in [(1, "MISS"), (7, "HIT"), (1000, "HIT")] {
        let seen = seen(app.call(chunked(size)).await.unwrap()).await;
        let seen = seen.unwrap_or_else(|_| panic!("a body"));
        assert_eq!((seen.word(), seen.text()), (word, format!("POST {QUERY} 1").as_str()));
    }
}

#[actix_rt::test]
async fn stale_response_is_served_when_the_handler_fails_and_not_refreshed_behind() {
    let clock = Clock::manual();
    let rule = reads().stale_while_revalidate(600 * SECOND).stale_if_error(600 * SECOND);
    let cache = ResponseCache::memory().clock(clock.clone()).rule("/graphql", rule);
    let cache = cache.handlers(HandlerPolicy::new().failure_backoff(Duration::ZERO));
    let origin = Origin::new(|_, call| match call {
        2 => HttpResponse::InternalServerError().finish(),
        call => HttpResponse::Ok().body(call.to_string()),
    });
    let app = app(&cache, &origin).await;
    for (word, text) in [("MISS", "1"), ("MISS", "1"), ("MISS", "3"), ("HIT", "3")] {
        let seen = send(&app, post(QUERY)).await;
        assert_eq!((seen.word(), seen.text()), (word, text));
        if text == "1" {
            clock.advance(61 * SECOND);
        }
    }
    assert_eq!(origin.calls(), 3);
}

#[actix_rt::test]
async fn processes_share_stored_posts_in_redis() {
    let server = RedisServer::start();
    let make = || ResponseCache::redis(server.url()).rule("/graphql", reads());
    let (first, second) = (make(), make());
    let (one, two) = (echoing(&first).await, echoing(&second).await);
    send(&one, post(QUERY)).await;
    settle(&first).await;
    let seen = send(&two, post(QUERY)).await;
    assert_eq!((seen.word(), seen.text()), ("HIT", format!("POST {QUERY} 1").as_str()));
    assert_eq!(send(&two, post(MUTATION)).await.word(), "BYPASS");
    assert_eq!(send(&one, post(QUERY)).await.word(), "MISS");
}

#[actix_rt::test]
async fn burst_calls_handler_once() {
    let cache = cache();
    let app = echoing(&cache).await;
    let burst = (0..10).map(|_| send(&app, post(QUERY)));
    for seen in futures_util::future::join_all(burst).await {
        assert_eq!(seen.text(), format!("POST {QUERY} 1"));
    }
}

#[actix_rt::test]
async fn switched_off_cache_lets_posts_pass() {
    let cache = cache();
    let app = echoing(&cache).await;
    cache.handle().unwrap().set_enabled(false);
    for call in 1..3 {
        assert_eq!(send(&app, post(QUERY)).await.text(), format!("POST {QUERY} {call}"));
    }
}

#[actix_rt::test]
async fn explain_says_which_lifetimes_count() {
    for (rule, lifetime) in [(Rule::new().cache_post(true), None), (reads(), Some(60 * SECOND))] {
        let cache = ResponseCache::memory().rule("/graphql", rule);
        let _app = echoing(&cache).await;
        let tried = explain(&cache, QUERY).await.to_be_stored;
        let bare = tried.iter().find(|tried| tried.response == "200 without Cache-Control");
        assert_eq!(bare.unwrap().lifetime, lifetime);
        let stated = tried.iter().find(|tried| tried.response.ends_with(": max-age=60"));
        assert_eq!(stated.unwrap().lifetime, Some(60 * SECOND));
    }
}
