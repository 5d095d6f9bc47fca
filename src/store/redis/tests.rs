//! The Redis store against a real server: the examination, and what goes on in the server.

#[path = "../../../tests/it/support/redis.rs"]
mod server;

use server::RedisServer;

use super::*;
use crate::store::acceptance;

#[tokio::test]
async fn it_passes_the_examination() {
    let server = RedisServer::start();
    let number = AtomicU64::new(0);
    acceptance::examine(async || {
        let prefix = format!("t{}:", number.fetch_add(1, Ordering::Relaxed));
        let options = RedisOptions { prefix, ..RedisOptions::default() };
        RedisStore::new(&server.url(), &options).expect("a URL")
    })
    .await;
}
