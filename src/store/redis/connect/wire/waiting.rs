//! Who waits for replies, and what for.

use bytes::Bytes;
use tokio::sync::oneshot;

use super::reply::Reply;
use crate::{clock::TimerPoint, store::redis::connect::failure::Failure};

/// What becomes of commands: their replies as they came.
pub(super) type Receiver = oneshot::Receiver<Result<Bytes, Failure>>;
/// What becomes of the reading of an entry: the value and the time.
pub(in crate::store::redis) type EntryReceiver = oneshot::Receiver<Result<[Reply; 2], Failure>>;
/// What an [`EntryReceiver`] receives.
pub(in crate::store::redis) type ReceivedEntry =
    Result<Result<[Reply; 2], Failure>, oneshot::error::RecvError>;

/// What was sent and is not yet answered.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) replies: usize,
    pub(super) since: TimerPoint,
    /// How long the replies are, where they are known to be long.
    pub(super) expected: usize,
    pub(super) asker: Asker,
}

/// Who gets the replies.
#[derive(Debug)]
pub(super) enum Asker {
    Commands(oneshot::Sender<Result<Bytes, Failure>>),
    /// With the time, which has come before.
    Entry(oneshot::Sender<Result<[Reply; 2], Failure>>),
    /// All requests for entries that are behind it.
    Clock,
    /// One that has waited for too long. Its replies may still come.
    Gone,
}

impl Waiting {
    /// Begins to wait.
    pub(super) fn new(replies: usize, asker: Asker) -> Self {
        Self { replies, since: TimerPoint::now(), expected: 0, asker }
    }

    /// Whether a request waits.
    pub(super) const fn is_request(&self) -> bool {
        matches!(self.asker, Asker::Commands(_) | Asker::Entry(_))
    }
}

impl Asker {
    pub(super) fn commands() -> (Self, Receiver) {
        let (sender, receiver) = oneshot::channel();
        (Self::Commands(sender), receiver)
    }

    pub(super) fn entry() -> (Self, EntryReceiver) {
        let (sender, receiver) = oneshot::channel();
        (Self::Entry(sender), receiver)
    }

    /// Ends the wait.
    pub(super) fn fail(&mut self, failure: Failure) {
        // one that has gone needs no answer
        match std::mem::replace(self, Self::Gone) {
            Self::Commands(sender) => drop(sender.send(Err(failure))),
            Self::Entry(sender) => drop(sender.send(Err(failure))),
            Self::Clock => *self = Self::Clock,
            Self::Gone => {}
        }
    }
}
