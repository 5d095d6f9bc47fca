//! Values that are too large for one exchange: they are read and written in pieces, each within the time
//! of an exchange. What is known to come in a part of that time is read at once all the same. So the timeout bounds the silence of the server and not the transfer of a long reply,
//! and a small value waits behind one piece at most.
//!
//! Pieces are read on the connection of the [subscriber](super::invalidation::subscriber), one at a time
//! for the whole store, and once for all requests for a value. A value that does not arrive in time counts as missing
//! for a while.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{
    FutureExt as _,
    future::{BoxFuture, Shared},
};
use redis::Value;
use tokio::{sync::Semaphore, time::timeout};

pub(super) use self::known::FIRST_PIECE;
use self::known::{Digest, KnownValues};
use super::{
    client::{RedisClient, reply::number, script},
    connect::Timeouts,
};
use crate::{
    clock::Stopwatch,
    store::{
        StoreError, StoreErrorKind,
        codec::{self, Encoded},
    },
};

/// A value may take this many times the time for an exchange, if each of its pieces arrives in time.
const EXCHANGES: u32 = 10;
/// What the staged value must begin with for more to be appended: checksum, flags, length of the
/// metadata, logical time.
const HEAD: std::ops::Range<usize> = codec::CHECKSUM_AT..codec::HEADER;

/// Keys: staged. Arguments: what distinguishes the value from another fill's, its length so far, the piece.
const APPEND: &str = r"
if redis.call('STRLEN', KEYS[1]) ~= tonumber(ARGV[2]) then return 0 end
if redis.call('GETRANGE', KEYS[1], 12, 11 + #ARGV[1]) ~= ARGV[1] then return 0 end
return redis.call('APPEND', KEYS[1], ARGV[3])
";

/// The first piece of a value, and how long the whole is.
pub(super) struct FirstPiece {
    pub(super) name: String,
    pub(super) digest: Digest,
    pub(super) bytes: Bytes,
    pub(super) length: usize,
}

/// What is left of a value: which one, by its header, from where on, and how long the whole is.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Rest {
    name: String,
    digest: Digest,
    head: Vec<u8>,
    from: usize,
    length: usize,
}

type Reading = Shared<BoxFuture<'static, Option<Arc<Vec<u8>>>>>;

/// The large values of a store, as far as they are known.
pub(super) struct LargeValues {
    within: Duration,
    known: KnownValues,
    reading: Mutex<HashMap<Rest, Reading>>,
    turn: Semaphore,
}

impl LargeValues {
    pub(super) fn new(timeouts: Timeouts) -> Arc<Self> {
        Arc::new(Self {
            within: timeouts.response.saturating_mul(EXCHANGES),
            known: KnownValues::new(timeouts.response),
            reading: Mutex::default(),
            turn: Semaphore::new(1),
        })
    }

    /// What is known of large values.
    pub(super) const fn known(&self) -> &KnownValues {
        &self.known
    }

    /// The whole of a value of which this is the first piece; nothing where another one is in its
    /// place by now, or where it does not come in time.
    pub(super) async fn whole(
        self: &Arc<Self>,
        client: &Arc<RedisClient>,
        runtime: Option<tokio::runtime::Handle>,
        first: FirstPiece,
    ) -> Option<Bytes> {
        let FirstPiece { name, digest, bytes, length } = first;
        self.known.learn(digest, length);
        let (head, from) = (bytes.get(HEAD)?.to_vec(), bytes.len());
        let rest = self.join(client, runtime, Rest { name, digest, head, from, length }).await?;
        let whole = [&bytes[..], &rest].concat();
        (whole.len() == length).then(|| whole.into())
    }

