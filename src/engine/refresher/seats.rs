//! Where workers take refreshes from. Each worker that can run any has a seat; one that has ended is
//! noticed when it takes no more.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::{Notify, futures::Notified, mpsc, oneshot};

use super::{report::RefreshOutcome, request::RefreshRequest};

/// A request that one worker is asked to run.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) request: Arc<RefreshRequest>,
    pub(crate) reply: oneshot::Sender<Reply>,
}

/// What a worker says.
#[derive(Debug)]
pub(crate) enum Reply {
    /// It has run the request.
    Done(RefreshOutcome),
    /// It will be able to, when another refresh has ended.
    Busy,
    /// It has no request to run it with.
    NoTemplate,
}

/// By which a worker gets its jobs.
pub(crate) type Seat = mpsc::UnboundedReceiver<Job>;

/// The workers that run refreshes.
#[derive(Debug, Default)]
pub(crate) struct Refresher {
    seats: Mutex<Vec<mpsc::UnboundedSender<Job>>>,
    /// Which of them is asked first.
    turn: AtomicUsize,
    /// Refreshes that wait for a request to be run with.
    waiting: AtomicUsize,
    changed: Notify,
}

impl Refresher {
    /// A seat for a worker.
    pub(crate) fn take_seat(&self) -> Seat {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.lock().push(sender);
        receiver
    }

    /// A worker has a request to run refreshes with, or one less.
    pub(crate) fn has_changed(&self) {
        self.changed.notify_waiters();
    }

    pub(super) fn changed(&self) -> Notified<'_> {
        self.changed.notified()
    }

    /// Counts a refresh that waits, or no longer does. `true` where it is the first or was the last.
    pub(super) fn wait(&self, begins: bool) -> bool {
        if begins {
            self.waiting.fetch_add(1, Ordering::AcqRel) == 0
        } else {
            self.waiting.fetch_sub(1, Ordering::AcqRel) == 1
        }
    }

    /// Asks the workers in turn until one runs the request.
    pub(super) async fn offer(&self, request: &Arc<RefreshRequest>) -> Reply {
        let mut answer = Reply::NoTemplate;
        for seat in self.in_turn() {
            let (reply, said) = oneshot::channel();
            if seat.send(Job { request: Arc::clone(request), reply }).is_err() {
                continue;
            }
            match said.await {
                Ok(Reply::Done(outcome)) => return Reply::Done(outcome),
                Ok(Reply::Busy) => answer = Reply::Busy,
                // dropped without a word: the worker has ended
                Ok(Reply::NoTemplate) | Err(_) => {}
            }
        }
        answer
    }

    /// All workers that have not ended, each time another one first.
    fn in_turn(&self) -> Vec<mpsc::UnboundedSender<Job>> {
        let mut seats = self.lock();
        seats.retain(|seat| !seat.is_closed());
        let first = self.turn.fetch_add(1, Ordering::Relaxed) % seats.len().max(1);
        seats.iter().cycle().skip(first).take(seats.len()).cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<mpsc::UnboundedSender<Job>>> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
