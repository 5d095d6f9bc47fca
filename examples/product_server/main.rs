//! A product server over SQLite with a response cache before it: `cargo run --example product_server`.
//! Its page at `/` says what to try, and what the cache did with the last requests.
//!
//! Where to look: `caching.rs` has the cache's settings, `products.rs` the handlers and the one
//! purge that they need, `server.rs` the order of the middleware, `verdicts.rs` a middleware that
//! sees hits as it is outside of the cache.

use std::{error::Error, io};

use actix_response_cache::{AdminToken, CacheHandle, ConfigError, ResponseCache};
use actix_web::web::Data;
use clap::Parser as _;
use tracing_subscriber::EnvFilter;

mod caching;
mod database;
mod home;
mod options;
mod problem;
mod product;
mod products;
mod reports;
mod server;
mod users;
mod verdicts;

use database::Database;
use options::Options;

/// The admin scope is there when this environment variable is.
const ADMIN_TOKEN: &str = "CACHE_ADMIN_TOKEN";

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    start_log();
    let options = Options::parse();
    let database = Database::open(options.db.as_deref())?;
    let cache = caching::cache(&options);
    check(&cache).await?;
    let handle = cache.handle()?;
    if database.is_changed() {
        forget_other_databases(&handle).await;
    }
    let server = server::start(&options, Data::new(database), cache, admin_token()?)?;
    server.await?;
    // what was still on its way to Redis
    handle.settle().await;
    Ok(())
}

/// Lines on standard error, `RUST_LOG` chooses which.
fn start_log() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
}

/// A setting that cannot be used ends the program; a Redis that does not answer yet does not.
async fn check(cache: &ResponseCache) -> Result<(), ConfigError> {
    let readiness = cache.check().await?;
    if let Err(problem) = readiness.store {
        tracing::warn!("the cache's store does not answer: {problem}");
    }
    Ok(())
}

/// A database that was empty, or had fewer columns, contradicts what a Redis remembers of the one
/// before it.
async fn forget_other_databases(cache: &CacheHandle) {
    if let Err(problem) = cache.purge_all().await {
        tracing::warn!("responses from another database may still be stored: {problem}");
    }
}

fn admin_token() -> Result<Option<AdminToken>, ConfigError> {
    std::env::var_os(ADMIN_TOKEN).map(|_| AdminToken::from_env(ADMIN_TOKEN)).transpose()
}
