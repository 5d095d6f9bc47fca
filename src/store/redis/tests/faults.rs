//! Servers that are slow, gone, full, or do not let us in.

use std::time::Instant;

use super::*;
use crate::store::breaker::{FAILURES_TO_OPEN, MAX_WAIT};

/// Any answer of a server that is there comes within this, also on a loaded test machine.
const OPERATE: Duration = Duration::from_millis(150);
/// The time bounds together, and what a loaded test machine adds.
const BOUND: Duration = Duration::from_millis(800);

fn quick(url: &str) -> RedisStore {
    let options = RedisOptions { response_timeout: OPERATE, ..RedisOptions::default() };
    RedisStore::new(url, &options).expect("a URL")
}

async fn error_of_get(store: &RedisStore) -> StoreErrorKind {
    store.get(&key("/a")).await.expect_err("no server").kind()
}

/// Fails until the breaker opens, each time within the bound; then at once.
async fn assert_opens(store: &RedisStore, kind: StoreErrorKind) {
    for failure in 0..FAILURES_TO_OPEN {
        assert!(!store.is_open(), "open after {failure} failures");
        let begun = Instant::now();
        assert_eq!(error_of_get(store).await, kind);
        assert!(begun.elapsed() < BOUND, "{:?}", begun.elapsed());
    }
    assert!(store.is_open());
    let begun = Instant::now();
    for _ in 0..1000 {
        assert_eq!(error_of_get(store).await, StoreErrorKind::Unavailable);
    }
    assert!(begun.elapsed() < OPERATE, "{:?}", begun.elapsed());
}

/// Asks until there is an answer; how long that took.
async fn recovery(store: &RedisStore) -> Duration {
    let begun = Instant::now();
    while store.get(&key("/a")).await.is_err() {
        assert!(begun.elapsed() < Duration::from_secs(10), "no recovery");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    begun.elapsed()
}

#[tokio::test]
async fn a_server_that_accepts_and_is_silent_times_out() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let store = quick(&format!("redis://{}", listener.local_addr().expect("an address")));
    let accept = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok(connection) = listener.accept().await {
            held.push(connection);
        }
    });
    assert_opens(&store, StoreErrorKind::TimedOut).await;
    accept.abort();
}

#[tokio::test]
async fn a_server_that_stops_answering_times_out_and_is_found_again() {
    let server = RedisServer::start();
    let store = quick(&server.url());
    fill(&store, "/a", &[]).await;
    let () = server.command(&["CLIENT", "PAUSE", "2000", "ALL"]);
    assert_opens(&store, StoreErrorKind::TimedOut).await;
    recovery(&store).await;
    assert!(has(&store, "/a").await && !store.is_open());
}

#[tokio::test]
async fn a_server_that_is_killed_and_restarted_is_found_again() {
    let mut server = RedisServer::start();
    let store = quick(&server.url());
    fill(&store, "/a", &[]).await;
    server.kill();
    assert_opens(&store, StoreErrorKind::Unavailable).await;
    assert!(store.ping().await.is_err());
    server.restart();
    let took = recovery(&store).await;
    assert!(took <= MAX_WAIT + BOUND, "{took:?}");
    assert!(!has(&store, "/a").await, "a new server");
    fill(&store, "/a", &[]).await;
    assert!(has(&store, "/a").await);
}

#[tokio::test]
async fn garbage_is_an_error_and_not_a_panic() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let store = quick(&format!("redis://{}", listener.local_addr().expect("an address")));
    let answer = tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            use tokio::io::AsyncWriteExt as _;
            let _ = connection.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    for _ in 0..FAILURES_TO_OPEN {
        assert!(store.get(&key("/a")).await.is_err());
    }
    assert!(store.is_open());
    answer.abort();
}

#[tokio::test]
async fn a_full_or_read_only_server_refuses_puts_and_serves_gets() {
    let server = RedisServer::start();
    let store = quick(&server.url());
    fill(&store, "/a", &[]).await;
    let since = store.purge_number().await.expect("a purge number");
    let settings = [&["CONFIG", "SET", "maxmemory", "1"][..], &["REPLICAOF", "127.0.0.1", "1"]];
    let undo = [&["CONFIG", "SET", "maxmemory", "0"][..], &["REPLICAOF", "NO", "ONE"]];
    for (set, undo) in settings.iter().zip(undo) {
        let () = server.command(set);
        for _ in 0..2 * FAILURES_TO_OPEN {
            let error = store.put(entry("/b", since, &["g"]), KEEP).await.expect_err("refused");
            assert_eq!(error.kind(), StoreErrorKind::Refused, "{set:?}");
        }
        assert!(has(&store, "/a").await && !has(&store, "/b").await && !store.is_open());
        let () = server.command(undo);
        store.put(entry("/c", since, &[]), KEEP).await.expect("stored");
        assert!(has(&store, "/c").await);
    }
}

