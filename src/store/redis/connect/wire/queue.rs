//! What is to be sent, and who waits for replies: filled by requests, emptied by the task that owns the
//! socket.
//!
//! Requests for entries that are sent together share one reading of the logical clock, which stands
//! before all of them: it is sent when the last of them has come, so it is no earlier than any purge that
//! had returned by then.
//!
//! ```text
//! request A ── push ─┐                    ┌─> clock  value of A  value of B
//! request B ── push ─┴─ clock? A? B? ─> server
//! ```

use std::{
    collections::VecDeque,
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Waker},
};

use redis::RedisError;

use super::waiting::{Asker, EntryReceiver, Receiver, Waiting};
use crate::store::redis::connect::{entry_read::EntryRead, failure::Failure};

/// How much is queued at most while the server takes nothing: memory is bounded whatever it does.
const MAX_QUEUED: usize = 64 * 1024 * 1024;

/// Requests on their way to the socket.
#[derive(Debug, Default)]
pub(super) struct Queue(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    out: Vec<u8>,
    /// Whether the clock is read by what is in `out`.
    reads_clock: bool,
    waiting: VecDeque<Waiting>,
    /// Wakes the task, once for all requests until it has run.
    task: Option<Waker>,
    is_closed: bool,
}

impl Queue {
    /// Queues commands, which `write` appends and to which this number of replies will come. They are
    /// late at once where too much is queued already.
    pub(super) fn push(
        &self,
        replies: usize,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Result<Receiver, Failure> {
        let mut state = self.open()?;
        let (asker, receiver) = Asker::commands();
        write(&mut state.out);
        state.waiting.push_back(Waiting::new(replies, asker));
        wake(state);
        Ok(receiver)
    }

    /// Queues the reading of an entry. All that is read over one connection has one clock.
    pub(super) fn push_read(&self, read: &EntryRead<'_>) -> Result<EntryReceiver, Failure> {
        let mut state = self.open()?;
        let (asker, receiver) = Asker::entry();
        let waiting = Waiting { expected: read.expected, ..Waiting::new(1, asker) };
        if !mem::replace(&mut state.reads_clock, true) {
            read.write_clock(&mut state.out);
            state.waiting.push_back(Waiting { asker: Asker::Clock, expected: 0, ..waiting });
        }
        read.write_value(&mut state.out);
        state.waiting.push_back(waiting);
        wake(state);
        Ok(receiver)
    }

    /// The state, where something can be queued.
    fn open(&self) -> Result<MutexGuard<'_, State>, Failure> {
        let state = self.lock();
        if state.is_closed {
            return Err(closed().into());
        }
        if state.out.len() > MAX_QUEUED {
            return Err(Failure::TimedOut);
        }
        Ok(state)
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
            state.reads_clock = false;
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
        let waiting = mem::take(&mut state.waiting);
        wake(state);
        drop(waiting);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Wakes the task, without the lock.
fn wake(mut state: MutexGuard<'_, State>) {
    let task = state.task.take();
    drop(state);
    if let Some(task) = task {
        task.wake();
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

    #[test]
    fn clock_is_read_once_for_what_is_sent_together_and_before_it() {
        let (queue, waker) = (Queue::default(), noop_waker());
        let cx = Context::from_waker(&waker);
        let read = EntryRead { name: "p:e:{01}", length: 100, expected: 0, clock: "p:clock" };
        let (mut clock, mut value) = (Vec::new(), Vec::new());
        read.write_clock(&mut clock);
        read.write_value(&mut value);
        let push = || drop(queue.push_read(&read).expect("it is queued"));
        let (mut sent, mut waiting) = (Vec::new(), VecDeque::new());
        push();
        push();
        assert!(queue.take(&mut sent, &mut waiting, &cx));
        assert_eq!(sent, [&clock[..], &value, &value].concat());
        // not yet sent as a whole: what comes now stays, with a clock of its own
        push();
        assert!(queue.take(&mut sent, &mut waiting, &cx));
        push();
        sent.clear();
        assert!(queue.take(&mut sent, &mut waiting, &cx));
        assert_eq!(sent, [&clock[..], &value, &value].concat());
        let clocks = waiting.iter().map(|one| matches!(one.asker, Asker::Clock));
        assert_eq!(clocks.collect::<Vec<_>>(), [true, false, false, true, false, false]);
    }
}
