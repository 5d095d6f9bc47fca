//! The connections of one store: one for each runtime, made when first asked for, by one attempt that
//! all who ask share.

#[cfg(feature = "redis-sentinel")]
use std::pin::pin;
use std::{sync::Arc, time::Duration};

use futures_util::{FutureExt, future};
use redis::{Cmd, Value};
use tokio::{
    runtime::{Handle, Id},
    sync::oneshot,
};

use super::{
    access::Access,
    connection::Connection,
    entry_read::EntryRead,
    failure::Failure,
    node::Node,
    pool::{self, Pool, PooledConnection},
    redis_servers::RedisServers,
    servers::Servers,
    timeouts::{Timeouts, with_timeout},
    url::ServersError,
    wire::{self, EntryReceiver, ReceivedEntry, Reply, Wire},
};

/// The connections of one store.
pub(in crate::store::redis) struct Connections {
    pub(super) servers: Arc<Servers>,
    pub(super) timeouts: Timeouts,
    pool: Arc<Pool>,
}

impl Connections {
    pub(in crate::store::redis) fn new(
        servers: RedisServers,
        access: &Access,
        timeouts: Timeouts,
    ) -> Result<Self, ServersError> {
        Ok(Self {
            servers: Arc::new(Servers::new(servers, access)?),
            timeouts,
            pool: Arc::default(),
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
        self.pool.count()
    }

    /// How long to wait for a connection and an answer together.
    pub(in crate::store::redis) fn bound(&self) -> Duration {
        self.timeouts.connect.saturating_add(self.timeouts.response)
    }

    /// Sends commands and returns their replies, errors of the server among them, in order.
    pub(in crate::store::redis) async fn exchange(
        &self,
        commands: Vec<Cmd>,
    ) -> Result<Vec<Value>, Failure> {
        let connection = self.connection().await?;
        self.use_connection(connection, |connection| connection.send(commands)).await
    }

    /// Reads the begin of a value and the time.
    pub(in crate::store::redis) async fn read_entry(
        &self,
        read: EntryRead<'_>,
    ) -> Result<[Reply; 2], Failure> {
        let connection = self.connection().await?;
        self.use_connection(connection, |connection| connection.read_entry(read)).await
    }

    /// The servers that together hold all keys, as they are now.
    pub(in crate::store::redis) async fn nodes(&self) -> Result<Vec<Node>, Failure> {
        let connection = self.connection().await?;
        let number = connection.0.number;
        let locations = self.use_connection(connection, Connection::locations).await?;
        let node = |location| Node { connection: number, location };
        Ok(locations.into_iter().map(node).collect())
    }

    /// [`exchange`](Self::exchange) of one command with one node, over the connection over which
    /// it was found.
    pub(in crate::store::redis) async fn exchange_with(
        &self,
        node: &Node,
        command: Cmd,
    ) -> Result<Value, Failure> {
        let connection = self.connection().await?;
        if connection.0.number != node.connection {
            return Err(Failure::Redis((redis::ErrorKind::Io, "the connection was lost").into()));
        }
        let location = node.location.clone();
        self.use_connection(connection, |connection| connection.send_to(location, command)).await
    }

    /// The number of this runtime's connection, where there is one.
    pub(in crate::store::redis) fn number(&self) -> Option<u64> {
        self.pool.number(Handle::try_current().ok()?.id())
    }

    /// Whether a write may have reached a server that is no longer the primary. `before` is the
    /// [number](Self::number) of the connection before the write. It may have where the connection is another
    /// one by now, as the write may have used the old one; and where sentinels name another primary: the
    /// connection is then dropped. Sentinels that do not answer are taken to say that it is still the primary.
    #[cfg(feature = "redis-sentinel")]
    pub(in crate::store::redis) async fn was_replaced(&self, before: Option<u64>) -> bool {
        if !self.servers.are_watched() {
            return false;
        }
        let Ok((pooled, connection)) = self.connection().await else { return true };
        let Some(primary) = connection.primary() else { return false };
        if before != Some(pooled.number) {
            return true;
        }
        let is_replaced = self.servers.is_replaced(&primary, self.timeouts).await;
        if is_replaced {
            self.pool.forget(&pooled);
        }
        is_replaced
    }

    /// Waits until sentinels say that another server is the primary; for other servers forever.
    #[cfg(feature = "redis-sentinel")]
    pub(in crate::store::redis) async fn replaced(&self) {
        if let Ok((pooled, connection)) = self.connection().await
            && let Some(primary) = connection.primary()
        {
            self.servers.replaced(&primary).await;
            self.pool.forget(&pooled);
            return;
        }
        future::pending::<()>().await;
    }

    /// No other server takes the place of the one at an address.
    #[cfg(not(feature = "redis-sentinel"))]
    #[allow(clippy::unused_async, clippy::unused_self, reason = "as with sentinels")]
    pub(in crate::store::redis) async fn was_replaced(&self, _before: Option<u64>) -> bool {
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
            self.pool.remove(runtime.id(), from_age);
        }
    }

    /// This runtime's connection, where it is made and [plain](Wire): what is read over it takes no
    /// more than a wait.
    pub(in crate::store::redis) fn plain(&self) -> Option<PlainConnection<'_>> {
        let runtime = Handle::try_current().ok()?.id();
        let (wire, number) = self.pool.plain(runtime)?;
        Some(PlainConnection { pool: &self.pool, runtime, number, wire })
    }

