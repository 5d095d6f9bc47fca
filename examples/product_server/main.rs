//! A product server over SQLite with a response cache before it: `cargo run --example product_server`.
//! Its page at `/` says what to try, and what the cache did with the last requests.
//!
//! Where to look: `caching.rs` has the cache's settings, `products.rs` the handlers and the one
//! purge that they need, `server.rs` the order of the middleware, `verdicts.rs` a middleware that
//! sees hits as it is outside of the cache.

use std::{
    error::Error,
    hash::{BuildHasher as _, RandomState},
    io::{self, Write as _},
    net::SocketAddr,
};

use actix_response_cache::{AdminToken, CacheHandle, ConfigError, ResponseCache};
use actix_web::web::Data;
use clap::Parser as _;
use tracing_subscriber::EnvFilter;

mod caching;
mod database;
mod demo;
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

/// The environment variable with the token of the cache's page.
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
    let (admin, made_up) = admin_token()?;
    let (server, address) = server::start(&options, Data::new(database), cache, admin)?;
    say_where_the_page_is(address, made_up.as_deref());
    if let Some(per_second) = options.demo_traffic {
        demo::start(address, per_second);
    }
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

/// The token of the environment, or else one that is made up, with its text.
fn admin_token() -> Result<(AdminToken, Option<String>), ConfigError> {
    if std::env::var_os(ADMIN_TOKEN).is_some() {
        return Ok((AdminToken::from_env(ADMIN_TOKEN)?.named("operator"), None));
    }
    // the keys of a `RandomState` are random numbers of the system
    let random = RandomState::new();
    let text = [0, 1, 2, 3].map(|part| format!("{:016x}", random.hash_one(part))).concat();
    Ok((AdminToken::new(&text)?.named("operator"), Some(text)))
}

/// A reader of standard output may have read the first line, and gone.
fn say_where_the_page_is(address: SocketAddr, made_up: Option<&str>) {
    let mut out = io::stdout();
    let _ = writeln!(out, "the cache's page: http://{address}/_cache/");
    let _ = match made_up {
        Some(token) => writeln!(out, "its token: {token}"),
        None => writeln!(out, "its token: that of {ADMIN_TOKEN}"),
    };
}
