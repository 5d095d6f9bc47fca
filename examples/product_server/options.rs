//! `Options`: what the command line says.

use std::{
    num::{NonZeroU32, NonZeroUsize},
    path::PathBuf,
    time::Duration,
};

use clap::Parser;

/// A product server with a response cache before it.
///
/// The cache's page is at `/_cache/`. It takes the token in the environment variable
/// `CACHE_ADMIN_TOKEN`, or one that the server makes up and prints.
#[derive(Debug, Parser)]
pub(crate) struct Options {
    /// The port on 127.0.0.1; 0 for any free one
    #[arg(long, default_value_t = 8080)]
    pub(crate) port: u16,

    /// Keeps responses in this Redis instead of in memory
    #[arg(long, value_name = "URL")]
    pub(crate) redis: Option<String>,

    /// Keeps responses in memory before that Redis, too
    #[arg(long, requires = "redis")]
    pub(crate) tiered: bool,

    /// How long to wait for Redis, to connect as well as to answer; as the cache does by itself
    /// where it is not given
    #[arg(long, value_name = "MILLISECONDS", value_parser = millis)]
    pub(crate) redis_timeout: Option<Duration>,

    /// Keeps products in this file instead of in memory
    #[arg(long, value_name = "FILE")]
    pub(crate) db: Option<PathBuf>,

    /// The number of worker threads; one for each processor where it is not given
    #[arg(long, value_name = "NUMBER")]
    pub(crate) workers: Option<NonZeroUsize>,

    /// For how long responses are fresh
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub(crate) ttl: Duration,

    /// Sends requests to itself, so that the cache's page has something to show; 20 a second where no
    /// number is given
    #[arg(long, value_name = "PER_SECOND", num_args = 0..=1, default_missing_value = "20")]
    pub(crate) demo_traffic: Option<NonZeroU32>,
}

fn millis(text: &str) -> Result<Duration, std::num::ParseIntError> {
    text.parse().map(Duration::from_millis)
}

fn seconds(text: &str) -> Result<Duration, std::num::ParseIntError> {
    text.parse().map(Duration::from_secs)
}
