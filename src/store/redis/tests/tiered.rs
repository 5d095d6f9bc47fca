//! Memory before Redis: two stores are two processes.

use std::time::Instant;

use super::{samples::KEEP, *};
use crate::{
    clock::Clock,
    store::tiered::{OFFLINE_TTL, TieredStore},
};

/// A store with 16 MiB before it.
fn tiered(server: &RedisServer, prefix: &str) -> TieredStore {
    TieredStore::new(16 << 20, Clock::manual(), prefixed(server, prefix))
}

/// Two processes that hear of each other.
async fn two(server: &RedisServer) -> [TieredStore; 2] {
    let stores = [tiered(server, "arc:"), tiered(server, "arc:")];
    for store in &stores {
        subscribed(store.redis()).await;
    }
    stores
}

async fn fill(store: &TieredStore, path: &str, body: &'static str) -> Arc<Entry> {
    let since = store.purge_number().await.expect("a purge number");
    let kind = samples::response(&body.as_bytes().into());
    let entry = Arc::new(Entry { kind, ..(*entry(path, since, &["g"])).clone() });
    assert_eq!(store.put(Arc::clone(&entry), KEEP).await.expect("stored"), Put::Stored);
    entry
}

fn body(entry: Option<Arc<Entry>>) -> Option<String> {
    let body = entry?.response()?.body();
    Some(String::from_utf8(body.to_vec()).expect("text"))
}

async fn read(store: &TieredStore, path: &str) -> Option<String> {
    body(store.get(&key(path)).await.expect("an answer"))
}

fn local(store: &TieredStore, path: &str) -> Option<String> {
    body(store.get_local(&KeyParts::of(&key(path))))
}

#[tokio::test]
async fn store_passes_acceptance_tests() {
    let server = RedisServer::start();
    let number = AtomicU64::new(0);
    acceptance::examine(async || {
        let store = tiered(&server, &format!("t{}:", number.fetch_add(1, Ordering::Relaxed)));
        subscribed(store.redis()).await;
        store
    })
    .await;
}

#[tokio::test]
async fn store_passes_acceptance_tests_before_it_is_subscribed() {
    let server = RedisServer::start();
    let number = AtomicU64::new(0);
    let make = async || tiered(&server, &format!("t{}:", number.fetch_add(1, Ordering::Relaxed)));
    acceptance::examine(make).await;
}

#[tokio::test]
async fn local_hit_sends_nothing_to_redis() {
    let server = RedisServer::start();
    let [one, two] = two(&server).await;
    fill(&one, "/a", "1").await;
    assert_eq!(local(&one, "/a").as_deref(), Some("1"));
    assert_eq!(local(&two, "/a"), None);
    until("not on its way any more", || {
        two.redis().invalidation().stored_elsewhere(&key("/a").digest()) == 1
    })
    .await;
    assert_eq!(read(&two, "/a").await.as_deref(), Some("1"));
    let () = server.command(&["CONFIG", "RESETSTAT"]);
    for store in [&one, &two] {
        for _ in 0..1000 {
            assert!(local(store, "/a").is_some() && read(store, "/a").await.is_some());
        }
    }
    let commands = ["get", "eval", "hmget", "zscore", "evalsha"];
    assert_eq!(commands.map(|command| server.calls(command)), [0; 5]);
}

#[tokio::test]
async fn purge_holds_here_at_once_and_elsewhere_when_announced() {
    let server = RedisServer::start();
    for purge in [Purge::path("/a"), Purge::group("g"), Purge::prefix("/"), Purge::all()] {
        let [one, two] = two(&server).await;
        fill(&one, "/a", "old").await;
        // a read while the message of the store is on its way reads once more
        let begun = Instant::now();
        while local(&two, "/a").is_none() {
            assert!(read(&two, "/a").await.is_some() && begun.elapsed() < KEEP);
        }
        one.purge(&purge).await.expect("purged");
        let purged = Instant::now();
        assert_eq!((local(&one, "/a"), read(&one, "/a").await), (None, None), "{purge:?}");
        while local(&two, "/a").is_some() {
            assert!(purged.elapsed() < OFFLINE_TTL, "{purge:?}");
        }
        assert_eq!(read(&two, "/a").await, None, "{purge:?}");
        fill(&two, "/a", "new").await;
        assert_eq!(local(&two, "/a").as_deref(), Some("new"));
        assert_eq!(read(&one, "/a").await.as_deref(), Some("new"));
    }
}

