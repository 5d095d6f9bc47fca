//! Wrong settings stop the server with a clear message; risky ones are warned of.

use std::time::Duration;

use actix_response_cache::{
    Auth, Compliance, Credentials, Memory, Query, Redis, ResponseCache, Responses, Rule,
};
use actix_service::{Transform as _, fn_service};
use actix_web::{
    App, HttpResponse, HttpServer,
    dev::{ServiceRequest, ServiceResponse},
    web,
};

use crate::support::{Origin, app, get, log::Log, redis::RedisServer, send};

async fn problem(cache: ResponseCache) -> String {
    let early = cache.check().await.expect_err("a setting that cannot be used").to_string();
    let service = fn_service(async |req: ServiceRequest| {
        Ok::<ServiceResponse, actix_web::Error>(req.into_response(HttpResponse::Ok()))
    });
    assert!(cache.new_transform(service).await.is_err(), "the server must not start: {early}");
    early
}

#[actix_rt::test]
async fn errors_name_the_setting() {
    let memory = ResponseCache::memory;
    for (cache, setting) in [
        (memory().include("no-slash"), "include"),
        (memory().exclude(""), "exclude"),
        (memory().rule("/{id", Rule::new()), "rule"),
        (memory().rule("no-slash", Rule::new()), "rule"),
        (memory().rule("/{id}", Rule::new().groups(["{other}"])), "Rule::groups"),
        (memory().rule("/", Rule::new().ttl_for(99, Duration::ZERO)), "Rule::ttl_for"),
        (memory().rule("/", Rule::new().ttl_for(304, Duration::ZERO)), "Rule::ttl_for"),
        (memory().rule("/", Rule::new().ttl(Duration::MAX)), "rule"),
        (memory().ttl(Duration::MAX), "ttl"),
        (memory().vary_by_header("not a name"), "vary_by_header"),
        (memory().responses(Responses::new().exclude_header("")), "Responses::exclude_header"),
    ] {
        let problem = problem(cache).await;
        assert!(problem.contains(&format!("`{setting}`")), "{setting}: {problem}");
    }
}

#[actix_rt::test]
async fn first_error_is_reported() {
    let cache = ResponseCache::memory().exclude("first").include("second");
    assert!(problem(cache).await.contains("`exclude`: `first`"));
}

#[actix_rt::test]
async fn error_about_redis_url_hides_password() {
    for url in [
        "",
        "redis//missing-colon:hunter2@host",
        "http://user:hunter2@host:6379",
        "redis://user:hunter2@host:notaport",
        "redis://user:hunter2@host:6379/notadatabase",
        "redis://:hunter2@:6379:6379",
    ] {
        let problem = problem(ResponseCache::redis(url)).await;
        assert!(problem.contains("`redis`") && !problem.contains("hunter2"), "{problem}");
    }
}

#[actix_rt::test]
async fn server_with_bad_setting_does_not_start() {
    let cache = ResponseCache::redis("not a url");
    let server = HttpServer::new(move || {
        App::new().wrap(cache.clone()).route("/", web::get().to(async || "x"))
    })
    .workers(1)
    .bind(("127.0.0.1", 0))
    .unwrap()
    .run();
    assert!(server.await.is_err());
}

#[actix_rt::test]
async fn unreachable_redis_is_not_a_configuration_error() {
    let readiness = ResponseCache::redis("redis://127.0.0.1:1").check().await.unwrap();
    assert!(readiness.store.is_err());
    assert!(readiness.warnings.is_empty());
}

#[actix_rt::test]
async fn risky_settings_are_warned_of() {
    let memory = ResponseCache::memory;
    assert_eq!(memory().check().await.unwrap().warnings, Vec::<String>::new());
    for (cache, word) in [
        (memory().ttl(Duration::ZERO), "ttl"),
        (memory().responses(Responses::new().max_body(0)), "max_body"),
        (ResponseCache::new(Memory::new().max_capacity(0)), "max_capacity"),
        (
            memory()
                .vary_by_auth(Auth::Status)
                .credentials(Credentials::new().cookies_are_harmless(true)),
            "vary_by_auth",
        ),
    ] {
        let warnings = cache.check().await.unwrap().warnings;
        assert!(warnings.len() == 1 && warnings[0].contains(word), "{warnings:?}");
    }
}

#[actix_rt::test]
async fn caches_with_one_prefix_and_different_keys_are_warned_of() {
    let redis =
        |prefix: &str| ResponseCache::new(Redis::new("redis://127.0.0.1:1").key_prefix(prefix));
    let warned = async |cache: &ResponseCache| !cache.check().await.unwrap().warnings.is_empty();
    assert!(!warned(&redis("one:")).await);
    assert!(!warned(&redis("one:")).await);
    assert!(warned(&redis("one:").vary_by_auth(Auth::Status)).await);
    assert!(!warned(&redis("two:").vary_by_auth(Auth::Status)).await);
}

