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

/// How much is queued at most while the server takes nothing: memory is bounded whatever it does.
const MAX_QUEUED: usize = 64 * 1024 * 1024;

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
    /// Queues a request, which `write` appends. It is late at once where too much is queued already.
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
        if state.out.len() > MAX_QUEUED {
            return Err(Failure::TimedOut);
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

    /// Moves what was queued to the task, which is woken by the next request: to be sent only when all
    /// before it has been. `false` where no request will come.
    pub(super) fn take(
        &self,
        out: &mut Vec<u8>,
        waiting: &mut VecDeque<Waiting>,
        cx: &Context<'_>,
    ) -> bool {
        let mut state = self.lock();
        if out.is_empty() {
            mem::swap(out, &mut state.out);
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

#[cfg(test)]
mod tests {
    use futures_util::task::noop_waker;

    use super::*;

    #[test]
    fn queue_of_a_server_that_takes_nothing_is_bounded() {
        let (queue, waker) = (Queue::default(), noop_waker());
        let cx = Context::from_waker(&waker);
        let push = || queue.push(1, |out| out.resize(out.len() + 1024 * 1024, b'x'));
        let (mut sending, mut waiting) = (vec![b'x'], VecDeque::new());
        let accepted = (0..1000)
            .take_while(|_| {
                assert!(queue.take(&mut sending, &mut waiting, &cx));
                push().is_ok()
            })
            .count();
        assert_eq!((accepted, sending.len()), (MAX_QUEUED / 1024 / 1024 + 1, 1));
        assert!(matches!(push(), Err(Failure::TimedOut)));
        sending.clear();
        assert!(queue.take(&mut sending, &mut waiting, &cx) && push().is_ok());
        assert!(sending.len() > MAX_QUEUED);
    }
}
