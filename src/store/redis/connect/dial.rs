//! Connecting to one server.

use std::time::Duration;

use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, RedisError, aio::MultiplexedConnection,
};

use super::{failure::Failure, timeouts::with_timeout};

/// Connects to one server within this time, its TLS handshake and login included.
pub(super) async fn to(
    client: &Client,
    within: Duration,
) -> Result<MultiplexedConnection, Failure> {
    connecting(client, with_timeout(within, unbounded(client)).await)
}

/// Connects to one server, however long that takes: the bounds are ours, as the crate's own would
/// govern connecting and operating alike.
pub(super) async fn unbounded(client: &Client) -> Result<MultiplexedConnection, RedisError> {
    let config =
        AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
    client.get_multiplexed_async_connection_with_config(&config).await
}

/// What became of a connection, and where none was made in time, what that was spent on.
pub(super) fn connecting<T>(client: &Client, result: Result<T, Failure>) -> Result<T, Failure> {
    let is_tls = matches!(client.get_connection_info().addr(), ConnectionAddr::TcpTls { .. });
    result.map_err(|failure| match failure {
        Failure::TimedOut => Failure::NotConnected { is_tls },
        failure => failure,
    })
}
