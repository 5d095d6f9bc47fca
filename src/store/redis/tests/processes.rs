//! Which processes share a prefix, as they tell each other.

use std::time::Duration;

use server::cluster::RedisCluster;

use super::*;
use crate::store::{Timestamp, process::Process};

fn named(servers: impl Into<RedisServers>, name: &str) -> RedisStore {
    let options = RedisOptions {
        connect_timeout: Duration::from_secs(2),
        response_timeout: Duration::from_secs(2),
        process: Process::new(name, "1.0", Timestamp::from_millis(1_700_000_000_123)),
        ..RedisOptions::default()
    };
    RedisStore::new(servers, &options).expect("a URL")
}

async fn seen(store: &RedisStore) -> Vec<Process> {
    let mut seen = store.processes().await.expect("an answer");
    seen.sort_by(|one, other| one.process.name.cmp(&other.process.name));
    assert!(seen.iter().all(|process| process.ago < Duration::from_secs(60)), "{seen:?}");
    seen.into_iter().map(|seen| seen.process).collect()
}

/// Waits until the store lists processes of these names.
async fn listed(store: &RedisStore, names: &[&str]) {
    test_support::wait::until_async("listed", async || {
        let seen = seen(store).await;
        seen.iter().map(|process| process.name.as_str()).eq(names.iter().copied())
    })
    .await;
}

#[tokio::test]
async fn processes_see_each_other_until_they_end() {
    let server = RedisServer::start();
    let (one, two) = (named(server.url(), "one"), named(server.url(), "two"));
    for store in [&one, &two] {
        let _ = store.purge_number().await;
    }
    for store in [&one, &two] {
        listed(store, &["one", "two"]).await;
    }
    let [first, second] = seen(&one).await.try_into().expect("two");
    assert_eq!((first.version.as_str(), first.pid), ("1.0", std::process::id()));
    assert_eq!(first.started, Timestamp::from_millis(1_700_000_000_123));
    assert_ne!(first.id, second.id);
    let lifetime: i64 = server.command(&["PTTL", "arc:processes"]);
    assert!((1..=90_000).contains(&lifetime), "{lifetime}");
    // when it is dropped, it has gone
    drop(two);
    assert_eq!(server.command::<u64>(&["ZCARD", "arc:processes"]), 1);
    listed(&one, &["one"]).await;
}

#[tokio::test]
async fn process_that_was_killed_is_not_listed_after_a_while_and_goes() {
    let server = RedisServer::start();
    let (one, two) = (named(server.url(), "one"), named(server.url(), "two"));
    listed(&one, &["one"]).await;
    two.processes.announce(&two.client).await;
    listed(&one, &["one", "two"]).await;
    let members: Vec<String> = server.command(&["ZRANGE", "arc:processes", "0", "-1"]);
    let two = members.iter().find(|member| member.contains("\"two\"")).expect("it is there");
    let _: String = server.command(&["ZINCRBY", "arc:processes", "-80000", two]);
    assert_eq!(one.processes().await.expect("an answer").len(), 2);
    let _: String = server.command(&["ZINCRBY", "arc:processes", "-10000", two]);
    listed(&one, &["one"]).await;
    one.processes.announce(&one.client).await;
    assert_eq!(server.command::<u64>(&["ZCARD", "arc:processes"]), 1);
}

#[tokio::test]
async fn list_is_bounded_and_knows_what_is_not_a_process() {
    let server = RedisServer::start();
    let store = named(server.url(), "one");
    let now: (u64, u64) = server.command(&["TIME"]);
    let now = (now.0 * 1000).to_string();
    for number in 0..300 {
        let () = server.command(&["ZADD", "arc:processes", &now, &format!("other {number}")]);
    }
    store.processes.announce(&store.client).await;
    assert_eq!(server.command::<u64>(&["ZCARD", "arc:processes"]), 256);
    assert_eq!(seen(&store).await.len(), 1);
    let () = server.command(&["SET", "arc:processes", "none of ours"]);
    let error = store.processes().await.expect_err("no list");
    assert_eq!(error.kind(), StoreErrorKind::Corrupt);
    store.processes.announce(&store.client).await;
    assert!(!store.is_open(), "it disturbs nothing");
    fill(&store, "/a", &[]).await;
    assert!(has(&store, "/a").await);
}

#[tokio::test]
async fn process_is_listed_again_when_redis_was_emptied() {
    let mut server = RedisServer::start();
    let store = named(server.url(), "one");
    listed(&store, &["one"]).await;
    server.restart();
    until_listed(&store).await;
}

/// Waits until the store is listed, whatever errors there are before.
async fn until_listed(store: &RedisStore) {
    test_support::wait::until_async("listed", async || {
        store.processes().await.is_ok_and(|processes| processes.len() == 1)
    })
    .await;
}

#[tokio::test]
async fn processes_of_a_cluster_see_each_other() {
    let cluster = RedisCluster::start();
    let of_cluster = |name| named(RedisServers::cluster(cluster.urls()), name);
    let (one, two) = (of_cluster("one"), of_cluster("two"));
    for store in [&one, &two] {
        let _ = store.purge_number().await;
    }
    listed(&one, &["one", "two"]).await;
    drop(two);
    listed(&one, &["one"]).await;
}
