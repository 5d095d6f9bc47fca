//! Purges: only what is ours goes, in pieces that hold up nobody.

use super::*;

#[tokio::test]
async fn prefixes_do_not_touch_one_another() {
    let server = RedisServer::start();
    let prefixes = ["a:", "a:a:", "a*:", "ab:", "[a]:", "?:", "\\a:", "a:e:", ""];
    let stores = prefixes.map(|prefix| prefixed(&server, prefix));
    for purge in [Purge::all(), Purge::prefix("/"), Purge::path("/a"), Purge::group("*")] {
        for store in &stores {
            for other in &stores {
                fill(other, "/a", &["*"]).await;
            }
            let purged = store.purge(&purge.clone().counted()).await.expect("purged");
            assert_eq!(purged, Purged::of(1), "{purge:?} in {store:?}");
            for other in &stores {
                assert_eq!(has(other, "/a").await, !std::ptr::eq(store, other), "{other:?}");
            }
        }
    }
}

#[tokio::test]
async fn what_is_not_ours_stays_under_any_purge() {
    let server = RedisServer::start();
    let store = store(&server);
    fill(&store, "/a", &["g"]).await;
    for name in ["other", "arc:other", "arc:e:other", "arc:w:{other}", "arc:p:other", "xarc:p:/a"] {
        let () = server.command(&["SET", name, "1"]);
    }
    let () = server.command(&["SET", "arc:p:/foreign", "1"]);
    assert_eq!(store.purge(&Purge::all().counted()).await.expect("purged"), Purged::of(1));
    let mut names: Vec<String> = server.command(&["KEYS", "*"]);
    // the processes are listed sooner or later
    names.retain(|name| name != "arc:processes");
    names.sort();
    let left = [
        "arc:clock",
        "arc:e:other",
        "arc:other",
        "arc:p:/foreign",
        "arc:p:other",
        "arc:w:{other}",
        "other",
        "xarc:p:/a",
    ];
    assert_eq!(names, left, "indexes and values are gone, the rest is not");
}

#[tokio::test]
async fn values_that_are_in_no_index_go_with_all_and_by_key() {
    let server = RedisServer::start();
    let store = store(&server);
    for purge in [Purge::all(), Purge::entry(key("/a"))] {
        fill(&store, "/a", &[]).await;
        let () = server.command(&["DEL", "arc:p:/a"]);
        assert_eq!(store.purge(&purge.clone().counted()).await.expect("purged"), Purged::of(1));
        assert!(!has(&store, "/a").await);
    }
}

#[tokio::test]
async fn a_soft_purge_leaves_lifetimes_indexes_and_what_is_not_ours_alone() {
    let server = RedisServer::start();
    let store = store(&server);
    fill(&store, "/a", &["g"]).await;
    let (live, waiting) =
        (store.names.live(&key("/a").digest()), store.names.staged(&key("/a").digest()));
    let zeros = "\0".repeat(100);
    let foreign = [waiting, store.names.live(&key("/b").digest())];
    for name in &foreign {
        let () = server.command(&["SET", name, &zeros]);
    }
    let () = server.command(&["RPUSH", &store.names.live(&key("/c").digest()), "a list"]);
    let ttl = || -> i64 { server.command(&["PTTL", &live]) };
    let before = ttl();
    for (purge, marked) in
        [(Purge::group("g"), 1), (Purge::all(), 0), (Purge::path("/a"), 0), (Purge::all(), 0)]
    {
        let purged = store.purge(&purge.soft().counted()).await.expect("purged");
        assert_eq!(purged, Purged::of(marked), "what is stale already does not count");
    }
    let after = ttl();
    assert!((before - 60_000..=before).contains(&after), "{before} {after}");
    for name in &foreign {
        let value: String = server.command(&["GET", name]);
        assert_eq!(value, zeros);
    }
    assert_eq!(store.purge(&Purge::group("g").counted()).await.expect("purged"), Purged::of(1));
}

#[tokio::test]
async fn notes_of_variants_do_not_count() {
    let server = RedisServer::start();
    let store = store(&server);
    for purge in [Purge::all(), Purge::entry(key("/a")), Purge::path("/a")] {
        // first a response, then a note under the same key
        fill(&store, "/a", &[]).await;
        let note = Entry {
            kind: crate::entry::Kind::Varies(crate::entry::Selecting::default()),
            ..(*entry("/a", store.purge_number().await.expect("a purge number"), &[])).clone()
        };
        store.put(Arc::new(note), KEEP).await.expect("stored");
        assert!(has(&store, "/a").await);
        assert_eq!(
            store.purge(&purge.clone().counted()).await.expect("purged"),
            Purged::of(0),
            "{purge:?}"
        );
        assert!(!has(&store, "/a").await);
    }
}

