//! Settings that cannot be used stop the server with a clear message; odd ones are warned of.

use std::time::Duration;

use actix_response_cache::{Auth, ResponseCache, Rule};
use actix_service::{Transform as _, fn_service};
use actix_web::{
    App, HttpResponse, HttpServer,
    dev::{ServiceRequest, ServiceResponse},
    web,
};

use crate::support::{Origin, app, log::Log};

async fn problem(cache: ResponseCache) -> String {
    let early = cache.check().await.expect_err("a setting that cannot be used").to_string();
    let service = fn_service(async |req: ServiceRequest| {
        Ok::<ServiceResponse, actix_web::Error>(req.into_response(HttpResponse::Ok()))
    });
    assert!(cache.new_transform(service).await.is_err(), "the server must not start: {early}");
    early
}

#[actix_rt::test]
async fn mistakes_are_told_by_the_name_of_the_setting() {
    let memory = ResponseCache::memory;
    for (cache, setting) in [
        (memory().include("no-slash"), "include"),
        (memory().exclude(""), "exclude"),
        (memory().rule("/{id", Rule::new()), "rule"),
        (memory().rule("no-slash", Rule::new()), "rule"),
        (memory().rule("/{id}", Rule::new().groups(["{other}"])), "groups"),
        (memory().rule("/", Rule::new().ttl_for(99, Duration::ZERO)), "ttl_for"),
        (memory().rule("/", Rule::new().ttl_for(304, Duration::ZERO)), "ttl_for"),
        (memory().rule("/", Rule::new().ttl(Duration::MAX)), "rule"),
        (memory().ttl(Duration::MAX), "ttl"),
        (memory().vary_by_header("not a name"), "vary_by_header"),
        (memory().drop_field(""), "drop_field"),
    ] {
        let problem = problem(cache).await;
        assert!(problem.contains(&format!("`{setting}`")), "{setting}: {problem}");
    }
}

#[actix_rt::test]
async fn the_first_mistake_is_told() {
    let cache = ResponseCache::memory().exclude("first").include("second");
    assert!(problem(cache).await.contains("`exclude`: `first`"));
}

#[actix_rt::test]
async fn a_bad_redis_url_hides_its_password() {
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
async fn a_server_with_a_bad_setting_does_not_start() {
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
async fn an_unreachable_redis_is_no_mistake() {
    let readiness = ResponseCache::redis("redis://127.0.0.1:1").check().await.unwrap();
    assert!(readiness.store.is_err());
    assert!(readiness.warnings.is_empty());
}

#[actix_rt::test]
async fn bad_practice_is_warned_of() {
    let memory = ResponseCache::memory;
    assert_eq!(memory().check().await.unwrap().warnings, Vec::<String>::new());
    for (cache, word) in [
        (memory().ttl(Duration::ZERO), "ttl"),
        (memory().max_body(0), "max_body"),
        (memory().capacity(0), "capacity"),
        (memory().vary_by_auth(Auth::Status).cookies_are_harmless(), "vary_by_auth"),
    ] {
        let warnings = cache.check().await.unwrap().warnings;
        assert!(warnings.len() == 1 && warnings[0].contains(word), "{warnings:?}");
    }
}

#[actix_rt::test]
async fn two_caches_with_one_prefix_and_other_keys_are_warned_of() {
    let redis = |prefix: &str| ResponseCache::redis("redis://127.0.0.1:1").prefix(prefix);
    let warned = async |cache: &ResponseCache| !cache.check().await.unwrap().warnings.is_empty();
    assert!(!warned(&redis("one:")).await);
    assert!(!warned(&redis("one:")).await);
    assert!(warned(&redis("one:").vary_by_auth(Auth::Status)).await);
    assert!(!warned(&redis("two:").vary_by_auth(Auth::Status)).await);
}

#[actix_rt::test]
async fn warnings_are_logged_once_however_many_workers_start() {
    let log = Log::default();
    let _guard = log.listen();
    let cache = ResponseCache::memory().ttl(Duration::ZERO);
    for _ in 0..3 {
        app(&cache, &Origin::counting()).await;
    }
    assert_eq!(log.text().matches("ttl is zero").count(), 1, "{}", log.text());
}
