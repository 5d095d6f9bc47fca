//! Indexes that Redis has evicted, while the values they led to stayed.

use super::*;

async fn is_one_get(server: &RedisServer, store: &RedisStore, path: &str) -> bool {
    let () = server.command(&["CONFIG", "RESETSTAT"]);
    assert!(has(store, path).await);
    let others = ["zscore", "hmget", "eval", "zrange", "exists"].map(|name| server.calls(name));
    server.calls("getrange") == 1 && others.iter().sum::<u64>() == 0
}

#[tokio::test]
async fn hit_is_one_exchange_once_announcements_are_trusted() {
    let server = RedisServer::start();
    let (one, two) = (store(&server), store(&server));
    fill(&one, "/a", &["g", "h"]).await;
    subscribed(&two).await;
    assert!(is_one_get(&server, &two, "/a").await);
    one.purge(&Purge::group("other").counted()).await.expect("purged");
    assert!(is_one_get(&server, &two, "/a").await);
}

#[tokio::test]
async fn purge_takes_entries_whose_indexes_were_evicted() {
    for index in ["arc:p:/a", "arc:g:g", "arc:clock"] {
        for purge in [Purge::path("/a"), Purge::group("g"), Purge::prefix("/"), Purge::url("/a")] {
            let server = RedisServer::start();
            let (one, two, late) = (store(&server), store(&server), store(&server));
            fill(&one, "/a", &["g"]).await;
            subscribed(&one).await;
            subscribed(&two).await;
            let gone: u64 = server.command(&["DEL", index]);
            assert_eq!(gone, 1);
            one.purge(&purge).await.expect("purged");
            assert!(!has(&one, "/a").await, "{purge:?} without {index}, who purged");
            // in the time that announcements may take
            let begun = std::time::Instant::now();
            while has(&two, "/a").await {
                assert!(
                    begun.elapsed() < trust::TRUSTED_FOR,
                    "{purge:?} without {index}, announced"
                );
            }
            assert!(!has(&late, "/a").await, "{purge:?} without {index}, from the fences");
        }
    }
}

#[tokio::test]
async fn entry_older_than_a_lost_clock_is_not_served() {
    let server = RedisServer::start();
    let store = store(&server);
    fill(&store, "/a", &["g"]).await;
    subscribed(&store).await;
    // with the fences gone, nothing tells what was purged and not yet removed
    let () = server.command(&["DEL", "arc:clock"]);
    assert!(!has(&store, "/a").await, "without a clock");
    fill(&store, "/b", &["g"]).await;
    assert!(!has(&store, "/a").await && has(&store, "/b").await, "with another one");
    fill(&store, "/a", &["g"]).await;
    assert!(has(&store, "/a").await);
}

/// Raises fences as if there were room for only so many.
async fn raise_bounded(store: &RedisStore, most: u32, groups: std::ops::Range<u32>) {
    for number in groups {
        let purge = Purge::group(number.to_string());
        let raised = logical_clock::raise_bounded(&store.client, &store.names, &purge, most).await;
        let field = tags::tag_of(purge.target());
        let number = raised.expect("raised").number;
        let done = logical_clock::done(&store.names, &field, number);
        store.client.send(vec![done]).await.expect("done");
    }
}

#[tokio::test]
async fn entry_older_than_the_fences_is_served_if_its_indexes_list_it() {
    let server = RedisServer::start();
    let store = store(&server);
    fill(&store, "/a", &["g"]).await;
    fill(&store, "/b", &["g"]).await;
    raise_bounded(&store, 20, 0..200).await;
    let fences: u64 = server.command(&["HLEN", "arc:clock"]);
    assert!(fences < 60, "{fences}");
    let store = prefixed(&server, "arc:");
    subscribed(&store).await;
    assert!(has(&store, "/a").await && has(&store, "/b").await);
    let () = server.command(&["CONFIG", "RESETSTAT"]);
    assert!(has(&store, "/a").await);
    assert_eq!(
        (server.calls("getrange"), server.calls("zscore")),
        (1, 2),
        "by a second round trip"
    );
    let () = server.command(&["DEL", "arc:p:/a"]);
    assert!(!has(&store, "/a").await, "a purge by path would not have found it");
    assert!(has(&store, "/b").await);
    let () = server.command(&["DEL", "arc:g:g"]);
    assert!(!has(&store, "/b").await, "a purge by group would not have found it");
    fill(&store, "/a", &["g"]).await;
    assert!(has(&store, "/a").await);
}

#[tokio::test]
async fn fence_stays_until_its_removal_is_done() {
    let server = RedisServer::start();
    let store = store(&server);
    fill(&store, "/a", &["g"]).await;
    fill(&store, "/b", &[]).await;
    // the process that purged ended before it removed anything
    let purge = Purge::path("/a");
    logical_clock::raise_bounded(&store.client, &store.names, &purge, 20).await.expect("raised");
    let early = store.purge_number().await.expect("a purge number");
    raise_bounded(&store, 20, 0..200).await;
    for store in [&store, &prefixed(&server, "arc:")] {
        assert!(!has(store, "/a").await && has(store, "/b").await);
    }
    let put = store.put(entry("/c", early, &[]), KEEP).await;
    assert_eq!(put.expect("an answer"), Put::Refused, "of purges since then not all are known");
    fill(&store, "/a", &[]).await;
    assert!(has(&store, "/a").await);
}

#[tokio::test]
async fn too_many_unfinished_removals_leave_no_older_entry() {
    let server = RedisServer::start();
    let store = store(&server);
    fill(&store, "/a", &["g"]).await;
    for number in 0..200 {
        let purge = Purge::group(number.to_string());
        logical_clock::raise_bounded(&store.client, &store.names, &purge, 20)
            .await
            .expect("raised");
    }
    let fences: u64 = server.command(&["HLEN", "arc:clock"]);
    assert!(fences < 120, "{fences}");
    let late = prefixed(&server, "arc:");
    assert!(!has(&late, "/a").await, "it may have been behind a fence that is gone");
    fill(&store, "/a", &[]).await;
    assert!(has(&store, "/a").await);
}

/// A server too small for what is stored, which evicts what it likes.
#[tokio::test]
async fn no_entry_outlives_a_purge_while_the_server_evicts() {
    let server =
        RedisServer::start_with(&["--maxmemory", "4mb", "--maxmemory-policy", "allkeys-lru"]);
    let (one, two) = (store(&server), store(&server));
    subscribed(&one).await;
    subscribed(&two).await;
    for round in 0..4 {
        for number in 0..400 {
            let path = format!("/{round}/{number}");
            let kind = samples::response(&vec![7; 8_000].into());
            let since = one.purge_number().await.expect("a purge number");
            let entry = Entry { kind, ..(*entry(&path, since, &["g"])).clone() };
            one.put(Arc::new(entry), KEEP).await.expect("stored or not");
        }
        one.purge(&Purge::group("g")).await.expect("purged");
        for number in 0..400 {
            assert!(!has(&one, &format!("/{round}/{number}")).await, "round {round}");
        }
        let since = one.purge_number().await.expect("a purge number");
        until("received", || two.invalidation().complete_up_to() >= since.number()).await;
        for number in 0..400 {
            assert!(!has(&two, &format!("/{round}/{number}")).await, "round {round}, elsewhere");
        }
    }
    let info: String = server.command(&["INFO", "stats"]);
    let evicted = info.lines().find_map(|line| line.strip_prefix("evicted_keys:"));
    assert_ne!(evicted, Some("0"), "nothing was evicted");
}