#[tokio::test]
async fn large_purges_go_in_pieces() {
    const MANY: u64 = 1500;
    let server = RedisServer::start();
    let store = store(&server);
    for purge in [Purge::group("g"), Purge::prefix("/many"), Purge::all()] {
        for first in (0..MANY).step_by(100) {
            let fills = (first..first + 100).map(async |number| {
                fill(&store, &format!("/many/{number}"), &["g"]).await;
            });
            futures_util::future::join_all(fills).await;
        }
        let () = server.command(&["CONFIG", "RESETSTAT"]);
        for purge in [&purge.clone().soft(), &purge] {
            let purge = purge.clone().counted();
            let purged = store.purge(&purge).await.expect("purged");
            let entries = purged.entries.expect("counted");
            assert!(entries <= MANY && purged.removing == (entries < MANY));
            assert!(entries > 500 && !purged.pending, "{purge:?}: {purged:?}");
            removed(&store).await;
            let again = store.purge(&purge).await.expect("purged");
            assert_eq!(again.entries, Some(0), "{purge:?} has taken all");
            removed(&store).await;
        }
        // on the average, as a busy machine may hold the server itself up in any one command
        for (command, micros) in server.micros_per_call() {
            assert!(micros < 10_000.0, "{purge:?} held the server up: {command} took {micros} us");
        }
        assert_eq!(server.calls("keys") + server.calls("flushdb") + server.calls("del"), 0);
        let scans = server.calls("scan");
        assert_eq!(scans == 0, purge == Purge::group("g"), "{purge:?} scanned {scans} times");
    }
}

#[tokio::test]
async fn a_purge_does_not_wait_for_what_lies_behind_it() {
    let server = RedisServer::start();
    let store = store(&server);
    fill(&store, "/a", &["g"]).await;
    let foreign = "for i = 1, 50000 do redis.call('SET', 'other:' .. i, 1) end";
    let () = server.command(&["EVAL", foreign, "0"]);
    for purge in [Purge::all(), Purge::prefix("/"), Purge::all().soft()] {
        let () = server.command(&["CONFIG", "RESETSTAT"]);
        let purged = store.purge(&purge.clone().counted()).await.expect("purged");
        assert!(purged.removing && !purged.pending, "{purge:?}: {purged:?}");
        removed(&store).await;
        assert!(server.calls("scan") >= 50, "{purge:?} was carried out behind it");
    }
    let names: Vec<String> = server.command(&["KEYS", "arc:?:*"]);
    assert!(names.is_empty(), "{names:?}");
}

#[tokio::test]
async fn what_was_purged_is_gone_for_all_before_it_is_removed() {
    let server = RedisServer::start();
    let (one, two) = (store(&server), store(&server));
    for purge in samples::purges() {
        let entry =
            Entry { since: one.purge_number().await.expect("a purge number"), ..samples::target() };
        one.put(Arc::new(entry.clone()), KEEP).await.expect("stored");
        assert!(two.get(&entry.key).await.expect("an answer").is_some());
        let late = store(&server);
        // whoever purges dies with its fence
        let purges = [purge.clone()];
        raise::fences(&one.client, &one.names, one.invalidation(), &purges).await.expect("raised");
        for store in [&two, &late, &one] {
            let found = store.get(&entry.key).await.expect("an answer");
            assert!(found.is_none(), "{purge:?}");
        }
        let there: bool = server.command(&["EXISTS", &one.names.live(&entry.key.digest())]);
        assert!(there, "nobody has removed it");
        for store in [&one, &two] {
            let entry = Entry {
                since: store.purge_number().await.expect("a purge number"),
                ..entry.clone()
            };
            store.put(Arc::new(entry.clone()), KEEP).await.expect("stored");
            assert!(late.get(&entry.key).await.expect("an answer").is_some(), "{purge:?}");
        }
    }
}

#[tokio::test]
async fn what_is_filled_after_a_purge_is_not_removed_by_it() {
    let server = RedisServer::start();
    let store = store(&server);
    for purge in [Purge::all(), Purge::prefix("/"), Purge::group("g"), Purge::path("/a")] {
        fill(&store, "/a", &["g"]).await;
        let purges = [purge.clone()];
        let numbers =
            raise::fences(&store.client, &store.names, store.invalidation(), &purges).await;
        let number = numbers.expect("raised")[0];
        let late = fill(&store, "/a", &["g"]).await;
        let mut removal = Removal::new(&store.names, &purge, number);
        while !removal.is_done() {
            removal.step(&store.client, &store.names).await.expect("a step");
        }
        assert!(has(&store, "/a").await, "{purge:?}");
        // and is still listed for the next one
        let listed = index::look_up(&store.names, &late);
        let listed = store.client.send(listed).await.expect("scores");
        assert!(!listed.contains(&redis::Value::Nil), "{purge:?}: {listed:?}");
    }
}

#[tokio::test]
async fn a_removal_goes_on_where_it_was_when_connections_are_lost() {
    let server = RedisServer::start();
    let store = store(&server);
    for number in 0..300 {
        fill(&store, &format!("/{number}"), &[]).await;
    }
    let foreign = "for i = 1, 50000 do redis.call('SET', 'other:' .. i, 1) end";
    let () = server.command(&["EVAL", foreign, "0"]);
    let scans = async || {
        let () = server.command(&["CONFIG", "RESETSTAT"]);
        let mut removal = Removal::new(&store.names, &Purge::all(), PurgeNumber::new(1));
        for step in 0.. {
            if removal.is_done() {
                return server.calls("scan");
            }
            // now and then a step fails, as where the server pauses
            if step % 5 == 4 {
                let () = server.command(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
            }
            let _ = removal.step(&store.client, &store.names).await;
        }
        unreachable!("it ends")
    };
    let scans = scans().await;
    assert!((50..90).contains(&scans), "a look at all names took {scans} steps");
}
