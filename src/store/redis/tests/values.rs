//! What a stored entry is in the server, and what becomes of values that are none.

use super::*;

#[tokio::test]
async fn a_hit_is_one_exchange() {
    let server = RedisServer::start();
    let store = store(&server);
    fill(&store, "/a", &["g"]).await;
    subscribed(&store).await;
    let () = server.command(&["CONFIG", "RESETSTAT"]);
    assert!(has(&store, "/a").await && !has(&store, "/b").await);
    assert_eq!(server.calls("getrange"), 2);
    let info: String = server.command(&["INFO", "commandstats"]);
    // the test's own, and those by which the store checks four times a second that it hears of purges
    let ours = ["getrange:", "config", "info", "client", "hello", "hget:", "ping:"];
    let ours = ours.map(|command| format!("cmdstat_{command}"));
    let others = info.lines().filter(|line| {
        line.starts_with("cmdstat_") && !ours.iter().any(|command| line.starts_with(command))
    });
    assert_eq!(others.collect::<Vec<_>>(), Vec::<&str>::new());
}

#[tokio::test]
async fn what_is_no_entry_is_a_miss_and_is_overwritten() {
    let server = RedisServer::start();
    let store = store(&server);
    let name = store.names.live(&key("/a").digest());
    let good = fill(&store, "/a", &[]).await;
    let bytes: Vec<u8> = server.command(&["GET", &name]);
    fill(&store, "/other", &[]).await;
    let other: Vec<u8> = server.command(&["GET", &store.names.live(&key("/other").digest())]);
    let mut version = bytes.clone();
    version[3] += 1;
    let mut flipped = bytes.clone();
    *flipped.last_mut().expect("a body") ^= 1;
    let mut corrupt = 0;
    for (number, bad) in
        [&b""[..], b"foreign", &bytes[..bytes.len() - 1], &version, &flipped, &other]
            .iter()
            .enumerate()
    {
        let () =
            redis::cmd("SET").arg(&name).arg(*bad).query(&mut server.connection()).expect("set");
        assert!(!has(&store, "/a").await, "bad value {number}");
        corrupt += u64::from(!bad.is_empty()); // an empty one is none
        assert_eq!(store.corrupt(), corrupt, "bad value {number}");
        store.put(Arc::clone(&good), KEEP).await.expect("stored");
        assert!(has(&store, "/a").await, "after bad value {number}");
    }
    let () = server.command(&["DEL", &name]);
    let () = server.command(&["RPUSH", &name, "a", "list"]);
    assert!(!has(&store, "/a").await);
    store.put(good, KEEP).await.expect("stored");
    assert!(has(&store, "/a").await);
}

#[tokio::test]
async fn every_key_goes_some_day_and_indexes_last() {
    let server = RedisServer::start();
    let store = store(&server);
    fill(&store, "/a", &["g"]).await;
    let since = store.purge_number().await.expect("a purge number");
    store.put(entry("/a/b", since, &["g"]), Duration::from_secs(5)).await.expect("stored");
    store.purge(&Purge::path("/nothing")).await.expect("purged");
    let names: Vec<String> = server.command(&["KEYS", "*"]);
    let expected = ["arc:clock", "arc:p:/a", "arc:p:/a/b", "arc:g:g"];
    assert!(expected.iter().all(|&name| names.iter().any(|found| found == name)), "{names:?}");
    // the processes are listed sooner or later
    let others = names.iter().filter(|name| *name != "arc:processes").count();
    assert_eq!(others, expected.len() + 2, "{names:?}");
    let keep = i64::try_from(KEEP.as_millis()).expect("small");
    for name in names {
        let ttl: i64 = server.command(&["PTTL", &name]);
        assert!(ttl > 0, "{name} stays for ever");
        if name == "arc:g:g" {
            assert!(ttl > keep, "a shorter life shortened the index's: {ttl}");
        }
    }
    let ttl: i64 = server.command(&["PTTL", &store.names.live(&key("/a/b").digest())]);
    assert!((4000..=5000).contains(&ttl), "{ttl}");
}

