//! Purges while the server is away, and with what it had when it comes back.

use test_support::wait::until_async;

use super::{log::Log, *};
use crate::entry::Timestamp;

/// Whatever is to happen behind happens within this, also on a loaded test machine.
const BOUND: Duration = Duration::from_secs(10);

/// A server that does not answer costs a test no more than it must.
fn hasty(server: &RedisServer) -> RedisStore {
    let response_timeout = Duration::from_millis(150);
    RedisStore::new(server.url(), &RedisOptions { response_timeout, ..RedisOptions::default() })
        .expect("a URL")
}

async fn answers(store: &RedisStore) -> bool {
    store.get(&key("/")).await.is_ok()
}

/// Stores the entry of the samples and stops the server.
async fn stored_and_stopped(store: &RedisStore, server: &RedisServer) -> Entry {
    let since = store.purge_number().await.expect("a purge number");
    let entry = Entry { since, ..samples::target() };
    store.put(Arc::new(entry.clone()), KEEP).await.expect("stored");
    server.signal("STOP");
    entry
}

#[tokio::test]
async fn what_was_purged_meanwhile_does_not_come_back_with_the_server() {
    let server = RedisServer::start();
    for purge in samples::purges() {
        let store = hasty(&server);
        let entry = stored_and_stopped(&store, &server).await;
        assert_eq!(store.purge(&purge).await.expect("kept"), Purged::pending(), "{purge:?}");
        assert!(!answers(&store).await && store.purge_number().await.is_err());
        server.signal("CONT");
        // nobody has to ask for it
        let live = store.names.live(&entry.key.digest());
        let is_gone = || !server.command::<bool>(&["EXISTS", &live]);
        until_async("the purge is not repeated", async || is_gone()).await;
        until_async("the store is not trusted again", async || answers(&store).await).await;
        store.put(Arc::new(entry.clone()), KEEP).await.expect("no error");
        let found = store.get(&entry.key).await.expect("an answer");
        assert!(found.is_none(), "begun before {purge:?}");
        let purged = store.purge(&purge.clone().counted()).await.expect("purged");
        assert_eq!(purged, Purged::of(0), "{purge:?} again");
    }
}

#[tokio::test]
async fn purges_to_be_repeated_are_logged_when_that_begins_and_when_it_ends() {
    let server = RedisServer::start();
    let (log, store) = (Log::default(), hasty(&server));
    let _guard = log.listen();
    for round in 1..=2 {
        fill(&store, "/a", &[]).await;
        server.signal("STOP");
        for number in 0..20 {
            let purge = Purge::path(format!("/{number}"));
            assert!(store.purge(&purge).await.expect("kept").pending);
        }
        server.signal("CONT");
        until_async("the purges are not repeated", async || answers(&store).await).await;
        let count = |line: &str| log.text().matches(line).count();
        assert_eq!(count("a purge is to be repeated"), round, "{}", log.text());
        assert_eq!(count("all purges have reached Redis"), round, "{}", log.text());
    }
}

#[tokio::test]
async fn a_soft_purge_is_soft_when_it_is_repeated() {
    let server = RedisServer::start();
    let store = hasty(&server);
    let entry = stored_and_stopped(&store, &server).await;
    let then = Timestamp::from_secs(1_700_000_003);
    assert!(store.purge(&Purge::group("shop").soft_since(then)).await.expect("kept").pending);
    server.signal("CONT");
    until_async("the store is not trusted again", async || answers(&store).await).await;
    let found = store.get(&entry.key).await.expect("an answer").expect("there");
    assert_eq!(samples::shown(&found), samples::shown(&entry.stale_since(then)));
}

#[tokio::test]
async fn no_answer_is_trusted_before_the_purge_is_repeated() {
    let server = RedisServer::start();
    let store = Arc::new(hasty(&server));
    let entry = stored_and_stopped(&store, &server).await;
    assert!(store.purge(&Purge::path("/shop/7")).await.expect("kept").pending);
    let asking = (0..4).map(|_| {
        let (store, key) = (Arc::clone(&store), entry.key.clone());
        tokio::spawn(async move {
            loop {
                match store.get(&key).await {
                    Ok(found) => return found.is_none(),
                    Err(_) => tokio::task::yield_now().await,
                }
            }
        })
    });
    let asking: Vec<_> = asking.collect();
    server.signal("CONT");
    for asked in asking {
        let is_gone = tokio::time::timeout(BOUND, asked).await.expect("in time");
        assert!(is_gone.expect("no panic"), "an answer from before the purge");
    }
}

#[tokio::test]
async fn a_purge_that_is_dropped_on_its_way_is_repeated() {
    let server = RedisServer::start();
    let store = hasty(&server);
    let entry = stored_and_stopped(&store, &server).await;
    let purge = Purge::all();
    let dropped = tokio::time::timeout(Duration::from_millis(10), store.purge(&purge)).await;
    assert!(dropped.is_err(), "the server does not answer");
    assert!(!answers(&store).await);
    server.signal("CONT");
    until_async("the store is not trusted again", async || answers(&store).await).await;
    assert!(store.get(&entry.key).await.expect("an answer").is_none());
}

