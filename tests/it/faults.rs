//! Whatever becomes of Redis costs hits and nothing else: under load, for each fault, no request
//! fails, none gets a wrong answer or one that was purged before it began, and when the fault is
//! over, stored responses answer again.

#![cfg(unix)]

use std::{cell::RefCell, time::Duration};

use actix_response_cache::ResponseCache;

use crate::support::{
    load::{self, Load, Shop},
    proxy::{Proxy, Way},
    redis::RedisServer,
};

/// For how long anything may take, on a machine that does much else.
const BOUND: Duration = Duration::from_secs(20);
/// So many requests see the fault: far more than open the breaker.
const REQUESTS: usize = 250;

/// Runs the load before, during and after a fault. While it lasts, stored responses may answer where
/// the fault is of a kind that leaves them readable.
async fn examine(url: &str, begin: impl AsyncFnOnce(), end: impl AsyncFnOnce()) {
    let cache = ResponseCache::redis(url);
    let shop = Shop::default();
    let app = load::app(&shop, &cache).await;
    let errors = || cache.stats().expect("settings are right").errors;
    Load::run(&app, &shop, &cache, async |load| {
        load.all_hit(BOUND).await;
        let (before, errors_before) = (load.take(), errors());
        begin().await;
        load.answered(REQUESTS, BOUND).await;
        let (during, errors_after) = (load.take(), errors());
        assert!(errors_after > errors_before, "the fault was not felt");
        end().await;
        load.all_hit(BOUND).await;
        load.answered(REQUESTS, BOUND).await;
        for (seen, when) in [(before, "before"), (during, "during"), (load.take(), "after")] {
            assert_eq!((seen.failed, seen.wrong, seen.stale), (0, 0, 0), "{when} the fault");
        }
    })
    .await;
}

/// A fault of the way to the server.
async fn examine_way(way: Way) {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.address());
    examine(&proxy.url(), async || proxy.go(way), async || proxy.go(Way::Pass)).await;
}

/// A server that is set to be of no use, and back.
async fn examine_settings(set: &[&str], undo: &[&str]) {
    let server = RedisServer::start();
    let command = async |words: &[&str]| {
        let () = server.command(words);
    };
    examine(&server.url(), || command(set), || command(undo)).await;
}

#[actix_rt::test]
async fn connections_are_refused() {
    examine_way(Way::Refuse).await;
}

#[actix_rt::test]
async fn connections_are_accepted_and_silent() {
    examine_way(Way::Silent).await;
}

#[actix_rt::test]
async fn replies_are_cut_in_the_middle() {
    examine_way(Way::CutReplies).await;
}

#[actix_rt::test]
async fn replies_come_by_one_byte_in_10_ms() {
    examine_way(Way::Slow).await;
}

#[actix_rt::test]
async fn replies_are_garbage() {
    examine_way(Way::Garbage).await;
}

#[actix_rt::test]
async fn every_command_is_answered_with_an_error() {
    for error in [
        "OOM command not allowed when used memory > 'maxmemory'.",
        "READONLY You can't write against a read only replica.",
        "LOADING Redis is loading the dataset in memory",
        "NOAUTH Authentication required.",
        "NOPERM this user has no permissions",
        "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
        "MISCONF Redis is configured to save RDB snapshots",
        "BUSY Redis is busy running a script.",
        "MOVED 3999 127.0.0.1:1",
        "ASK 3999 127.0.0.1:1",
        "CLUSTERDOWN The cluster is down",
        "ERR max number of clients reached",
        "",
    ] {
        println!("{error}");
        examine_way(Way::Error(error)).await;
    }
}

#[actix_rt::test]
async fn memory_is_full_and_nothing_may_be_evicted() {
    let server = RedisServer::start_with(&["--maxmemory-policy", "noeviction"]);
    let set = async |bytes: &str| {
        let () = server.command(&["CONFIG", "SET", "maxmemory", bytes]);
    };
    examine(&server.url(), async || set("1").await, async || set("0").await).await;
}

#[actix_rt::test]
async fn the_primary_becomes_a_replica_of_nobody() {
    examine_settings(&["REPLICAOF", "127.0.0.1", "1"], &["REPLICAOF", "NO", "ONE"]).await;
}

#[actix_rt::test]
async fn a_password_is_asked_for_that_nobody_knows() {
    let server = RedisServer::start();
    let mut insider = server.connection();
    let set = |password: &str| {
        let mut set = redis::cmd("CONFIG");
        set.arg("SET").arg("requirepass").arg(password).exec(&mut insider).expect("it is set");
        // who has been let in stays in
        let mut kill = redis::cmd("CLIENT");
        kill.arg("KILL").arg("TYPE").arg("normal").exec(&mut insider).expect("they are out");
    };
    let set = RefCell::new(set);
    let set = async |password: &str| (set.borrow_mut())(password);
    examine(&server.url(), async || set("secret").await, async || set("").await).await;
}

/// Kills the server and starts it again.
async fn examine_restart(server: RedisServer) {
    let url = server.url();
    let server = RefCell::new(server);
    let kill = async || server.borrow_mut().kill();
    examine(&url, kill, async || server.borrow_mut().restart()).await;
}

#[actix_rt::test]
async fn the_server_dies_and_comes_back_empty() {
    examine_restart(RedisServer::start()).await;
}

#[actix_rt::test]
async fn the_server_dies_and_comes_back_with_what_it_had() {
    let arguments = ["--appendonly", "yes", "--appendfsync", "always"];
    examine_restart(RedisServer::start_with(&arguments)).await;
}

#[actix_rt::test]
async fn the_server_stops_and_goes_on() {
    let server = RedisServer::start();
    let signal = async |name: &str| server.signal(name);
    examine(&server.url(), async || signal("STOP").await, async || signal("CONT").await).await;
}