#[tokio::test]
async fn a_value_that_cannot_be_indexed_is_not_stored() {
    let server = RedisServer::start();
    let store = store(&server);
    for (index, groups) in [("arc:p:/a", &[][..]), ("arc:g:second", &["first", "second"])] {
        let () = server.command(&["SET", index, "foreign"]);
        let since = store.purge_number().await.expect("a purge number");
        let error = store.put(entry("/a", since, groups), KEEP).await.expect_err(index);
        assert_eq!(error.kind(), StoreErrorKind::Corrupt);
        assert!(!has(&store, "/a").await);
        let () = server.command(&["DEL", index]);
    }
    let many = vec!["g"; MAX_GROUPS + 1];
    let since = store.purge_number().await.expect("a purge number");
    let error = store.put(entry("/a", since, &many), KEEP).await.expect_err("too many groups");
    assert_eq!(error.kind(), StoreErrorKind::Refused);
    assert!(!store.is_open());
}

#[tokio::test]
async fn indexes_are_trimmed_when_they_are_added_to() {
    let server = RedisServer::start();
    let store = store(&server);
    for number in 0..100 {
        let () = server.command(&["ZADD", "arc:p:/a", "1000", &format!("expired {number}")]);
    }
    fill(&store, "/a", &[]).await;
    let left: u64 = server.command(&["ZCARD", "arc:p:/a"]);
    assert_eq!(left, 100 - 64 + 1, "no addition removes more than it has time for");
    fill(&store, "/a", &[]).await;
    let left: u64 = server.command(&["ZCARD", "arc:p:/a"]);
    assert_eq!(left, 1);
}

#[tokio::test]
async fn a_member_stays_as_long_as_the_longest_value() {
    let server = RedisServer::start();
    let store = store(&server);
    let entry = fill(&store, "/a", &[]).await;
    let expiry = || -> f64 {
        let flat: Vec<redis::Value> =
            server.command(&["ZRANGE", "arc:p:/a", "0", "-1", "WITHSCORES"]);
        assert_eq!(flat.len(), 2, "one member");
        redis::from_redis_value(flat[1].clone()).expect("a score")
    };
    let first = expiry();
    store.put(entry, Duration::from_secs(1)).await.expect("stored");
    assert!(expiry() > first, "the score fell below the expiry of the value before");
}

#[tokio::test]
async fn what_waits_is_gone_when_a_fill_is_done() {
    let server = RedisServer::start();
    let store = store(&server);
    let early = store.purge_number().await.expect("a purge number");
    fill(&store, "/a", &[]).await;
    store.purge(&Purge::all()).await.expect("purged");
    store.put(entry("/a", early, &[]), KEEP).await.expect("no error");
    let waiting: Vec<String> = server.command(&["KEYS", "arc:w:*"]);
    assert!(waiting.is_empty(), "{waiting:?}");
}

#[tokio::test]
async fn nothing_is_kept_for_no_time_and_no_time_is_too_long() {
    let server = RedisServer::start();
    let store = store(&server);
    let since = store.purge_number().await.expect("a purge number");
    store.put(entry("/a", since, &[]), Duration::ZERO).await.expect("no error");
    assert!(!has(&store, "/a").await);
    store.put(entry("/a", since, &[]), Duration::MAX).await.expect("no error");
    assert!(has(&store, "/a").await);
    store.put(entry("/b", since, &[]), Duration::from_millis(1)).await.expect("no error");
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(!has(&store, "/b").await);
}

fn large(path: &str, since: PurgeNumber, length: usize) -> Arc<Entry> {
    let body: Vec<u8> = (0..length).map(|at| u8::try_from(at % 251).expect("small")).collect();
    Arc::new(Entry { kind: samples::response(&body.into()), ..(*entry(path, since, &[])).clone() })
}

#[tokio::test]
async fn large_values_come_and_go_in_pieces() {
    let server = RedisServer::start();
    let (one, two) = (store(&server), store(&server));
    for length in [0, 1, 65_000, 65_536, 70_000, 1_500_000, 5_000_000] {
        let path = format!("/{length}");
        let put = large(&path, one.purge_number().await.expect("a purge number"), length);
        assert_eq!(one.put(Arc::clone(&put), KEEP).await.expect("stored"), Put::Stored);
        for store in [&two, &two, &one] {
            let found = store.get(&key(&path)).await.expect("an answer").expect("there");
            assert!(
                found.response().expect("a response").body() == put.response().expect("one").body()
            );
        }
    }
    assert_eq!(one.corrupt() + two.corrupt(), 0);
    server.command::<()>(&["CONFIG", "RESETSTAT"]);
    let all = futures_util::future::join_all((0..50).map(|_| has(&two, "/5000000"))).await;
    assert!(all.into_iter().all(|has| has));
    let pieces = server.calls("getrange");
    assert!(pieces < 50 + 2 * 20 * 2, "all who ask share what they wait for: {pieces}");
}