#[actix_rt::test]
async fn warnings_are_logged_once_for_all_workers() {
    let log = Log::default();
    let _guard = log.listen();
    let cache = ResponseCache::memory().ttl(Duration::ZERO);
    for _ in 0..3 {
        app(&cache, &Origin::counting()).await;
    }
    assert_eq!(log.text().matches("ttl is zero").count(), 1, "{}", log.text());
}

#[actix_rt::test]
async fn cache_made_for_each_worker_is_warned_of_once_by_line() {
    let log = Log::default();
    let _guard = log.listen();
    let mut apps = Vec::new();
    for make in [ResponseCache::memory, || ResponseCache::tiered("redis://127.0.0.1:1")] {
        let before = log.text();
        for _ in 0..3 {
            let cache = make();
            apps.push(app(&cache, &Origin::counting()).await);
            apps.push(app(&cache, &Origin::counting()).await); // cloned in: no second cache
        }
        let said = log.text()[before.len()..].to_owned();
        assert_eq!(said.matches("makes a second cache in memory").count(), 1, "{said}");
    }
    let line = log.text();
    assert!(line.contains("clone it in"), "{line}");
}

#[actix_rt::test]
async fn second_cache_is_reported_at_line_of_application() {
    let log = Log::default();
    let _guard = log.listen();
    let mut apps = Vec::new();
    let line = line!() + 2;
    for _ in 0..2 {
        apps.push(app(&ResponseCache::memory(), &Origin::counting()).await);
    }
    assert!(log.text().contains(&format!("{}:{line}:", file!())), "{}", log.text());
}

#[actix_rt::test]
async fn dropped_cache_does_not_count_as_second() {
    let log = Log::default();
    let _guard = log.listen();
    for _ in 0..3 {
        app(&ResponseCache::memory(), &Origin::counting()).await;
    }
    assert_eq!(log.text(), "");
}

#[actix_rt::test]
async fn explicit_lifetime_can_be_required() {
    let declared = || ResponseCache::memory().ttl(None);
    assert!(declared().check().await.unwrap().warnings.is_empty(), "it is meant so");
    let ruled = || declared().rule("/ruled", Rule::new().ttl(Duration::from_secs(5)));
    let second =
        async |cache: ResponseCache, path: &str, field: Option<(&'static str, &'static str)>| {
            let origin = Origin::new(move |_, _| {
                let mut res = HttpResponse::Ok();
                field.map(|field| res.insert_header(field));
                res.finish()
            });
            let app = app(&cache, &origin).await;
            send(&app, get(path)).await;
            send(&app, get(path)).await.word()
        };
    let modified = Some(("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT"));
    assert_eq!(second(ResponseCache::memory(), "/health", None).await, "HIT");
    assert_eq!(second(ruled(), "/health", None).await, "MISS");
    assert_eq!(
        second(
            ruled().ttl(None).compliance(Compliance::careful().heuristic_freshness(true)),
            "/",
            modified
        )
        .await,
        "HIT"
    );
    assert_eq!(second(ruled(), "/ruled", None).await, "HIT");
    assert_eq!(second(ruled(), "/", Some(("cache-control", "max-age=5"))).await, "HIT");
    assert_eq!(second(ruled().ttl(Duration::from_secs(5)), "/health", None).await, "HIT");
}

#[actix_rt::test]
async fn proxy_that_always_forwards_is_warned_of_once() {
    let log = Log::default();
    let _guard = log.listen();
    let app = app(&ResponseCache::memory(), &Origin::counting()).await;
    for _ in 0..3 {
        let forwarded = get("/").insert_header(("x-forwarded-proto", "https"));
        assert_eq!(send(&app, forwarded).await.word(), "BYPASS");
    }
    assert_eq!(log.text().matches("Forwarded::Trust").count(), 1, "{}", log.text());
}

#[actix_rt::test]
async fn other_configuration_under_one_prefix_is_warned_of() {
    let server = RedisServer::start();
    let own = || ResponseCache::redis(server.url());
    let ignoring = || Query::as_received().ignoring(["ref"]);
    let other = || ResponseCache::redis(server.url()).query(ignoring());
    let elsewhere =
        ResponseCache::new(Redis::new(server.url()).key_prefix("other:")).query(ignoring());
    let warnings = async |cache: ResponseCache| {
        let readiness = cache.check().await.unwrap();
        readiness.store.expect("the server answers");
        readiness.warnings
    };
    assert!(warnings(own()).await.is_empty());
    assert!(warnings(own()).await.is_empty(), "another process of the same application");
    let found = warnings(other()).await;
    assert!(
        found.iter().any(|text| text.contains("`arc:`") && text.contains("prefix")),
        "{found:?}"
    );
    assert!(warnings(elsewhere).await.is_empty());
}