    /// The reading of the rest of a value that is under way, or another one.
    fn join(
        self: &Arc<Self>,
        client: &Arc<RedisClient>,
        runtime: Option<tokio::runtime::Handle>,
        rest: Rest,
    ) -> Reading {
        let mut all = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reading) = all.get(&rest) {
            return reading.clone();
        }
        let (large, client, of) = (Arc::clone(self), Arc::clone(client), rest.clone());
        let read = async move {
            let read = timeout(large.within, large.read(&client, &of)).await;
            let read = read.unwrap_or_else(|_| Err(StoreError::new(StoreErrorKind::TimedOut)));
            // unless it has gone, or was replaced
            if read.as_ref().is_err_and(|error| error.kind() != StoreErrorKind::Corrupt) {
                large.known.back_off(of.digest);
            }
            large.reading.lock().unwrap_or_else(PoisonError::into_inner).remove(&of);
            read.ok().map(Arc::new)
        };
        let reading = match runtime {
            Some(runtime) => runtime.spawn(read).map(|read| read.ok().flatten()).boxed().shared(),
            None => read.boxed().shared(),
        };
        all.insert(rest, reading.clone());
        reading
    }

    async fn read(&self, client: &RedisClient, rest: &Rest) -> Result<Vec<u8>, StoreError> {
        let Rest { name, head, from, length, .. } = rest;
        let (from, length) = (*from, *length);
        let mut read = Vec::new();
        while from + read.len() < length {
            let _turn = self.turn.acquire().await;
            let begun = Stopwatch::start();
            let at = from + read.len();
            let mut range = redis::cmd("GETRANGE");
            range.arg(name).arg(at).arg((at + self.known.piece()).min(length) - 1);
            let mut same = redis::cmd("GETRANGE");
            same.arg(name).arg(HEAD.start).arg(HEAD.end - 1);
            match client.send(vec![range, same]).await?.as_slice() {
                [Value::BulkString(bytes), Value::BulkString(same)]
                    if same == head && !bytes.is_empty() =>
                {
                    self.known.read_piece(bytes.len(), begun.elapsed());
                    read.extend_from_slice(bytes);
                }
                // it has gone meanwhile, or another one is in its place
                _ => return Err(StoreError::new(StoreErrorKind::Corrupt)),
            }
        }
        Ok(read)
    }

    /// Writes what is left of a value behind its first piece. `false` where another fill has written
    /// in its place.
    pub(super) async fn append(
        &self,
        client: &RedisClient,
        digest: Digest,
        staged: &str,
        encoded: &Encoded,
    ) -> Result<bool, StoreError> {
        let length = encoded.head.len() + encoded.body.len();
        let head = encoded.head.get(HEAD).unwrap_or_default();
        self.known.learn(digest, length);
        let (mut at, mut piece) = (FIRST_PIECE, FIRST_PIECE);
        while at < length {
            let _turn = self.turn.acquire().await;
            let begun = Stopwatch::start();
            let bytes = part(encoded, at, piece);
            let mut append = script(APPEND, &[staged]);
            append.arg(head).arg(at).arg(&bytes);
            let appended = client.send(vec![append]).await.inspect_err(|error| {
                if error.kind() == StoreErrorKind::TimedOut {
                    self.known.back_off(digest);
                }
            })?;
            if appended.first().and_then(number) != u64::try_from(at + bytes.len()).ok() {
                return Ok(false);
            }
            at += bytes.len();
            piece = self.known.next_piece(bytes.len(), begun.elapsed());
        }
        Ok(true)
    }
}

/// Whether a value is written in pieces.
pub(super) fn is_large(encoded: &Encoded) -> bool {
    encoded.head.len() + encoded.body.len() > FIRST_PIECE
}

/// A part of a value, from this offset on and of this length at most.
pub(super) fn part(encoded: &Encoded, at: usize, length: usize) -> Vec<u8> {
    let end = at.saturating_add(length);
    let of = |bytes: &[u8], begins: usize| {
        let from = at.saturating_sub(begins).min(bytes.len());
        let to = end.saturating_sub(begins).min(bytes.len());
        bytes.get(from..to).unwrap_or_default().to_vec()
    };
    [of(&encoded.head, 0), of(&encoded.body, encoded.head.len())].concat()
}

mod known;
#[cfg(test)]
mod tests;
