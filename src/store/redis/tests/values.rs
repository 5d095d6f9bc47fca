//! What a stored entry is in the server, and what becomes of values that are none.

use super::*;

#[tokio::test]
async fn a_hit_is_one_command() {
    let server = RedisServer::start();
    let store = store(&server);
    fill(&store, "/a", &["g"]).await;
    listening(&store).await;
    let () = server.command(&["CONFIG", "RESETSTAT"]);
    assert!(has(&store, "/a").await && !has(&store, "/b").await);
    assert_eq!(server.calls("get"), 2);
    let info: String = server.command(&["INFO", "commandstats"]);
    // the test's own, and those by which the store checks four times a second that it hears of purges
    let ours = ["get:", "config", "info", "client", "hello", "hget:", "ping:"];
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
    for (number, bad) in
        [&b""[..], b"foreign", &bytes[..bytes.len() - 1], &version, &flipped, &other]
            .iter()
            .enumerate()
    {
        let () =
            redis::cmd("SET").arg(&name).arg(*bad).query(&mut server.connection()).expect("set");
        assert!(!has(&store, "/a").await, "bad value {number}");
        assert_eq!(store.corrupt(), u64::try_from(number + 1).expect("few"));
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
    let since = store.mark().await.expect("a mark");
    store.put(entry("/a/b", since, &["g"]), Duration::from_secs(5)).await.expect("stored");
    store.purge(&Purge::path("/nothing")).await.expect("purged");
    let names: Vec<String> = server.command(&["KEYS", "*"]);
    let expected = ["arc:clock", "arc:p:/a", "arc:p:/a/b", "arc:g:g"];
    assert!(expected.iter().all(|&name| names.iter().any(|found| found == name)), "{names:?}");
    assert_eq!(names.len(), expected.len() + 2, "{names:?}");
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
        let since = store.mark().await.expect("a mark");
        let error = store.put(entry("/a", since, groups), KEEP).await.expect_err(index);
        assert_eq!(error.kind(), StoreErrorKind::Corrupt);
        assert!(!has(&store, "/a").await);
        let () = server.command(&["DEL", index]);
    }
    let many = vec!["g"; MOST_GROUPS + 1];
    let since = store.mark().await.expect("a mark");
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
    let early = store.mark().await.expect("a mark");
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
    let since = store.mark().await.expect("a mark");
    store.put(entry("/a", since, &[]), Duration::ZERO).await.expect("no error");
    assert!(!has(&store, "/a").await);
    store.put(entry("/a", since, &[]), Duration::MAX).await.expect("no error");
    assert!(has(&store, "/a").await);
    store.put(entry("/b", since, &[]), Duration::from_millis(1)).await.expect("no error");
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(!has(&store, "/b").await);
}
