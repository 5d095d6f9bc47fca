//! Fills that race purges, at every step; and the logical time through losses.

use std::sync::atomic::AtomicBool;

use super::*;
use crate::entry::Timestamp;

/// The steps of a fill that has begun, and of a purge that comes meanwhile.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    Prepare,
    Publish,
    Raise,
    CarryOut,
}

/// Every order in which these steps can come.
fn orders() -> [[Step; 4]; 6] {
    use Step::{CarryOut as C, Prepare as P, Publish as U, Raise as R};
    [[R, C, P, U], [R, P, C, U], [R, P, U, C], [P, R, C, U], [P, R, U, C], [P, U, R, C]]
}

/// Lets a fill of this entry, which began before, and a purge run in this order.
async fn interleave(store: &RedisStore, entry: &Entry, purge: &Purge, order: [Step; 4]) {
    let encoded = codec::encode(entry).expect("encoded");
    let digest = entry.key.digest();
    let waiting = store.names.staged(&digest);
    let (mut state, mut number) = (PurgeState::Unknown, PurgeNumber::default());
    for step in order {
        match step {
            Step::Prepare => {
                state = store.prepare(entry, &encoded, &waiting, 10_000).await.expect("done");
            }
            Step::Publish => {
                let published = store.publish(&encoded, state, &digest, 10_000).await;
                published.expect("published or not");
            }
            Step::Raise => {
                number = raised(store, purge).await;
            }
            Step::CarryOut => {
                carried_out(store, purge, number).await;
            }
        }
    }
}

/// Raises the fence of a purge and does no more.
async fn raised(store: &RedisStore, purge: &Purge) -> PurgeNumber {
    let purges = std::slice::from_ref(purge);
    let numbers = raise::fences(&store.client, &store.names, store.invalidation(), purges).await;
    numbers.expect("raised")[0]
}

/// Removes all that a purge has named; how many responses that were.
async fn carried_out(store: &RedisStore, purge: &Purge, number: PurgeNumber) -> u64 {
    let mut removal = Removal::new(&store.names, purge, number);
    while !removal.is_done() {
        removal.step(&store.client, &store.names).await.expect("a step");
    }
    removal.gone
}

#[tokio::test]
async fn purge_wins_at_any_step_of_a_fill() {
    let server = RedisServer::start();
    for purge in samples::purges() {
        for order in orders() {
            let store = prefixed(&server, &format!("{order:?}:"));
            let since = store.purge_number().await.expect("a purge number");
            let entry = Entry { since, ..samples::target() };
            interleave(&store, &entry, &purge, order).await;
            let found = store.get(&entry.key).await.expect("an answer");
            assert!(found.is_none(), "{purge:?} in {order:?}");

            let soft = purge.clone().soft_since(Timestamp::from_secs(1_700_000_005));
            let since = store.purge_number().await.expect("a purge number");
            let entry = Entry { since, ..samples::target() };
            interleave(&store, &entry, &soft, order).await;
            let found = store.get(&entry.key).await.expect("an answer").expect("still there");
            let stale = entry.stale_since(Timestamp::from_secs(1_700_000_005));
            assert_eq!(samples::shown(&found), samples::shown(&stale), "{purge:?} in {order:?}");
            let after = fill_with(&store, &entry).await;
            let found = store.get(&entry.key).await.expect("an answer").expect("there");
            assert_eq!(samples::shown(&found), samples::shown(&after), "{purge:?} in {order:?}");
        }
    }
}

/// Stores this entry as a fill that begins now.
async fn fill_with(store: &RedisStore, entry: &Entry) -> Arc<Entry> {
    let since = store.purge_number().await.expect("a purge number");
    let entry = Arc::new(Entry { since, ..entry.clone() });
    store.put(Arc::clone(&entry), KEEP).await.expect("stored");
    entry
}

#[tokio::test]
async fn fill_begun_after_a_soft_purge_stays_fresh() {
    let server = RedisServer::start();
    for purge in samples::purges() {
        let store = store(&server);
        let soft = purge.clone().soft();
        let early = Entry {
            since: store.purge_number().await.expect("a purge number"),
            ..samples::target()
        };
        let number = raised(&store, &soft).await;
        let late = fill_with(&store, &early).await;
        assert_eq!(carried_out(&store, &soft, number).await, 0, "{purge:?}");
        store.put(Arc::new(early), KEEP).await.expect("stored or not");
        let found = store.get(&late.key).await.expect("an answer").expect("there");
        assert_eq!(samples::shown(&found), samples::shown(&late), "{purge:?}");
        store.purge(&Purge::all()).await.expect("purged");
    }
}