#[tokio::test]
async fn a_large_value_that_is_replaced_or_purged_meanwhile_is_never_mixed() {
    let server = RedisServer::start();
    let store = Arc::new(store(&server));
    subscribed(&store).await;
    let writers = (1..=3).map(|version| {
        let store = Arc::clone(&store);
        async move {
            for _ in 0..10 {
                let since = store.purge_number().await.expect("a purge number");
                let kind = samples::response(&vec![version; 400_000].into());
                let entry = Entry { kind, ..(*entry("/a", since, &[])).clone() };
                store.put(Arc::new(entry), KEEP).await.expect("stored or not");
                if version == 1 {
                    store.purge(&Purge::path("/a")).await.expect("purged");
                }
            }
        }
    });
    let reads = async {
        for _ in 0..100 {
            if let Some(entry) = store.get(&key("/a")).await.expect("an answer") {
                let body = entry.response().expect("a response").body();
                assert!(body.len() == 400_000 && body.iter().all(|byte| *byte == body[0]));
            }
        }
    };
    futures_util::future::join(futures_util::future::join_all(writers), reads).await;
    let since = store.purge_number().await.expect("a purge number");
    store.put(large("/a", since, 400_000), KEEP).await.expect("stored");
    assert!(has(&store, "/a").await);
}

/// An entry with a body of this length, all of it this byte.
fn of(byte: u8, length: usize, since: PurgeNumber) -> Arc<Entry> {
    let kind = samples::response(&vec![byte; length].into());
    Arc::new(Entry { kind, ..(*entry(&format!("/{byte}"), since, &[])).clone() })
}

#[tokio::test]
async fn bodies_read_side_by_side_are_not_mixed_however_long_they_are_held() {
    let server = RedisServer::start();
    let store = store(&server);
    let since = store.purge_number().await.expect("a purge number");
    let length = |byte: u8| 1000 + usize::from(byte) * 3000;
    for byte in 0..30 {
        store.put(of(byte, length(byte), since), KEEP).await.expect("stored");
    }
    let mut held = Vec::new();
    for _ in 0..4 {
        let keys: Vec<_> = (0..30).map(|byte| key(&format!("/{byte}"))).collect();
        let read = futures_util::future::join_all(keys.iter().map(|key| store.get(key))).await;
        held.extend(read.into_iter().map(|read| read.expect("an answer").expect("it is there")));
        // a third stays for ever, the others go and leave their memory to those who come
        held = held.into_iter().enumerate().filter(|(at, _)| at % 3 != 1).map(|(_, e)| e).collect();
        for entry in &held {
            let body = entry.response().expect("a response").body();
            assert_eq!(body.len(), length(body[0]));
            assert!(body.iter().all(|byte| *byte == body[0]));
            assert_eq!(entry.key, key(&format!("/{}", body[0])));
        }
    }
}

#[tokio::test]
async fn requests_sent_together_share_one_reading_of_the_clock() {
    let server = RedisServer::start();
    let store = store(&server);
    fill(&store, "/a", &[]).await;
    subscribed(&store).await;
    assert!(has(&store, "/a").await);
    let () = server.command(&["CONFIG", "RESETSTAT"]);
    let reads = (0..40).map(|_| has(&store, "/a"));
    assert!(futures_util::future::join_all(reads).await.into_iter().all(|has| has));
    assert_eq!(server.calls("getrange"), 40);
    // beside those by which the store checks that it hears of purges
    assert!(server.calls("hget") < 20, "{}", server.calls("hget"));
}

#[tokio::test]
async fn future_of_a_hit_is_small() {
    let server = RedisServer::start();
    let store = store(&server);
    let key = key("/a");
    let size = size_of_val(&store.get_as_of(&key));
    // the box of the future is made for every hit, and its bytes are moved into it
    assert!(size <= 832, "{size} bytes");
}