#[tokio::test]
async fn soft_purge_makes_stale_in_both_tiers() {
    let server = RedisServer::start();
    let [one, two] = two(&server).await;
    let then = crate::entry::Timestamp::from_secs(1_700_000_005);
    let put = fill(&one, "/a", "1").await;
    assert!(read(&two, "/a").await.is_some());
    one.purge(&Purge::path("/a").soft_since(then)).await.expect("purged");
    let stale = samples::shown(&put.stale_since(then));
    let is_stale = async |store: &TieredStore| {
        let found = store.get(&key("/a")).await.expect("an answer").expect("there");
        samples::shown(&found) == stale
    };
    let purged = Instant::now();
    assert!(is_stale(&one).await);
    while !is_stale(&two).await {
        assert!(purged.elapsed() < OFFLINE_TTL);
    }
}

#[tokio::test]
async fn entry_stored_elsewhere_replaces_the_local_one() {
    let server = RedisServer::start();
    let [one, two] = two(&server).await;
    fill(&one, "/a", "1").await;
    assert!(read(&two, "/a").await.is_some());
    for (store, other, body) in [(&two, &one, "2"), (&one, &two, "3"), (&two, &one, "4")] {
        fill(store, "/a", body).await;
        let stored = Instant::now();
        while read(other, "/a").await.as_deref() != Some(body) {
            assert!(stored.elapsed() < OFFLINE_TTL, "{body}");
        }
        assert_eq!(read(store, "/a").await.as_deref(), Some(body), "who stored it has it");
    }
}

#[tokio::test]
async fn lost_subscription_ends_the_use_of_local_entries_for_good() {
    let server = RedisServer::start();
    let [one, two] = two(&server).await;
    fill(&one, "/a", "1").await;
    fill(&two, "/b", "1").await;
    assert!(read(&two, "/a").await.is_some());
    let before = two.redis().invalidation().trust_period(two.redis().invalidation().now());
    let cut: u64 = server.command(&["CLIENT", "KILL", "TYPE", "pubsub"]);
    assert!(cut >= 2);
    until("noticed", || !two.redis().invalidation().is_trusted()).await;
    assert_eq!((local(&two, "/a"), local(&two, "/b")), (None, None), "wherever it came from");
    subscribed(two.redis()).await;
    assert!(two.redis().invalidation().trust_period(two.redis().invalidation().now()) > before);
    assert_eq!((local(&two, "/a"), local(&two, "/b")), (None, None), "it was cleared");
    assert_eq!(read(&two, "/a").await.as_deref(), Some("1"), "commands work");
}

/// A store whose user may use everything but the channel, so that it never receives anything.
fn without_subscription(server: &RedisServer) -> TieredStore {
    let user = ["ACL", "SETUSER", "deaf", "on", ">secret", "~*", "+@all", "resetchannels"];
    let () = server.command(&user);
    let url = server.url().replace("redis://", "redis://deaf:secret@");
    let response_timeout = Duration::from_secs(2);
    let options = RedisOptions { response_timeout, ..RedisOptions::default() };
    let far = RedisStore::new(url.as_str(), &options).expect("a URL");
    TieredStore::new(16 << 20, Clock::manual(), far)
}

#[tokio::test]
async fn process_without_subscription_keeps_entries_for_the_offline_ttl() {
    let server = RedisServer::start();
    let (one, deaf) = (tiered(&server, "arc:"), without_subscription(&server));
    fill(&one, "/a", "1").await;
    let asked = Instant::now();
    assert_eq!(read(&deaf, "/a").await.as_deref(), Some("1"));
    assert!(local(&deaf, "/a").is_some() || asked.elapsed() >= OFFLINE_TTL);
    one.purge(&Purge::path("/a")).await.expect("purged");
    let purged = Instant::now();
    while read(&deaf, "/a").await.is_some() {
        assert!(purged.elapsed() < OFFLINE_TTL, "purged, and still there");
    }
    fill(&deaf, "/a", "2").await;
    deaf.purge(&Purge::group("g")).await.expect("purged");
    assert_eq!(local(&deaf, "/a"), None, "a purge of its own is felt at once");
}

