//! From a URL to connections: one per runtime, since a multiplexed connection is driven by the
//! runtime that made it; made when first asked for, by one attempt that all who ask share.

use std::{
    collections::HashMap,
    fmt,
    pin::pin,
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use redis::{Client, Cmd, Pipeline, RedisError, Value, aio::MultiplexedConnection};
use tokio::{
    runtime::{Handle, Id},
    time::timeout,
};

/// Runtimes come and go in tests only; past so many, connections are made anew.
const MOST_RUNTIMES: usize = 256;
/// A handler that blocks its worker lets the time of an answer that has arrived run out: once the
/// worker runs again, the answer gets this long to be read.
const GRACE: Duration = Duration::from_millis(2);

/// A URL that is not the address of a Redis server. Its text never contains a password.
#[derive(Debug)]
pub(crate) struct UrlError(String);

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UrlError {}

/// Why an exchange with the server failed.
#[derive(Clone, Debug)]
pub(super) enum Failure {
    TimedOut,
    /// There is no tokio runtime to connect on.
    NoRuntime,
    Redis(RedisError),
}

type Attempt = Shared<BoxFuture<'static, Result<MultiplexedConnection, Failure>>>;

/// The connections of one store.
pub(super) struct Connections {
    client: Client,
    connect_timeout: Duration,
    operate_timeout: Duration,
    lines: RwLock<HashMap<Id, Line>>,
    made: AtomicU64,
}

/// An attempt to connect and, once it is done, the connection.
#[derive(Clone)]
struct Line {
    number: u64,
    attempt: Attempt,
}

impl Connections {
    pub(super) fn new(url: &str, connect: Duration, operate: Duration) -> Result<Self, UrlError> {
        Ok(Self {
            client: client(url)?,
            connect_timeout: connect,
            operate_timeout: operate,
            lines: RwLock::default(),
            made: AtomicU64::new(0),
        })
    }

    /// Where the server is, without credentials.
    pub(super) fn address(&self) -> String {
        self.client.get_connection_info().addr().to_string()
    }

    /// Sends commands and returns their replies, errors of the server among them, in order. Any
    /// failure drops the connection, so that the next exchange makes another.
    pub(super) async fn exchange(&self, commands: Vec<Cmd>) -> Result<Vec<Value>, Failure> {
        let runtime = Handle::try_current().map_err(|_| Failure::NoRuntime)?;
        let line = self.line(&runtime);
        let result = match line.attempt.clone().await {
            Ok(connection) => send(connection, commands, self.operate_timeout).await,
            Err(failure) => Err(failure),
        };
        if result.is_err() {
            self.forget(runtime.id(), line.number);
        }
        result
    }

    /// Drops this runtime's connection.
    pub(super) fn reconnect(&self) {
        if let Ok(runtime) = Handle::try_current() {
            self.write().remove(&runtime.id());
        }
    }

    fn line(&self, runtime: &Handle) -> Line {
        let lines = self.lines.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = lines.get(&runtime.id()) {
            return line.clone();
        }
        drop(lines);
        let mut lines = self.write();
        if lines.len() >= MOST_RUNTIMES {
            lines.clear();
        }
        lines.entry(runtime.id()).or_insert_with(|| self.connect(runtime)).clone()
    }

    fn connect(&self, runtime: &Handle) -> Line {
        let (client, span) = (self.client.clone(), self.connect_timeout);
        let attempt = async move {
            // the bounds are ours: the crate's own would govern connecting and operating alike
            let config = redis::AsyncConnectionConfig::new()
                .set_connection_timeout(None)
                .set_response_timeout(None);
            let connect = client.get_multiplexed_async_connection_with_config(&config);
            bounded(span, connect).await
        };
        let attempt = attempt.boxed().shared();
        // it goes on when the request that began it is dropped, as others may be waiting for it
        drop(runtime.spawn(attempt.clone().map(drop)));
        Line { number: self.made.fetch_add(1, Ordering::Relaxed), attempt }
    }

    /// Drops a line, unless another has taken its place.
    fn forget(&self, runtime: Id, number: u64) {
        let mut lines = self.write();
        if lines.get(&runtime).is_some_and(|line| line.number == number) {
            lines.remove(&runtime);
        }
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, HashMap<Id, Line>> {
        self.lines.write().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn send(
    mut connection: MultiplexedConnection,
    commands: Vec<Cmd>,
    span: Duration,
) -> Result<Vec<Value>, Failure> {
    let count = commands.len();
    let mut pipeline = Pipeline::with_capacity(count);
    for command in commands {
        pipeline.add_command(command);
    }
    let replies = bounded(span, connection.send_packed_commands(&pipeline, 0, count)).await?;
    if replies.len() == count {
        return Ok(replies);
    }
    Err(Failure::Redis((redis::ErrorKind::Parse, "another number of replies than commands").into()))
}

async fn bounded<T>(
    span: Duration,
    operation: impl Future<Output = Result<T, RedisError>>,
) -> Result<T, Failure> {
    let mut operation = pin!(operation);
    let result = match timeout(span, &mut operation).await {
        Ok(result) => result,
        Err(_) => timeout(GRACE, operation).await.map_err(|_| Failure::TimedOut)?,
    };
    result.map_err(Failure::Redis)
}

/// Reads a URL, without connecting to anything.
fn client(url: &str) -> Result<Client, UrlError> {
    let refused = |what: &str| UrlError(format!("not a Redis URL: {what}"));
    let forms = "redis://[user:password@]host[:port][/database] or redis+unix:///path";
    match url.split_once("://").map(|(scheme, _)| scheme) {
        Some("rediss" | "valkeys") => {
            return Err(UrlError("TLS to Redis (rediss://) is not supported yet".to_owned()));
        }
        Some("redis" | "valkey" | "unix" | "redis+unix" | "valkey+unix") => {}
        _ => return Err(refused(&format!("expected {forms}"))),
    }
    let parsed = redis::parse_redis_url(url);
    let parsed = parsed.ok_or_else(|| refused(&format!("it cannot be read as {forms}")))?;
    // of the crate's messages only the constant ones: none repeats a part of the URL
    Client::open(parsed).map_err(|error| {
        refused(match error.to_string() {
            text if text.contains("hostname") => "the host is missing",
            text if text.contains("wildcard") => "a wildcard address cannot be connected to",
            text if text.contains("database") => "the database is not a number",
            text if text.contains("protocol") => "the protocol is neither 2 nor 3",
            text if text.contains("path") => "the path of the socket is missing",
            _ => "user or password cannot be decoded",
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_checked_without_connecting() {
        for url in [
            "redis://127.0.0.1",
            "redis://user:p%40ss@host.example:6380/3",
            "redis://:pass@[::1]:6379",
            "redis+unix:///run/redis.sock?db=1&pass=x",
            "valkey://host",
        ] {
            assert!(client(url).is_ok(), "{url}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_without_the_password() {
        for (url, what) in [
            ("", "expected redis://"),
            ("hunter2", "expected redis://"),
            ("http://u:hunter2@h", "expected redis://"),
            ("rediss://u:hunter2@h", "TLS"),
            ("redis://u:hunter2@h:port", "cannot be read"),
            ("redis://u:hunter2@", "cannot be read"),
            ("redis://u:hunter2@0.0.0.0", "wildcard"),
            ("redis://u:hunter2@h/x", "database"),
            ("redis://u:hunter2@h?protocol=hunter2", "protocol"),
            ("redis://u:hunter2%ff@h", "decoded"),
        ] {
            let error = client(url).expect_err(url).to_string();
            assert!(error.contains(what), "{url}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
