//! The lead over several processes.

use std::time::Instant;

use super::*;
use crate::store::LeaseGuard;

/// Longer than any of this takes.
const LONG: Duration = Duration::from_secs(60);

async fn lead(store: &RedisStore, at_most: Duration) -> Lease {
    subscribed(store).await;
    store.lease(&key("/a"), at_most).await.expect("an answer")
}

async fn leads(store: &RedisStore, at_most: Duration) -> LeaseGuard {
    match lead(store, at_most).await {
        Lease::Granted(lease) => lease,
        Lease::HeldElsewhere(_) => panic!("somebody else leads"),
    }
}

async fn waits(store: &RedisStore, at_most: Duration) -> crate::store::LeaseWait {
    match lead(store, at_most).await {
        Lease::Granted(_) => panic!("nobody else leads"),
        Lease::HeldElsewhere(wait) => wait,
    }
}

#[tokio::test]
async fn one_of_many_leads() {
    let server = RedisServer::start();
    let stores: Vec<_> = (0..6).map(|_| store(&server)).collect();
    for store in &stores {
        subscribed(store).await;
    }
    let asked = stores.iter().map(async |store| lead(store, LONG).await);
    let leads: Vec<Lease> = futures_util::future::join_all(asked).await;
    let leading = leads.iter().filter(|lead| matches!(lead, Lease::Granted(_))).count();
    assert_eq!(leading, 1, "{leads:?}");
    let other = stores[0].lease(&key("/b"), LONG).await.expect("an answer");
    assert!(matches!(other, Lease::Granted(_)), "of another key");
}

#[tokio::test]
async fn who_waits_is_woken_when_the_response_is_stored() {
    let server = RedisServer::start();
    let (one, two) = (store(&server), store(&server));
    let lease = leads(&one, LONG).await;
    let wait = waits(&two, LONG).await;
    fill(&one, "/a", &[]).await;
    wait.await;
    assert!(has(&two, "/a").await);
    assert_eq!(two.invalidation().listeners().count(), 0);
    drop(lease);
}

#[tokio::test]
async fn who_waits_is_woken_when_the_lead_is_given_up() {
    let server = RedisServer::start();
    let (one, two) = (store(&server), store(&server));
    let lease = leads(&one, LONG).await;
    let wait = waits(&two, LONG).await;
    drop(lease);
    wait.await;
    drop(leads(&two, LONG).await);
    let lease = one.names.lease(&key("/a").digest());
    until("given up", || server.command::<u64>(&["EXISTS", &lease]) == 0).await;
}

#[tokio::test]
async fn lease_brings_the_purge_number_once() {
    let server = RedisServer::start();
    let store = store(&server);
    store.purge(&Purge::path("/b")).await.expect("purged");
    let mut lease = leads(&store, LONG).await;
    let number = store.purge_number().await.expect("a purge number");
    assert_eq!(lease.take_purge_number(), Some(number));
    assert_eq!(lease.take_purge_number(), None, "the next fill asks for its own");
}

#[test]
fn a_lease_may_be_dropped_where_there_is_no_runtime() {
    let server = RedisServer::start();
    let store = store(&server);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let lease = runtime.block_on(leads(&store, LONG));
    drop(runtime);
    drop(lease);
    let begun = Instant::now();
    while server.command::<u64>(&["EXISTS", &store.names.lease(&key("/a").digest())]) == 1 {
        assert!(begun.elapsed() < LONG, "never given up");
    }
}

#[tokio::test]
async fn the_lead_of_one_that_died_ends_by_itself() {
    let server = RedisServer::start();
    let (one, two) = (store(&server), store(&server));
    let short = Duration::from_millis(100);
    std::mem::forget(leads(&one, short).await);
    let begun = Instant::now();
    waits(&two, LONG).await.await;
    assert!(begun.elapsed() < LONG / 2, "no longer than the lease");
    drop(leads(&two, LONG).await);
}

#[tokio::test]
async fn a_lost_announcement_costs_no_more_than_the_bound() {
    let server = RedisServer::start();
    let (one, two) = (store(&server), store(&server));
    std::mem::forget(leads(&one, LONG).await);
    let wait = waits(&two, Duration::from_millis(50)).await;
    // stored by somebody who does not say so
    let () = server.command(&["SET", &two.names.live(&key("/a").digest()), "x"]);
    wait.await;
}

