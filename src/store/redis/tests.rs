//! The Redis store against a real server: the examination, and what goes on in the server.

mod cluster;
mod evicted;
mod faults;
mod fence;
mod lead;
mod looking;
mod pending;
mod processes;
mod purges;
mod subscription;
#[cfg(feature = "memory")]
mod tiered;
mod values;
mod ways;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use server::RedisServer;
use test_support::{
    log, proxy, redis as server,
    wait::{until, until_async},
};

use super::{
    RedisOptions, RedisServers, RedisStore, Replicas, index,
    invalidation::{logical_clock, tags, trust},
    raise,
    removal::Removal,
    store::MAX_GROUPS,
};
use crate::{
    entry::Entry,
    key::{CacheKey, KeyBuilder, KeyParts},
    purge::{Purge, PurgeNumber, Purged},
    purge_log::PurgeState,
    store::{
        Lease, Put, Store, StoreErrorKind,
        acceptance::{self, samples},
        codec,
    },
};

const KEEP: Duration = samples::KEEP;

fn store(server: &RedisServer) -> RedisStore {
    prefixed(server, "arc:")
}

fn prefixed(server: &RedisServer, prefix: &str) -> RedisStore {
    // a loaded test machine is slower than a server should be
    let options = RedisOptions {
        prefix: prefix.to_owned(),
        connect_timeout: Duration::from_secs(2),
        response_timeout: Duration::from_secs(2),
        ..RedisOptions::default()
    };
    RedisStore::new(server.url(), &options).expect("a URL")
}

fn key(path: &str) -> CacheKey {
    KeyBuilder::new(false, "h", path, None).finish()
}

fn entry(path: &str, since: PurgeNumber, groups: &[&str]) -> Arc<Entry> {
    let groups = groups.iter().map(|&group| group.to_owned()).collect();
    Arc::new(Entry { groups, ..samples::entry(&key(path), since) })
}

/// Stores an entry as a fill that begins now.
async fn fill(store: &RedisStore, path: &str, groups: &[&str]) -> Arc<Entry> {
    let entry = entry(path, store.purge_number().await.expect("a purge number"), groups);
    store.put(Arc::clone(&entry), KEEP).await.expect("stored");
    entry
}

/// Waits until the store trusts announcements.
async fn subscribed(store: &RedisStore) {
    until("subscribed", || store.invalidation().is_trusted()).await;
}

/// What the store knows of an entry, up to the last purge that it has received.
fn state(store: &RedisStore, entry: &Entry) -> PurgeState {
    let invalidation = store.invalidation();
    invalidation.state_of_read(entry, 0, invalidation.complete_up_to().max(entry.since.number()))
}

/// Waits until the store has removed all that was purged.
async fn removed(store: &RedisStore) {
    until("removed", || store.removals.count() == 0).await;
}

async fn has(store: &RedisStore, path: &str) -> bool {
    store.get(&key(path)).await.expect("an answer").is_some()
}

#[tokio::test]
async fn store_passes_acceptance_tests() {
    let server = RedisServer::start();
    let number = AtomicU64::new(0);
    let make = async || prefixed(&server, &format!("t{}:", number.fetch_add(1, Ordering::Relaxed)));
    acceptance::examine(make).await;
}

#[tokio::test]
async fn store_passes_acceptance_tests_over_a_socket_and_the_other_protocol() {
    let server = RedisServer::start();
    let number = AtomicU64::new(0);
    let socket = format!("redis+unix://{}", server.socket().display());
    for url in [socket.clone(), format!("{socket}?protocol=3")] {
        acceptance::examine(async || {
            let prefix = format!("t{}:", number.fetch_add(1, Ordering::Relaxed));
            let response_timeout = Duration::from_secs(2);
            let options = RedisOptions { prefix, response_timeout, ..RedisOptions::default() };
            RedisStore::new(&url, &options).expect("a URL")
        })
        .await;
    }
}