    /// This runtime's connection, made if there is none. It is waited for as long as one connection
    /// may take; where several are needed first, the attempt goes on for those who ask next.
    pub(super) async fn connection(&self) -> Result<(PooledConnection, Connection), Failure> {
        let runtime = Handle::try_current().map_err(|_| Failure::NoRuntime)?;
        let pooled = self.pooled(&runtime);
        match with_timeout(self.timeouts.connect, pooled.attempt.clone()).await {
            Ok(connection) => Ok((pooled, connection)),
            Err(Failure::TimedOut) => Err(Failure::NotConnected { is_tls: self.servers.are_tls() }),
            Err(failure) => {
                self.pool.forget(&pooled);
                Err(failure)
            }
        }
    }

    /// Uses a connection for as long as is allowed. A failure drops a connection to one server, so
    /// that the next use makes another.
    async fn use_connection<T, F, E>(
        &self,
        (pooled, connection): (PooledConnection, Connection),
        operation: impl FnOnce(Connection) -> F,
    ) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, E>>,
        E: Into<Failure>,
    {
        let result = with_timeout(self.timeouts.response, operation(connection)).await;
        if result.is_err() && !self.is_to_several() {
            self.pool.forget(&pooled);
        }
        result
    }

    fn pooled(&self, runtime: &Handle) -> PooledConnection {
        let (pooled, is_new) = self.pool.get(runtime.id(), || {
            let (servers, timeouts) = (Arc::clone(&self.servers), self.timeouts);
            async move { servers.connect(timeouts).await }.boxed().shared()
        });
        if let Some(unused) = is_new {
            self.supervise(runtime, &pooled, unused);
        }
        pooled
    }

    /// Sees a new line through: the attempt goes on when the request that began it is dropped, as
    /// others may be waiting for it. The line goes when another server is the primary, and when the
    /// runtime ends, which the connection would keep open otherwise.
    fn supervise(
        &self,
        runtime: &Handle,
        pooled: &PooledConnection,
        unused: oneshot::Receiver<()>,
    ) {
        let guard = pool::PoolGuard::new(&self.pool, pooled);
        let attempt = pooled.attempt.clone();
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

/// See [`Connections::plain`].
pub(in crate::store::redis) struct PlainConnection<'a> {
    pool: &'a Pool,
    runtime: Id,
    number: u64,
    wire: Wire,
}

impl PlainConnection<'_> {
    /// [`Connections::read_entry`]. The connection itself bounds the time.
    pub(in crate::store::redis) fn begin_read(
        &self,
        read: &EntryRead<'_>,
    ) -> Result<EntryReceiver, Failure> {
        self.wire.begin_read(read)
    }

    /// What was received. After a failure the connection is used no more.
    pub(in crate::store::redis) fn received(
        &self,
        replies: Result<ReceivedEntry, Failure>,
    ) -> Result<[Reply; 2], Failure> {
        let replies = replies.and_then(wire::received);
        if replies.is_err() {
            self.pool.forget_number(self.runtime, self.number);
        }
        replies
    }
}
