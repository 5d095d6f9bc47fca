//! The processes that share a prefix in Redis, as operators see them.

use actix_response_cache::{AdminToken, CacheHandle, Clock, ProcessInfo, Redis, ResponseCache};
use actix_web::{App, test::init_service};

use crate::support::{Origin, SECOND, app, get, redis::RedisServer, send, until_async};

const TOKEN: &str = "a-token-that-is-long-enough";

fn cache(server: &RedisServer, name: &str) -> ResponseCache {
    let redis = Redis::new(server.url()).response_timeout(2 * SECOND);
    ResponseCache::new(redis).name(name).version("1.2")
}

async fn processes(handle: &CacheHandle) -> Vec<ProcessInfo> {
    handle.processes().await.expect("an answer")
}

fn names(processes: &[ProcessInfo]) -> Vec<&str> {
    processes.iter().map(|process| process.name.as_str()).collect()
}

#[actix_rt::test]
async fn processes_of_a_prefix_see_each_other() {
    let server = RedisServer::start();
    let (one, two) = (cache(&server, "one"), cache(&server, "two"));
    let handles = [one.handle().unwrap(), two.handle().unwrap()];
    for cache in [&one, &two] {
        send(&app(cache, &Origin::counting()).await, get("/a")).await;
    }
    for (handle, expected) in handles.iter().zip([["one", "two"], ["two", "one"]]) {
        until_async("both are there", async || processes(handle).await.len() == 2).await;
        let seen = processes(handle).await;
        assert_eq!(names(&seen), expected, "the own one first");
        assert_eq!([seen[0].is_own, seen[1].is_own], [true, false]);
        assert_eq!((seen[1].version.as_str(), seen[1].pid), ("1.2", std::process::id()));
        assert!(seen[1].last_seen < 30 * SECOND && seen[0].last_seen.is_zero());
    }
    let [handle, other] = handles;
    drop((two, other));
    assert_eq!(names(&processes(&handle).await), ["one"]);
}

#[actix_rt::test]
async fn process_without_redis_is_alone() {
    let clock = Clock::manual();
    let handle = ResponseCache::memory().clock(clock.clone()).handle().unwrap();
    clock.advance(SECOND);
    let [own] = processes(&handle).await.try_into().unwrap();
    let program = std::env::current_exe().unwrap();
    assert_eq!(own.name, program.file_stem().unwrap().to_str().unwrap());
    assert_eq!((own.version.as_str(), own.is_own), ("", true));
    assert_eq!(own.started + SECOND, std::time::SystemTime::UNIX_EPOCH + 1_700_000_001 * SECOND);
    assert!(ResponseCache::memory().name("n".repeat(65)).handle().is_err());
    assert!(ResponseCache::memory().version("v".repeat(65)).handle().is_err());
}

#[actix_rt::test]
async fn operators_see_the_fleet() {
    let mut server = RedisServer::start();
    let (one, two) = (cache(&server, "<one>"), cache(&server, "two"));
    let other = two.handle().unwrap();
    let admin = one.admin("/_cache", AdminToken::new(TOKEN).unwrap().read_only());
    let service = App::new().service(admin).default_service(Origin::counting().route());
    let app = init_service(service.wrap(one.clone())).await;
    let ask = async |path: &str| {
        let req = get(path).insert_header(("authorization", format!("Bearer {TOKEN}")));
        send(&app, req).await
    };
    assert_eq!(send(&app, get("/_cache/fleet")).await.status, 401);
    send(&app, get("/a")).await;
    until_async("both are there", async || processes(&other).await.len() == 2).await;
    until_async("both are listed", async || ask("/_cache/fleet").await.text().contains("two"))
        .await;
    let seen = ask("/_cache/fleet").await;
    let body: serde_json::Value = serde_json::from_slice(&seen.body).unwrap();
    assert_eq!(body["processes"][0]["name"], "<one>");
    assert_eq!(body["processes"][1]["version"], "1.2");
    for page in ["/_cache/", "/_cache/live"] {
        let page = ask(page).await;
        assert!(page.text().contains("id=\"fleet\"") && page.text().contains("&lt;one&gt;"));
    }
    server.kill();
    let refused = ask("/_cache/fleet").await;
    assert_eq!(refused.status, 503);
    assert!(refused.text().contains("\"store\"") && !refused.text().contains("purge"));
    assert!(ask("/_cache/").await.text().contains("not known now"));
}