#[tokio::test]
async fn passwords_and_permissions() {
    let server = RedisServer::start();
    let () = server.command(&["ACL", "SETUSER", "cache", "on", ">secret", "~arc:*", "+@all"]);
    let host = server.address();
    quick(&format!("redis://cache:secret@{host}")).ping().await.expect("let in");
    let wrong = quick(&format!("redis://cache:wrong@{host}"));
    assert_eq!(wrong.ping().await.expect_err("kept out").kind(), StoreErrorKind::Refused);
    assert!(!format!("{wrong:?}").contains("wrong"));
    let elsewhere = RedisOptions { prefix: "other:".to_owned(), ..RedisOptions::default() };
    let elsewhere = RedisStore::new(format!("redis://cache:secret@{host}"), &elsewhere);
    let error = elsewhere.expect("a URL").get(&key("/a")).await.expect_err("not permitted");
    assert_eq!(error.kind(), StoreErrorKind::Refused);
}

#[tokio::test]
async fn a_login_that_is_asked_for_later_is_made() {
    let server = RedisServer::start();
    let store = quick(&format!("redis://:secret@{}", server.address()));
    let () = server.command(&["CONFIG", "SET", "requirepass", "secret"]);
    store.ping().await.expect("let in");
}

#[tokio::test]
async fn all_who_ask_share_one_connection() {
    let server = RedisServer::start();
    let store = prefixed(&server, "arc:");
    subscribed(&store).await;
    let () = server.command(&["CONFIG", "RESETSTAT"]);
    let asked = (0..200).map(async |number| store.get(&key(&format!("/{number}"))).await);
    for answer in futures_util::future::join_all(asked).await {
        assert!(answer.expect("an answer").is_none());
    }
    let info: String = server.command(&["INFO", "stats"]);
    // that of this test, unless listening has made it, and that of this question
    let received = info.lines().find_map(|line| line.strip_prefix("total_connections_received:"));
    let received: u64 = received.expect("a line").trim().parse().expect("a number");
    assert!(received <= 2, "{received}");
}

#[test]
fn it_works_on_every_kind_of_runtime_one_after_the_other() {
    let server = RedisServer::start();
    let store = Arc::new(store(&server));
    for _ in 0..3 {
        let current = tokio::runtime::Builder::new_current_thread().enable_all().build();
        current.expect("a runtime").block_on(async {
            fill(&store, "/a", &[]).await;
            assert!(has(&store, "/a").await);
        });
        let several = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        several.expect("a runtime").block_on(async {
            let store = Arc::clone(&store);
            tokio::spawn(async move { assert!(has(&store, "/a").await) }).await.expect("no panic");
        });
        actix_rt::System::new().block_on(async {
            let arbiters = [(); 3].map(|()| actix_rt::Arbiter::new());
            for arbiter in &arbiters {
                let (done, wait) = tokio::sync::oneshot::channel();
                let store = Arc::clone(&store);
                assert!(arbiter.spawn(async move {
                    let _ = done.send(has(&store, "/a").await);
                }));
                assert!(wait.await.expect("no panic"));
            }
        });
    }
}

#[test]
fn without_a_runtime_there_is_an_error() {
    let store = quick("redis://127.0.0.1:1");
    let key = key("/a");
    let get = store.get(&key);
    let error =
        futures_util::FutureExt::now_or_never(get).expect("at once").expect_err("no runtime");
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
}

#[tokio::test]
async fn a_worker_that_was_blocked_still_reads_what_has_arrived() {
    let server = RedisServer::start();
    let store = quick(&server.url());
    fill(&store, "/a", &[]).await;
    let block = async {
        tokio::task::yield_now().await;
        std::thread::sleep(2 * OPERATE);
    };
    let (answer, ()) = tokio::join!(has(&store, "/a"), block);
    assert!(answer, "the answer was there in time, the worker was not");
}