#[tokio::test]
async fn response_is_kept_for_the_offline_ttl_while_redis_is_away() {
    let mut server = RedisServer::start();
    let store = tiered(&server, "arc:");
    subscribed(store.redis()).await;
    fill(&store, "/before", "1").await;
    server.kill();
    until("noticed", || !store.redis().invalidation().is_trusted()).await;
    assert_eq!(local(&store, "/before"), None);
    let begun = Instant::now();
    fill(&store, "/a", "alone").await;
    assert!(local(&store, "/a").is_some() || begun.elapsed() >= OFFLINE_TTL);
    while local(&store, "/a").is_some() {
        assert!(begun.elapsed() < OFFLINE_TTL + Duration::from_millis(100), "held for too long");
    }
    let early = store.purge_number().await.expect("a mark of its own");
    let early = Arc::new(Entry { since: early, ..(*entry("/a", early, &["g"])).clone() });
    let purged = store.purge(&Purge::group("g")).await.expect("kept");
    assert!(purged.pending, "Redis is away");
    assert_eq!(store.put(Arc::clone(&early), KEEP).await.expect("no error"), Put::Refused);
    assert_eq!(local(&store, "/a"), None, "purged in between");
    fill(&store, "/a", "after the purge").await;

    server.restart();
    subscribed(store.redis()).await;
    let restarted = Instant::now();
    while store.redis().purge_number().await.is_err() {
        assert!(restarted.elapsed() < Duration::from_secs(10), "the purge is not repeated");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(read(&store, "/a").await, None);
    let late = store.purge_number().await.expect("a purge number");
    store.put(early, KEEP).await.expect("no error");
    assert_eq!(read(&store, "/a").await, None, "of a time that is over");
    assert!(late.number() < 1 << 63, "Redis tells the time again");
    let keys: u64 = server.command(&["EXISTS", &store.redis().names.live(&key("/a").digest())]);
    assert_eq!(keys, 0, "nothing of one process alone is in Redis");
}

#[tokio::test]
async fn local_entry_does_not_keep_the_whole_reply() {
    let server = RedisServer::start();
    let [one, two] = two(&server).await;
    fill(&one, "/a", "1").await;
    let read = two.get(&key("/a")).await.expect("an answer").expect("an entry");
    let body = read.response().expect("a response").stored_body();
    assert!(body.whole().expect("it is whole").is_unique());
}

#[tokio::test]
async fn memory_is_bounded() {
    let server = RedisServer::start();
    let store = TieredStore::new(100_000, Clock::manual(), prefixed(&server, "arc:"));
    subscribed(store.redis()).await;
    for number in 0..200 {
        let since = store.purge_number().await.expect("a purge number");
        let kind = samples::response(&vec![7; 5_000].into());
        let entry = Entry { kind, ..(*entry(&format!("/{number}"), since, &[])).clone() };
        store.put(Arc::new(entry), KEEP).await.expect("stored");
    }
    let size = store.size().expect("a size");
    assert!(size.bytes <= 100_000 && size.entries > 5, "{size:?}");
}

/// Handlers that answer with the number of the last change, purges after each change in one process,
/// and readers in the other which know what was purged for longer than the bound.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_read_is_older_than_the_bound_after_a_purge_elsewhere() {
    let server = RedisServer::start();
    let stores: [Arc<TieredStore>; 2] = two(&server).await.map(Arc::new);
    let changed = Arc::new(AtomicU64::new(0));
    let over = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let fills = stores.each_ref().map(|store| {
        let (store, changed, over) = (Arc::clone(store), Arc::clone(&changed), Arc::clone(&over));
        tokio::spawn(async move {
            while !over.load(Ordering::SeqCst) {
                if store.get(&key("/a")).await.expect("an answer").is_some() {
                    tokio::task::yield_now().await;
                    continue;
                }
                let since = store.purge_number().await.expect("a purge number");
                let body = changed.load(Ordering::SeqCst).to_string();
                let kind = samples::response(&body.into());
                let entry = Entry { kind, ..(*entry("/a", since, &["g"])).clone() };
                store.put(Arc::new(entry), KEEP).await.expect("stored or not");
            }
        })
    });
    let mut seen = 0;
    for round in 1..=200_u64 {
        changed.store(round, Ordering::SeqCst);
        stores[0].purge(&Purge::group("g")).await.expect("purged");
        let purged = Instant::now();
        // here at once
        if let Some(number) = read(&stores[0], "/a").await {
            assert!(number.parse::<u64>().expect("a number") >= round, "{number} in {round}");
        }
        // elsewhere when it is announced
        loop {
            match read(&stores[1], "/a").await {
                Some(number) if number.parse::<u64>().expect("a number") < round => {
                    assert!(purged.elapsed() < OFFLINE_TTL, "{number} in {round}");
                }
                Some(_) => break seen += 1,
                None => {}
            }
        }
    }
    over.store(true, Ordering::SeqCst);
    for fill in fills {
        fill.await.expect("no panic");
    }
    assert_eq!(seen, 200);
}