#[tokio::test]
async fn a_lead_that_has_passed_to_another_is_not_given_up_for_him() {
    let server = RedisServer::start();
    let (one, two) = (store(&server), store(&server));
    subscribed(&two).await;
    let short = Duration::from_millis(200);
    let late = leads(&one, short).await;
    waits(&two, LONG).await.await;
    let lease = leads(&two, LONG).await;
    let () = server.command(&["CONFIG", "RESETSTAT"]);
    drop(late);
    until("asked", || server.calls("eval") == 1).await;
    assert!(matches!(lead(&one, LONG).await, Lease::HeldElsewhere(_)));
    drop(lease);
}

#[tokio::test]
async fn a_lease_that_says_no_end_is_waited_for_within_the_bound() {
    let server = RedisServer::start();
    let store = store(&server);
    subscribed(&store).await;
    // not ours: what we set has an end
    let () = server.command(&["SET", &store.names.lease(&key("/a").digest()), "x"]);
    waits(&store, Duration::from_millis(50)).await.await;
    drop(waits(&store, Duration::MAX).await);
}

#[tokio::test]
async fn who_waits_is_woken_when_nothing_can_be_heard_any_more() {
    let server = RedisServer::start();
    let (one, two) = (store(&server), store(&server));
    let lease = leads(&one, LONG).await;
    let wait = waits(&two, LONG).await;
    let _: u64 = server.command(&["CLIENT", "KILL", "TYPE", "pubsub"]);
    wait.await;
    drop(lease);
}

#[tokio::test]
async fn a_question_dropped_anywhere_leaves_no_lead_behind() {
    let server = RedisServer::start();
    let store = store(&server);
    subscribed(&store).await;
    for micros in (0..1500).step_by(50) {
        let key = key("/a");
        let asked = store.lease(&key, LONG);
        let _ = tokio::time::timeout(Duration::from_micros(micros), asked).await;
        // what was sent before the drop still arrives, and is taken back after it
        until("free", || {
            let name = store.names.lease(&key.digest());
            server.command::<u64>(&["EXISTS", &name]) == 0
        })
        .await;
        assert_eq!(store.invalidation().listeners().count(), 0);
    }
}

#[tokio::test]
async fn while_nothing_is_heard_each_leads() {
    let server = RedisServer::start();
    let store = store(&server);
    assert!(!store.invalidation().is_trusted());
    let first = store.lease(&key("/a"), LONG).await.expect("an answer");
    let second = store.lease(&key("/a"), LONG).await.expect("an answer");
    assert!(matches!((first, second), (Lease::Granted(_), Lease::Granted(_))));
}

/// The token of the lease of `/a`, as the server has it.
fn token(server: &RedisServer, store: &RedisStore) -> Vec<u8> {
    server.command(&["GET", &store.names.lease(&key("/a").digest())])
}

fn has_lease(server: &RedisServer, store: &RedisStore) -> bool {
    server.command(&["EXISTS", &store.names.lease(&key("/a").digest())])
}

/// As by a server that is the primary now and was not told.
fn restore_lease(connection: &mut redis::Connection, store: &RedisStore, token: &[u8]) {
    let mut set = redis::cmd("SET");
    set.arg(store.names.lease(&key("/a").digest())).arg(token).arg("PX").arg(60_000);
    let () = set.query(connection).expect("a reply");
}

#[tokio::test]
async fn waiter_finds_the_lease_gone_though_nothing_is_announced() {
    let server = RedisServer::start();
    let (one, two) = (store(&server), store(&server));
    let lease = leads(&one, LONG).await;
    let wait = waits(&two, LONG).await;
    let gone: u64 = server.command(&["DEL", &two.names.lease(&key("/a").digest())]);
    assert_eq!(gone, 1);
    let begun = Instant::now();
    wait.await;
    assert!(begun.elapsed() < LONG / 4, "waited for {:?}", begun.elapsed());
    drop(lease);
}

