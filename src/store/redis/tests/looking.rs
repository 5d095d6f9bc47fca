//! Entries listed, and counted before a purge, for people who look.

use std::collections::BTreeSet;

use server::cluster::RedisCluster;

use super::*;

fn listed_paths(listed: &[crate::store::listing::Listed]) -> Vec<String> {
    listed.iter().map(|listed| listed.entry.key.path().to_owned()).collect()
}

/// All pages of a listing; asserts that none is longer than it may be.
async fn pages(store: &RedisStore, within: Duration, limit: usize) -> Vec<Vec<String>> {
    let (mut pages, mut from) = (Vec::new(), None::<String>);
    loop {
        let all = |_: &Entry| true;
        let page = store.list_within(within, from.as_deref(), limit, all).await.expect("a page");
        assert!(page.entries.len() <= limit);
        pages.push(listed_paths(&page.entries));
        from = match page.next {
            Some(next) => Some(next),
            None => return pages,
        };
    }
}

/// Asserts that these are the paths below `/many`, each once.
fn assert_each_once(pages: &[Vec<String>], count: usize) {
    let paths = pages.concat();
    let different: BTreeSet<_> = paths.iter().collect();
    assert_eq!((paths.len(), different.len()), (count, count));
}

#[tokio::test]
async fn pages_have_each_entry_once() {
    let server = RedisServer::start();
    let store = store(&server);
    for number in 0..120 {
        fill(&store, &format!("/many/{number}"), &["g"]).await;
    }
    for name in ["other", "arc:e:other", "arc:x", "arc:e:{00000000000000000000000000000000}"] {
        let () = server.command(&["SET", name, "none of ours"]);
    }
    let found = pages(&store, Duration::from_secs(60), 50).await;
    assert_eq!(found.iter().map(Vec::len).collect::<Vec<_>>(), [50, 50, 20]);
    assert_each_once(&found, 120);
    let found = pages(&store, Duration::ZERO, 50).await;
    assert!(found.len() >= 120, "a page without time looks at one entry");
    assert_each_once(&found, 120);
    let page = store.list(None, 50, |entry| entry.key.path() == "/many/7").await.expect("a page");
    assert_eq!((listed_paths(&page.entries), page.next), (vec!["/many/7".to_owned()], None));
}

#[tokio::test]
async fn entry_is_listed_as_it_would_be_served() {
    let server = RedisServer::start();
    let store = store(&server);
    let entry = fill(&store, "/a", &["g"]).await;
    let long = "x".repeat(200);
    let groups: Vec<_> = (0..40).map(|number| format!("{number}{long}")).collect();
    let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
    fill(&store, "/long", &groups).await;
    let list = async || store.list(None, 50, |_| true).await.expect("a page").entries;
    let entries = list().await;
    let of = |path: &str| {
        entries.iter().find(|listed| listed.entry.key.path() == path).expect("it is listed")
    };
    let value: u64 = server.command(&["STRLEN", &store.names.live(&key("/a").digest())]);
    let body = entry.response().expect("a response").body().len() as u64;
    assert_eq!((of("/a").bytes, of("/a").body_bytes), (value, body));
    assert_eq!(of("/a").entry.groups, ["g"]);
    assert_eq!(of("/long").entry.groups.len(), 40, "its begin is longer than what is read first");

    store.purge(&Purge::group("g").soft()).await.expect("purged");
    let entries = list().await;
    let of = entries.iter().find(|listed| listed.entry.key.path() == "/a").expect("it is listed");
    assert!(of.entry.response().expect("a response").terms().soft_purged);
    // it is gone at once, whether it has been removed or not
    store.purge(&Purge::group("g")).await.expect("purged");
    assert_eq!(listed_paths(&list().await), ["/long"]);
}

