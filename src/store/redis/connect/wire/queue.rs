//! What is to be sent, and who waits for replies: filled by requests, emptied by the task that owns the
//! socket.

use std::{
    collections::VecDeque,
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Waker},
};

use bytes::Bytes;
use redis::RedisError;
use tokio::sync::oneshot;

use crate::{clock::TimerPoint, store::redis::connect::failure::Failure};

/// A request that was queued, by how many replies it waits for. What it gets is those replies as they
/// came.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) replies: usize,
    pub(super) since: TimerPoint,
    /// Taken when it has waited for too long: its replies may still come.
    pub(super) sender: Option<oneshot::Sender<Result<Bytes, Failure>>>,
}

/// What becomes of a request.
pub(super) type Receiver = oneshot::Receiver<Result<Bytes, Failure>>;

/// Requests on their way to the socket.
#[derive(Debug, Default)]
pub(super) struct Queue(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    out: Vec<u8>,
    waiting: VecDeque<Waiting>,
    /// Wakes the task, once for all requests until it has run.
    task: Option<Waker>,
    is_closed: bool,
}

impl Queue {
    /// Queues a request, which `write` appends.
    pub(super) fn push(
        &self,
        replies: usize,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Result<Receiver, Failure> {
        let (sender, receiver) = oneshot::channel();
        let mut state = self.lock();
        if state.is_closed {
            return Err(closed().into());
        }
        write(&mut state.out);
        let (since, sender) = (TimerPoint::now(), Some(sender));
        state.waiting.push_back(Waiting { replies, since, sender });
        let task = state.task.take();
        drop(state);
        if let Some(task) = task {
            task.wake();
        }
        Ok(receiver)
    }

    /// Moves what was queued to the task, which is woken by the next request. `false` where no request
    /// will come.
    pub(super) fn take(
        &self,
        out: &mut Vec<u8>,
        waiting: &mut VecDeque<Waiting>,
        cx: &Context<'_>,
    ) -> bool {
        let mut state = self.lock();
        if out.is_empty() {
            mem::swap(out, &mut state.out);
        } else {
            out.append(&mut state.out);
        }
        waiting.append(&mut state.waiting);
        if state.task.is_none() {
            state.task = Some(cx.waker().clone());
        }
        !state.is_closed
    }

    /// From now on no request is taken. Those that wait get an error.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.is_closed = true;
        let (waiting, task) = (mem::take(&mut state.waiting), state.task.take());
        drop(state);
        drop(waiting);
        if let Some(task) = task {
            task.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The error of a request whose connection was closed.
pub(super) fn closed() -> RedisError {
    (redis::ErrorKind::Io, "the connection was closed").into()
}
