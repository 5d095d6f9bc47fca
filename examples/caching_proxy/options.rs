//! `Options`: what the command line says.

use std::{num::NonZeroUsize, time::Duration};

use clap::Parser;

use crate::proxy::origin::Origin;

/// A caching reverse proxy in front of an HTTP origin, which decides what is stored.
#[derive(Debug, Parser)]
pub(crate) struct Options {
    /// Where requests go, such as `http://127.0.0.1:8000`
    #[arg(long, value_name = "URL")]
    pub(crate) origin: Origin,

    /// The port on 127.0.0.1; 0 for any free one
    #[arg(long, default_value_t = 8080)]
    pub(crate) port: u16,

    /// Keeps responses in this Redis instead of in memory
    #[arg(long, value_name = "URL")]
    pub(crate) redis: Option<String>,

    /// The number of worker threads; one for each processor where it is not given
    #[arg(long, value_name = "NUMBER")]
    pub(crate) workers: Option<NonZeroUsize>,

    /// For how long the origin may take until its response begins
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub(crate) timeout: Duration,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().map_err(|_| "not a number of seconds")?;
    Duration::try_from_secs_f64(seconds).map_err(|problem| problem.to_string())
}
