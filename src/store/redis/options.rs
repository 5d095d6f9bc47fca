//! What can be set about a store in Redis, and its defaults.

use std::time::Duration;

use super::connect::Access;
use crate::{clock::Clock, store::process::Process};

/// What can be set about a [`RedisStore`].
#[derive(Clone, Debug)]
pub(crate) struct RedisOptions {
    /// What all names begin with.
    pub(crate) prefix: String,
    /// How long to wait for a connection.
    pub(crate) connect_timeout: Duration,
    /// How long to wait for the replies of one exchange.
    pub(crate) response_timeout: Duration,
    /// How to speak to the servers.
    pub(crate) access: Access,
    /// For whom purges wait.
    pub(crate) replicas: Option<Replicas>,
    /// The longest body, in bytes.
    pub(crate) max_body: usize,
    /// From which length on bodies are compressed.
    pub(crate) compress_above: Option<usize>,
    /// What tells this application's configuration from another's; empty: it is not compared.
    pub(crate) configuration: String,
    /// This process, as others see it.
    pub(crate) process: Process,
    /// Where entries' ages are read.
    pub(crate) clock: Clock,
}

/// How many replicas a purge waits for, and for how long at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Replicas {
    pub(crate) count: u32,
    pub(crate) within: Duration,
}

impl Default for RedisOptions {
    fn default() -> Self {
        Self {
            prefix: "arc:".to_owned(),
            connect_timeout: Duration::from_millis(100),
            response_timeout: Duration::from_millis(50),
            access: Access::default(),
            replicas: None,
            max_body: usize::MAX,
            compress_above: None,
            configuration: String::new(),
            process: Process::default(),
            clock: Clock::system(),
        }
    }
}
