//! A plain connection to one server, by TCP or a socket of a file, over which the requests of a worker
//! go side by side.
//!
//! It takes the place of the connection of the `redis` crate, as reading an entry is what a hit
//! costs: a request is written in place, all requests of a turn go in one write, and a long reply is not
//! copied out of what was read. Login is the crate's, and so is whatever goes by TLS, to a Cluster, or by
//! a client of the user's own.

mod buffers;
mod overdue;
mod queue;
mod reply;
mod scan;
mod stream;
mod task;
mod waiting;

#[cfg(any(fuzzing, test))]
pub(crate) use self::scan::fuzz;
use std::{fmt, sync::Arc, time::Duration};

use redis::{Cmd, ConnectionAddr, ConnectionInfo, Parser, ProtocolVersion, RedisError, Value};
use tokio::sync::oneshot::error::RecvError;

use self::{
    queue::{Queue, closed},
    stream::Stream,
    task::Task,
};
pub(in crate::store::redis) use self::{
    reply::Reply,
    waiting::{EntryReceiver, ReceivedEntry},
};
use super::{entry_read::EntryRead, failure::Failure};

/// A connection. When all clones are gone it is closed.
#[derive(Clone)]
pub(super) struct Wire(Arc<Handle>);

struct Handle(Arc<Queue>);

impl Wire {
    /// Whether servers at this address can be connected to in this way.
    pub(super) fn is_for(info: &ConnectionInfo) -> bool {
        let is_socket = cfg!(unix) && matches!(info.addr(), ConnectionAddr::Unix(_));
        let is_plain = is_socket || matches!(info.addr(), ConnectionAddr::Tcp(..));
        is_plain && matches!(info.redis_settings().protocol(), ProtocolVersion::RESP2)
    }

    /// Connects and logs in, however long that takes. The connection ends with the runtime that
    /// awaits this.
    pub(super) async fn connect(
        info: &ConnectionInfo,
        response: Duration,
    ) -> Result<Self, RedisError> {
        let stream = Stream::connect(info).await?;
        let queue = Arc::new(Queue::default());
        tokio::spawn(Task::new(stream, Arc::clone(&queue), response));
        Ok(Self(Arc::new(Handle(queue))))
    }

    /// Sends commands and returns their replies, errors of the server among them, in order.
    pub(super) async fn send(&self, commands: &[Cmd]) -> Result<Vec<Value>, Failure> {
        let write = |out: &mut Vec<u8>| {
            for command in commands {
                command.write_packed_command(out);
            }
        };
        let replies = received(self.0.0.push(commands.len(), write)?.await)?;
        let (mut parser, mut rest) = (Parser::new(), &replies[..]);
        let parsed = commands.iter().map(|_| parser.parse_value(&mut rest));
        parsed.collect::<Result<_, _>>().map_err(Failure::from)
    }

    /// Begins to read the begin of a value, and a time no earlier than this call.
    pub(super) fn begin_read(&self, read: &EntryRead<'_>) -> Result<EntryReceiver, Failure> {
        self.0.0.push_read(read)
    }
}

/// What was received.
pub(super) fn received<T>(received: Result<Result<T, Failure>, RecvError>) -> Result<T, Failure> {
    received.unwrap_or_else(|_| Err(closed().into()))
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").finish_non_exhaustive()
    }
}