#[tokio::test]
async fn many_purges_are_repeated_as_one_of_all() {
    let server = RedisServer::start();
    let store = hasty(&server);
    fill(&store, "/elsewhere", &[]).await;
    let entry = stored_and_stopped(&store, &server).await;
    for number in 0..1100 {
        assert!(store.purge(&Purge::group(number.to_string())).await.expect("kept").pending);
    }
    server.signal("CONT");
    until_async("the store is not trusted again", async || answers(&store).await).await;
    for key in [entry.key, key("/elsewhere")] {
        assert!(store.get(&key).await.expect("an answer").is_none(), "{key:?}");
    }
}

#[test]
fn when_the_runtime_of_a_purge_ends_the_next_one_repeats_it() {
    let server = RedisServer::start();
    let store = hasty(&server);
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build();
    let entry = runtime().expect("a runtime").block_on(async {
        let entry = stored_and_stopped(&store, &server).await;
        assert!(store.purge(&Purge::all()).await.expect("kept").pending);
        entry
    });
    server.signal("CONT");
    runtime().expect("a runtime").block_on(async {
        until_async("the store is not trusted again", async || answers(&store).await).await;
        assert!(store.get(&entry.key).await.expect("an answer").is_none());
    });
}

#[tokio::test]
async fn a_full_server_is_purged_all_the_same() {
    let server = RedisServer::start();
    let store = store(&server);
    for number in 0..50 {
        let since = store.purge_number().await.expect("a purge number");
        let kind = samples::response(&vec![b'x'; 100_000].into());
        let large = Entry { kind, ..(*entry(&format!("/{number}"), since, &["g"])).clone() };
        store.put(Arc::new(large), KEEP).await.expect("stored");
    }
    let memory: String = server.command(&["INFO", "memory"]);
    let used = memory.lines().find_map(|line| line.strip_prefix("used_memory:")).expect("a line");
    let most = used.trim().parse::<u64>().expect("a number") - 1_000_000;
    let () = server.command(&["CONFIG", "SET", "maxmemory", &most.to_string()]);
    let since = PurgeNumber::default();
    let full = store.put(entry("/more", since, &[]), KEEP).await.expect_err("no room");
    assert_eq!(full.kind(), StoreErrorKind::Refused);
    assert!(!store.purge(&Purge::group("g")).await.expect("purged").pending);
    assert!(!has(&store, "/7").await);
}

/// Purges on a runtime that ends with the call, so that the purge is not repeated.
fn purge_and_stop(store: &Arc<RedisStore>, purge: Purge) {
    let store = Arc::clone(store);
    let purged = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async { store.purge(&purge).await })
    });
    assert_eq!(purged.join().expect("no panic").expect("kept"), Purged::pending());
}

#[tokio::test]
async fn process_settles_until_purges_of_others_arrive() {
    let server = RedisServer::start();
    let (one, two) = (Arc::new(hasty(&server)), hasty(&server));
    let entry = stored_and_stopped(&two, &server).await;
    let fill = Arc::new(Entry { ..entry.clone() });
    purge_and_stop(&one, Purge::path("/shop/7"));
    until_async("the other one does not notice", async || {
        two.get(&entry.key).await.is_err() && two.is_open()
    })
    .await;
    server.signal("CONT");
    until_async("the server is not found again", async || two.client.probe().await).await;
    assert!(two.get(&entry.key).await.is_err(), "it settles");
    assert!(two.purge_number().await.is_err(), "and nothing begins");
    assert!(two.put(Arc::clone(&fill), KEEP).await.is_err(), "or is published");
    assert!(one.get(&entry.key).await.is_err(), "and now the first one goes on");
    until_async("it is not trusted again", async || answers(&two).await).await;
    assert!(two.get(&entry.key).await.expect("an answer").is_none(), "purged by then");
    assert_eq!(two.put(fill, KEEP).await.expect("an answer"), Put::Refused, "begun before");
}

#[tokio::test]
async fn many_purges_are_fenced_before_the_first_is_carried_out() {
    let server = RedisServer::start();
    let (one, two) = (Arc::new(hasty(&server)), hasty(&server));
    let entry = stored_and_stopped(&two, &server).await;
    for number in 0..200 {
        // what is dropped before it is confirmed is kept
        drop(one.pending.attempt(&Purge::path(format!("/other/{number}"))));
    }
    drop(one.pending.attempt(&Purge::path("/shop/7")));
    server.signal("CONT");
    let last = tags::tag_of(Purge::path("/shop/7").target());
    let mut is_fenced = redis::cmd("HEXISTS");
    is_fenced.arg(one.names.clock()).arg(&last);
    until_async("not fenced", async || {
        is_fenced.query::<bool>(&mut server.connection()).expect("a reply")
    })
    .await;
    let found = two.get(&entry.key).await;
    assert!(!matches!(found, Ok(Some(_))), "{found:?}");
}
