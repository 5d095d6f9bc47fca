//! The connections of one store: one for each runtime, made when first asked for, by one attempt that
//! all who ask share.

#[cfg(feature = "redis-sentinel")]
use std::pin::pin;
use std::{sync::Arc, time::Duration};

use futures_util::{FutureExt, future};
use redis::{Cmd, Value};
use tokio::{runtime::Handle, sync::oneshot};

use super::{
    access::Access,
    bounds::{Bounds, bounded},
    connection::Connection,
    failure::Failure,
    node::Node,
    pool::{self, Line, Lines},
    servers::{RedisServers, Servers},
    url::ServersError,
};

/// The connections of one store.
pub(in crate::store::redis) struct Connections {
    pub(super) servers: Arc<Servers>,
    pub(super) bounds: Bounds,
    lines: Arc<Lines>,
}

impl Connections {
    pub(in crate::store::redis) fn new(
        servers: RedisServers,
        access: &Access,
        bounds: Bounds,
    ) -> Result<Self, ServersError> {
        Ok(Self {
            servers: Arc::new(Servers::new(servers, access)?),
            bounds,
            lines: Arc::default(),
        })
    }

    /// Where the servers are, without credentials.
    pub(in crate::store::redis) fn address(&self) -> String {
        self.servers.address()
    }

    /// The number of the database.
    pub(in crate::store::redis) fn database(&self) -> i64 {
        self.servers.database()
    }

    /// Whether keys are spread over several servers, which do not wait for one another.
    pub(in crate::store::redis) fn is_to_several(&self) -> bool {
        self.servers.are_several()
    }

    /// How many connections there are.
    #[cfg(test)]
    pub(in crate::store::redis) fn count(&self) -> usize {
        self.lines.count()
    }

    /// How long to wait for a connection and an answer together.
    pub(in crate::store::redis) fn bound(&self) -> Duration {
        self.bounds.connect.saturating_add(self.bounds.operate)
    }

    /// Sends commands and returns their replies, errors of the server among them, in order.
    pub(in crate::store::redis) async fn exchange(
        &self,
        commands: Vec<Cmd>,
    ) -> Result<Vec<Value>, Failure> {
        let connection = self.connection().await?;
        self.over(connection, |connection| connection.send(commands)).await
    }

    /// The servers that together hold all keys, as they are now.
    pub(in crate::store::redis) async fn nodes(&self) -> Result<Vec<Node>, Failure> {
        let connection = self.connection().await?;
        let line = connection.0.number;
        let places = self.over(connection, Connection::places).await?;
        Ok(places.into_iter().map(|place| Node { line, place }).collect())
    }

    /// [`exchange`](Self::exchange) of one command with one node, over the connection over which
    /// it was found.
    pub(in crate::store::redis) async fn exchange_with(
        &self,
        node: &Node,
        command: Cmd,
    ) -> Result<Value, Failure> {
        let connection = self.connection().await?;
        if connection.0.number != node.line {
            return Err(Failure::Redis((redis::ErrorKind::Io, "the connection was lost").into()));
        }
        let place = node.place.clone();
        self.over(connection, |connection| connection.send_to(place, command)).await
    }

    /// Whether sentinels say by now that another server is the primary than the one that this
    /// runtime is connected to; it is then connected to no more. Sentinels that do not answer say
    /// nothing.
    #[cfg(feature = "redis-sentinel")]
    pub(in crate::store::redis) async fn was_replaced(&self) -> bool {
        let Ok((line, connection)) = self.connection().await else { return false };
        let Some(primary) = connection.primary() else { return false };
        let is_replaced = self.servers.is_replaced(&primary, self.bounds).await;
        if is_replaced {
            self.lines.forget(&line);
        }
        is_replaced
    }

    /// Waits until sentinels say that another server is the primary; for other servers forever.
    #[cfg(feature = "redis-sentinel")]
    pub(in crate::store::redis) async fn replaced(&self) {
        if let Ok((line, connection)) = self.connection().await
            && let Some(primary) = connection.primary()
        {
            self.servers.replaced(&primary).await;
            self.lines.forget(&line);
            return;
        }
        future::pending::<()>().await;
    }

    /// No other server takes the place of the one at an address.
    #[cfg(not(feature = "redis-sentinel"))]
    #[allow(clippy::unused_async, clippy::unused_self, reason = "as with sentinels")]
    pub(in crate::store::redis) async fn was_replaced(&self) -> bool {
        false
    }

    #[cfg(not(feature = "redis-sentinel"))]
    #[allow(clippy::unused_self, reason = "as with sentinels")]
    pub(in crate::store::redis) async fn replaced(&self) {
        future::pending::<()>().await;
    }

    /// Drops this runtime's connection if it is at least as old as this: to another server a newer
    /// one would hardly be, and each request would make another.
    pub(in crate::store::redis) fn reconnect(&self, from_age: Duration) {
        if let Ok(runtime) = Handle::try_current() {
            self.lines.remove(runtime.id(), from_age);
        }
    }

    /// This runtime's connection, made if there is none. It is waited for as long as one connection
    /// may take; where several are needed first, the attempt goes on for those who ask next.
    pub(super) async fn connection(&self) -> Result<(Line, Connection), Failure> {
        let runtime = Handle::try_current().map_err(|_| Failure::NoRuntime)?;
        let line = self.line(&runtime);
        match bounded(self.bounds.connect, line.attempt.clone()).await {
            Ok(connection) => Ok((line, connection)),
            Err(Failure::TimedOut) => Err(Failure::NotConnected { is_tls: self.servers.are_tls() }),
            Err(failure) => {
                self.lines.forget(&line);
                Err(failure)
            }
        }
    }

    /// Uses a connection for as long as is allowed. A failure drops a connection to one server, so
    /// that the next use makes another.
    async fn over<T, F, E>(
        &self,
        (line, connection): (Line, Connection),
        operation: impl FnOnce(Connection) -> F,
    ) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, E>>,
        E: Into<Failure>,
    {
        let result = bounded(self.bounds.operate, operation(connection)).await;
        if result.is_err() && !self.is_to_several() {
            self.lines.forget(&line);
        }
        result
    }

    fn line(&self, runtime: &Handle) -> Line {
        let (line, is_new) = self.lines.get(runtime.id(), || {
            let (servers, bounds) = (Arc::clone(&self.servers), self.bounds);
            async move { servers.connect(bounds).await }.boxed().shared()
        });
        if let Some(unused) = is_new {
            self.keep(runtime, &line, unused);
        }
        line
    }

    /// Sees a new line through: the attempt goes on when the request that began it is dropped, as
    /// others may be waiting for it. The line goes when another server is the primary, and when the
    /// runtime ends, which the connection would keep open otherwise.
    fn keep(&self, runtime: &Handle, line: &Line, unused: oneshot::Receiver<()>) {
        let guard = pool::Guard::new(&self.lines, line);
        let attempt = line.attempt.clone();
        #[cfg(feature = "redis-sentinel")]
        let servers = Arc::clone(&self.servers);
        drop(runtime.spawn(async move {
            // dropped with the task, also where that never ran
            let _guard = guard;
            let connected = attempt.await;
            #[cfg(feature = "redis-sentinel")]
            if let Some(primary) = connected.ok().and_then(Connection::primary) {
                let replaced = pin!(servers.replaced(&primary));
                future::select(unused, replaced).await;
                return;
            }
            #[cfg(not(feature = "redis-sentinel"))]
            drop(connected);
            let _ = unused.await;
        }));
    }
}