#[tokio::test]
async fn waiter_finds_a_value_though_nothing_is_announced() {
    let server = RedisServer::start();
    let (one, two) = (store(&server), store(&server));
    fill(&one, "/a", &[]).await;
    let lease = leads(&one, LONG).await;
    let wait = waits(&two, LONG).await;
    let live = two.names.live(&key("/a").digest());
    let () = server.command(&["SET", &live, &"another value".repeat(9)]);
    let begun = Instant::now();
    wait.await;
    assert!(begun.elapsed() < LONG / 4, "waited for {:?}", begun.elapsed());
    drop(lease);
}

#[tokio::test]
async fn waiter_is_not_woken_by_the_value_that_was_there_before() {
    let server = RedisServer::start();
    let (one, two) = (store(&server), store(&server));
    fill(&one, "/a", &[]).await;
    let lasts = Duration::from_millis(500);
    std::mem::forget(leads(&one, lasts).await);
    let begun = Instant::now();
    waits(&two, LONG).await.await;
    assert!(begun.elapsed() > lasts / 2, "waited for {:?} only", begun.elapsed());
    assert!(!has_lease(&server, &two), "until the lease ended");
}

#[tokio::test]
async fn waiter_gives_up_when_nothing_can_be_seen_of_the_lease() {
    let server = RedisServer::start();
    let response_timeout = Duration::from_millis(50);
    let options = RedisOptions { response_timeout, ..RedisOptions::default() };
    let hasty = RedisStore::new(server.url(), &options).expect("a URL");
    let lease = leads(&store(&server), LONG).await;
    subscribed(&hasty).await;
    let wait = waits(&hasty, LONG).await;
    server.signal("STOP");
    let begun = Instant::now();
    wait.await;
    assert!(begun.elapsed() < LONG / 4, "waited for {:?}", begun.elapsed());
    server.signal("CONT");
    drop(lease);
}

#[tokio::test]
async fn release_is_repeated_when_announcements_are_subscribed_to_anew() {
    let server = RedisServer::start();
    let store = store(&server);
    let lease = leads(&store, LONG).await;
    let token = token(&server, &store);
    drop(lease);
    until("given up", || !has_lease(&server, &store)).await;
    restore_lease(&mut server.connection(), &store, &token);
    let _: u64 = server.command(&["CLIENT", "KILL", "TYPE", "pubsub"]);
    until("given up again", || !has_lease(&server, &store)).await;
}

#[tokio::test]
async fn release_that_is_not_confirmed_is_repeated() {
    let server = RedisServer::start();
    let response_timeout = Duration::from_millis(50);
    let options = RedisOptions { response_timeout, ..RedisOptions::default() };
    let store = RedisStore::new(server.url(), &options).expect("a URL");
    let lease = leads(&store, LONG).await;
    let token = token(&server, &store);
    // refused as by a primary that has just become a replica
    let () = server.command(&["REPLICAOF", "127.0.0.1", "1"]);
    drop(lease);
    until("refused", || server.command::<String>(&["INFO", "errorstats"]).contains("READONLY"))
        .await;
    let () = server.command(&["REPLICAOF", "NO", "ONE"]);
    restore_lease(&mut server.connection(), &store, &token);
    until("given up", || !has_lease(&server, &store)).await;
}

/// The primary was told that the lead was given up, its heir only that it was taken.
#[cfg(feature = "redis-sentinel")]
#[tokio::test]
async fn release_is_repeated_on_the_heir_of_a_primary_that_forgot_it() {
    use server::sentinel::{SERVICE, SentinelSetup};
    let watched = SentinelSetup::start();
    let options = RedisOptions {
        connect_timeout: Duration::from_secs(2),
        response_timeout: Duration::from_secs(2),
        ..RedisOptions::default()
    };
    let servers = RedisServers::sentinel(SERVICE, watched.urls());
    let store = RedisStore::new(servers, &options).expect("URLs");
    let lease = leads(&store, LONG).await;
    let [primary, heir] = watched.servers.as_slice() else { panic!("two servers") };
    until("replicated", || has_lease(heir, &store)).await;
    let () = heir.command(&["REPLICAOF", "127.0.0.1", "1"]);
    drop(lease);
    until("given up", || !has_lease(primary, &store)).await;
    assert!(has_lease(heir, &store));
    let () = watched.ask(&["SENTINEL", "FAILOVER", SERVICE]);
    until("replaced", || watched.primary() == 1).await;
    until("given up again", || !has_lease(heir, &store)).await;
}
