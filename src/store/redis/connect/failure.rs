//! Why an exchange with a server fails.

use redis::RedisError;

/// Why an exchange with the server failed.
#[derive(Clone, Debug)]
pub(in crate::store::redis) enum Failure {
    /// No answer came in time.
    TimedOut,
    /// No connection was made in time.
    NotConnected {
        /// Whether a TLS handshake is part of it.
        is_tls: bool,
    },
    /// There is no tokio runtime to connect on.
    NoRuntime,
    /// The node of a key failed just now, and was not asked.
    #[cfg(feature = "redis-cluster")]
    BackingOff,
    Redis(RedisError),
}

impl From<RedisError> for Failure {
    fn from(error: RedisError) -> Self {
        Self::Redis(error)
    }
}