#[tokio::test]
async fn listing_begins_anew_where_its_cursor_means_nothing() {
    let mut server = RedisServer::start();
    let store = store(&server);
    fill(&store, "/a", &[]).await;
    // more names than one step looks at
    let others = "for i = 1, 3000 do \
        redis.call('SET', string.format('arc:e:{%032x}', i), 1) end";
    let () = server.command(&["EVAL", others, "0"]);
    let all = |_: &Entry| true;
    let mut from = None::<String>;
    while from.as_ref().is_none_or(|from| from.starts_with("0-0-")) {
        let page = store.list_within(Duration::ZERO, from.as_deref(), 50, all).await;
        from = page.expect("a page").next;
    }
    server.restart();
    until_settled(&store).await;
    fill(&store, "/b", &[]).await;
    let page = store.list(from.as_deref(), 50, all).await.expect("a page");
    assert_eq!(listed_paths(&page.entries), ["/b"], "from the begin, after {from:?}");
    let error = store.list(Some("anywhere"), 50, all).await.expect_err("no place");
    assert_eq!(error.kind(), StoreErrorKind::NoTarget);
}

async fn until_settled(store: &RedisStore) {
    test_support::wait::until_async("settled", async || store.purge_number().await.is_ok()).await;
}

/// Asserts that each purge takes as many as were counted before.
async fn assert_counted(store: &RedisStore, purge: Purge, expected: u64) {
    let count = |purge: Purge| async move { store.count(&[purge]).await.expect("a count") };
    let soft = count(purge.clone().soft()).await;
    let counted = count(purge.clone()).await;
    assert_eq!(
        (soft, counted.responses, counted.at_least),
        (counted, expected, false),
        "{purge:?}"
    );
    let alone = std::slice::from_ref(&purge);
    let nothing = store.count_within(Duration::ZERO, alone).await.expect("a count");
    assert_eq!((nothing.responses, nothing.at_least), (0, true), "{purge:?}");
    let purged = store.purge(&purge.clone().soft().counted()).await.expect("purged");
    assert_eq!(purged, Purged::of(expected), "{purge:?}");
    assert_eq!(count(purge.clone().soft()).await.responses, 0, "{purge:?} has made them stale");
    let purged = store.purge(&purge.clone().counted()).await.expect("purged");
    assert_eq!(purged, Purged::of(expected), "{purge:?}");
    assert_eq!(count(purge.clone()).await.responses, 0, "{purge:?}");
}

/// What is stored before each purge, and how many responses the purge then takes.
async fn assert_all_counted(store: &RedisStore) {
    for (purge, expected) in [
        (Purge::url("/many/7"), 1),
        (Purge::path("/many/7"), 1),
        (Purge::entry(key("/many/7")), 1),
        (Purge::group("g"), 30),
        (Purge::prefix("/many"), 31),
        (Purge::all(), 32),
    ] {
        for number in 0..30 {
            fill(store, &format!("/many/{number}"), &["g", "h"]).await;
        }
        fill(store, "/many", &[]).await;
        fill(store, "/other", &[]).await;
        assert_counted(store, purge, expected).await;
    }
}

#[tokio::test]
async fn count_is_what_the_purge_then_takes() {
    let server = RedisServer::start();
    assert_all_counted(&store(&server)).await;
}

#[tokio::test]
async fn several_purges_count_each_response_once() {
    let server = RedisServer::start();
    let store = store(&server);
    fill(&store, "/a", &[]).await;
    let purges = [Purge::url("/a"), Purge::path("/a"), Purge::all()];
    assert_eq!(store.count(&purges).await.expect("a count").responses, 1);
    // neither what is not there any more nor what is not a response
    let () = server.command(&["DEL", &store.names.live(&key("/a").digest())]);
    assert_eq!(store.count(&purges).await.expect("a count").responses, 0);
}

#[tokio::test]
async fn all_nodes_of_a_cluster_are_looked_at() {
    let cluster = RedisCluster::start();
    let options = RedisOptions {
        connect_timeout: Duration::from_secs(2),
        response_timeout: Duration::from_secs(2),
        ..RedisOptions::default()
    };
    let servers = RedisServers::cluster(cluster.urls());
    let store = RedisStore::new(servers, &options).expect("URLs");
    for number in 0..60 {
        fill(&store, &format!("/many/{number}"), &[]).await;
    }
    for within in [Duration::from_secs(60), Duration::ZERO] {
        assert_each_once(&pages(&store, within, 25).await, 60);
    }
    store.purge(&Purge::all().counted()).await.expect("purged");
    assert_all_counted(&store).await;
}
