//! Fills that race purges, at every step; and the logical time through losses.

use std::sync::atomic::AtomicBool;

use super::*;

/// Where a fill stands when a purge comes in between.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    Begun,
    Waiting,
    Published,
}

#[tokio::test]
async fn a_purge_at_any_step_of_a_fill_wins() {
    let server = RedisServer::start();
    for purge in samples::purges() {
        for step in [Step::Begun, Step::Waiting, Step::Published] {
            let store = prefixed(&server, &format!("{step:?}:"));
            let since = store.mark().await.expect("a mark");
            let entry = Arc::new(Entry { since, ..samples::target() });
            let encoded = codec::encode(&entry).expect("encoded");
            let digest = entry.key.digest();
            let (waiting, live) = (store.names.waiting(&digest), store.names.live(&digest));
            if step == Step::Begun {
                store.purge(&purge).await.expect("purged");
            }
            let admitted =
                store.prepare(&entry, &encoded, &waiting, 10_000).await.expect("prepared");
            assert_eq!(admitted, step != Step::Begun);
            if step == Step::Waiting {
                assert_eq!(store.purge(&purge).await.expect("purged"), Purged::of(0));
            }
            if admitted {
                let published = store.publish(&encoded.head, [&waiting, &live], 10_000).await;
                published.expect("published or not");
            }
            if step == Step::Published {
                assert_eq!(store.purge(&purge).await.expect("purged"), Purged::of(1));
            }
            let found = store.get(&entry.key).await.expect("an answer");
            assert!(found.is_none(), "{purge:?} at {step:?}");
        }
    }
}

#[tokio::test]
async fn another_fill_in_between_does_not_publish_what_was_not_checked() {
    let server = RedisServer::start();
    let store = store(&server);
    let digest = key("/a").digest();
    let (waiting, live) = (store.names.waiting(&digest), store.names.live(&digest));
    let first = entry("/a", store.mark().await.expect("a mark"), &[]);
    let first_encoded = codec::encode(&first).expect("encoded");
    assert!(store.prepare(&first, &first_encoded, &waiting, 10_000).await.expect("prepared"));
    let second = entry("/a", first.since, &["another"]);
    let second_encoded = codec::encode(&second).expect("encoded");
    assert!(store.prepare(&second, &second_encoded, &waiting, 10_000).await.expect("prepared"));
    store.publish(&first_encoded.head, [&waiting, &live], 10_000).await.expect("no error");
    assert!(!has(&store, "/a").await, "the second waits there, not the first");
    store.publish(&second_encoded.head, [&waiting, &live], 10_000).await.expect("no error");
    assert!(has(&store, "/a").await);
}

#[tokio::test]
async fn a_fill_dropped_anywhere_leaves_nothing_that_a_purge_would_miss() {
    let server = RedisServer::start();
    let store = store(&server);
    for micros in (0..3000).step_by(20) {
        let since = store.mark().await.expect("a mark");
        let put = store.put(entry("/a", since, &["g"]), KEEP);
        let _ = tokio::time::timeout(Duration::from_micros(micros), put).await;
        let purge = if micros % 40 == 0 { Purge::path("/a") } else { Purge::group("g") };
        store.purge(&purge).await.expect("purged");
        // what was sent before the drop still arrives
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert!(!has(&store, "/a").await, "dropped after {micros} us");
    }
}

#[tokio::test]
async fn time_goes_on_after_all_data_is_lost() {
    let server = RedisServer::start();
    let store = store(&server);
    let early = store.mark().await.expect("a mark");
    store.purge(&Purge::path("/a")).await.expect("purged");
    let () = server.command(&["FLUSHALL"]);
    store.put(entry("/a", early, &[]), KEEP).await.expect("no error");
    assert!(!has(&store, "/a").await, "whether it was purged, nobody knows");
    let late = store.mark().await.expect("a mark");
    assert!(late > early);
    store.put(entry("/a", early, &[]), KEEP).await.expect("no error");
    assert!(!has(&store, "/a").await, "nor when time goes on");
    store.put(entry("/a", late, &[]), KEEP).await.expect("no error");
    assert!(has(&store, "/a").await);

    let () = server.command(&["FLUSHALL"]);
    store.purge(&Purge::path("/b")).await.expect("purged");
    assert!(store.mark().await.expect("a mark") > late);
}

