//! A plain connection to one server, by TCP or a socket of a file, over which the requests of a worker
//! go side by side.
//!
//! It takes the place of the connection of the `redis` crate, as reading an entry is what a hit
//! costs: a request is written in place, all requests of a turn go in one write, and a long reply is not
//! copied out of what was read. Login is the crate's, and so is whatever goes by TLS, to a Cluster, or by
//! a client of the user's own.

mod overdue;
mod queue;
mod scan;
mod stream;
mod task;

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use redis::{Cmd, ConnectionAddr, ConnectionInfo, Parser, ProtocolVersion, RedisError, Value};
use tokio::sync::oneshot::error::RecvError;

use self::{
    queue::{Queue, Receiver, closed},
    scan::{Head, Scan},
    stream::Stream,
    task::Task,
};
use super::{super::client::reply, entry_read::EntryRead, failure::Failure};

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
        let replies = received(self.begin(commands.len(), write)?.await)?;
        let (mut parser, mut rest) = (Parser::new(), &replies[..]);
        let parsed = commands.iter().map(|_| parser.parse_value(&mut rest));
        parsed.collect::<Result<_, _>>().map_err(Failure::from)
    }

    /// Sends what `write` appends, to which this number of replies will come. They are received as they
    /// came.
    fn begin(&self, replies: usize, write: impl FnOnce(&mut Vec<u8>)) -> Result<Receiver, Failure> {
        self.0.0.push(replies, write)
    }

    /// Begins to read an entry.
    pub(super) fn begin_read(&self, read: EntryRead<'_>) -> Result<Receiver, Failure> {
        self.begin(2, |out| read.write(out))
    }
}

/// The replies, where they came.
fn received(received: Result<Result<Bytes, Failure>, RecvError>) -> Result<Bytes, Failure> {
    received.unwrap_or_else(|_| Err(closed().into()))
}

/// What came of [`Wire::begin_read`].
pub(super) fn entry(
    replies: Result<Result<Bytes, Failure>, RecvError>,
) -> Result<[Reply; 2], Failure> {
    let replies = received(replies)?;
    let (begin, rest) = split(&replies)?;
    Ok([begin, split(&rest)?.0])
}

/// The first of some replies, and the others.
fn split(replies: &Bytes) -> Result<(Reply, Bytes), RedisError> {
    let malformed = || RedisError::from((redis::ErrorKind::Parse, "not a whole reply"));
    let head = Head::read(replies).ok().flatten().ok_or_else(malformed)?;
    if let Some((from, to)) = head.string {
        if head.length > replies.len() {
            return Err(malformed());
        }
        return Ok((Reply::Bytes(replies.slice(from..to)), replies.slice(head.length..)));
    }
    let end = Scan::of(1).end_in(replies).ok().flatten().ok_or_else(malformed)?;
    let value = Parser::new().parse_value(&mut &replies.slice(..end)[..])?;
    Ok((Reply::Value(value), replies.slice(end..)))
}

/// A reply of which a string is not copied.
#[derive(Debug)]
pub(in crate::store::redis) enum Reply {
    Bytes(Bytes),
    Value(Value),
}

impl Reply {
    /// What it is if it is no string.
    pub(in crate::store::redis) const fn value(&self) -> Option<&Value> {
        match self {
            Self::Value(value) => Some(value),
            Self::Bytes(_) => None,
        }
    }

    /// The number that it is.
    pub(in crate::store::redis) fn number(&self) -> Option<u64> {
        match self {
            Self::Bytes(text) => std::str::from_utf8(text).ok()?.parse().ok(),
            Self::Value(value) => reply::number(value),
        }
    }
}

impl From<Value> for Reply {
    fn from(value: Value) -> Self {
        match value {
            Value::BulkString(bytes) => Self::Bytes(bytes.into()),
            value => Self::Value(value),
        }
    }
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