#[tokio::test]
async fn fill_does_not_publish_the_unchecked_value_of_another() {
    let server = RedisServer::start();
    let store = store(&server);
    let digest = key("/a").digest();
    let waiting = store.names.staged(&digest);
    let first = entry("/a", store.purge_number().await.expect("a purge number"), &[]);
    let first_encoded = codec::encode(&first).expect("encoded");
    let prepared = store.prepare(&first, &first_encoded, &waiting, 10_000).await;
    assert_eq!(prepared.expect("prepared"), PurgeState::Valid);
    let second = entry("/a", first.since, &["another"]);
    let second_encoded = codec::encode(&second).expect("encoded");
    let prepared = store.prepare(&second, &second_encoded, &waiting, 10_000).await;
    assert_eq!(prepared.expect("prepared"), PurgeState::Valid);
    store.publish(&first_encoded, PurgeState::Valid, &digest, 10_000).await.expect("no error");
    assert!(!has(&store, "/a").await, "the second waits there, not the first");
    store.publish(&second_encoded, PurgeState::Valid, &digest, 10_000).await.expect("no error");
    assert!(has(&store, "/a").await);
}

#[tokio::test]
async fn dropped_fill_leaves_nothing_that_a_purge_would_miss() {
    let server = RedisServer::start();
    let store = store(&server);
    for micros in (0..3000).step_by(20) {
        let since = store.purge_number().await.expect("a purge number");
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
    let early = store.purge_number().await.expect("a purge number");
    store.purge(&Purge::path("/a")).await.expect("purged");
    let () = server.command(&["FLUSHALL"]);
    store.put(entry("/a", early, &[]), KEEP).await.expect("no error");
    assert!(!has(&store, "/a").await, "it may have been purged");
    let late = store.purge_number().await.expect("a purge number");
    assert!(late > early);
    store.put(entry("/a", early, &[]), KEEP).await.expect("no error");
    assert!(!has(&store, "/a").await, "nor when time goes on");
    store.put(entry("/a", late, &[]), KEEP).await.expect("no error");
    assert!(has(&store, "/a").await);

    let () = server.command(&["FLUSHALL"]);
    store.purge(&Purge::path("/b")).await.expect("purged");
    assert!(store.purge_number().await.expect("a purge number") > late);
}

#[tokio::test]
async fn foreign_clock_is_replaced() {
    let server = RedisServer::start();
    let store = store(&server);
    let mut last = PurgeNumber::default();
    for foreign in [
        &["SET", "arc:clock", "foreign"][..],
        &["HSET", "arc:clock", "now", "foreign"],
        &["HSET", "arc:clock", "seed", "foreign"],
        &["HDEL", "arc:clock", "now"],
    ] {
        let () = server.command(&["DEL", "arc:clock"]);
        let () = server.command(foreign);
        store.purge(&Purge::path("/b")).await.expect("purged");
        let mark = store.purge_number().await.expect("a purge number");
        assert!(mark > last, "{foreign:?}");
        last = mark;
        fill(&store, "/a", &[]).await;
        assert!(has(&store, "/a").await, "{foreign:?}");
    }
}

#[tokio::test]
async fn many_purges_refuse_no_fill_that_none_of_them_concerns() {
    let server = RedisServer::start();
    let store = store(&server);
    let early = store.purge_number().await.expect("a purge number");
    store.purge(&Purge::path("/a")).await.expect("purged");
    // those of ten seconds at 100,000 a minute
    let groups = (0..17_000).map(|number| Purge::group(number.to_string())).collect::<Vec<_>>();
    for some in groups.chunks(100) {
        store.purge_together(some).await.expect("purged");
    }
    store.put(entry("/a", early, &[]), KEEP).await.expect("no error");
    assert!(!has(&store, "/a").await);
    assert_eq!(store.put(entry("/b", early, &[]), KEEP).await.expect("stored"), Put::Stored);
    assert!(has(&store, "/b").await);
    removed(&store).await;
    let fences: u64 = server.command(&["HLEN", "arc:clock"]);
    assert!(fences < 17_010, "nothing is left of removals that are done: {fences}");
}

/// Handlers that answer with the number of the last change, purges after each change, and readers
/// that know the number whose purge has returned.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_read_returns_what_was_purged_before_it_began() {
    let server = RedisServer::start();
    let store = Arc::new(store(&server));
    let (changed, purged) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let over = Arc::new(AtomicBool::new(false));
    let mut tasks = Vec::new();
    for _ in 0..4 {
        let (store, changed, over) = (Arc::clone(&store), Arc::clone(&changed), Arc::clone(&over));
        tasks.push(tokio::spawn(async move {
            while !over.load(Ordering::SeqCst) {
                let since = store.purge_number().await.expect("a purge number");
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
        let purge = [Purge::path("/a"), Purge::group("g"), Purge::all(), Purge::prefix("/")];
        let purge = &purge[usize::try_from(round % 4).expect("small")];
        store.purge(purge).await.expect("purged");
        purged.store(round, Ordering::SeqCst);
        for _ in 0..5 {
            let known = purged.load(Ordering::SeqCst);
            if let Some(entry) = store.get(&key("/a")).await.expect("an answer") {
                let body = entry.response().expect("a response").body();
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