#[tokio::test]
async fn a_clock_that_is_none_is_replaced() {
    let server = RedisServer::start();
    let store = store(&server);
    let mut last = Mark::default();
    for foreign in [
        &["SET", "arc:clock", "foreign"][..],
        &["HSET", "arc:clock", "now", "foreign"],
        &["HSET", "arc:clock", "seed", "foreign"],
        &["HDEL", "arc:clock", "now"],
    ] {
        let () = server.command(&["DEL", "arc:clock"]);
        let () = server.command(foreign);
        store.purge(&Purge::path("/b")).await.expect("purged");
        let mark = store.mark().await.expect("a mark");
        assert!(mark > last, "{foreign:?}");
        last = mark;
        fill(&store, "/a", &[]).await;
        assert!(has(&store, "/a").await, "{foreign:?}");
    }
}

#[tokio::test]
async fn fences_are_bounded_and_lose_no_purge() {
    let server = RedisServer::start();
    let store = store(&server);
    let early = store.mark().await.expect("a mark");
    store.purge(&Purge::path("/a")).await.expect("purged");
    let late = store.mark().await.expect("a mark");
    for number in 0..1100 {
        store.purge(&Purge::Group(number.to_string())).await.expect("purged");
    }
    let fences: u64 = server.command(&["HLEN", "arc:clock"]);
    assert!(fences <= 1026, "{fences}");
    for since in [early, late] {
        store.put(entry("/a", since, &[]), KEEP).await.expect("no error");
        assert!(!has(&store, "/a").await);
    }
    fill(&store, "/a", &[]).await;
    assert!(has(&store, "/a").await);
}

/// Handlers that answer with the number of the last change, purges after each change, and readers
/// that know the number whose purge has returned.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_reader_sees_what_was_purged_before_it_asked() {
    let server = RedisServer::start();
    let store = Arc::new(store(&server));
    let (changed, purged) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let over = Arc::new(AtomicBool::new(false));
    let mut tasks = Vec::new();
    for _ in 0..4 {
        let (store, changed, over) = (Arc::clone(&store), Arc::clone(&changed), Arc::clone(&over));
        tasks.push(tokio::spawn(async move {
            while !over.load(Ordering::SeqCst) {
                let since = store.mark().await.expect("a mark");
                let body = changed.load(Ordering::SeqCst).to_string();
                let kind = samples::response(&body.into());
                let entry = Entry { kind, ..(*entry("/a", since, &["g"])).clone() };
                store.put(Arc::new(entry), KEEP).await.expect("stored or not");
            }
        }));
    }
    let mut seen = 0;
    for round in 1..=300 {
        changed.store(round, Ordering::SeqCst);
        let purge = [Purge::path("/a"), Purge::group("g"), Purge::All, Purge::prefix("/")];
        let purge = &purge[usize::try_from(round % 4).expect("small")];
        store.purge(purge).await.expect("purged");
        purged.store(round, Ordering::SeqCst);
        for _ in 0..5 {
            let known = purged.load(Ordering::SeqCst);
            if let Some(entry) = store.get(&key("/a")).await.expect("an answer") {
                let body = entry.response().expect("a response").body.clone();
                let number: u64 =
                    std::str::from_utf8(&body).expect("text").parse().expect("digits");
                assert!(number >= known, "{number} was read after the purge of {known}");
                seen += 1;
            }
        }
    }
    over.store(true, Ordering::SeqCst);
    for task in tasks {
        task.await.expect("no panic");
    }
    assert!(seen > 100, "the fills hardly ever came through: {seen}");
}
