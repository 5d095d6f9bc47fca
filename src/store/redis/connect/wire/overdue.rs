//! How long requests wait. One timer watches all of them: they are answered in the order in which they
//! were sent, so that only the first that waits can be late next.

use std::{collections::VecDeque, pin::Pin, task::Context, time::Duration};

use tokio::time::{Sleep, sleep};

use super::waiting::Waiting;
use crate::store::redis::connect::{failure::Failure, timeouts::GRACE};

/// Ends the wait of requests that are not answered in time.
pub(super) struct Overdue {
    response: Duration,
    timer: Option<Pin<Box<Sleep>>>,
    /// The worker may have been blocked: what has come meanwhile is read before it counts as late.
    is_grace: bool,
}

impl Overdue {
    pub(super) const fn new(response: Duration) -> Self {
        Self { response, timer: None, is_grace: false }
    }

    /// To be called whenever the task has run.
    pub(super) fn check(&mut self, waiting: &mut VecDeque<Waiting>, cx: &mut Context<'_>) {
        loop {
            let mut late = waiting.iter().skip_while(|one| !one.is_request());
            let Some(first) = late.next() else { return self.is_grace = false };
            let left = self.response.saturating_sub(first.since.elapsed());
            let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(left)));
            if timer.as_mut().poll(cx).is_pending() {
                return;
            }
            self.timer = None;
            if !left.is_zero() {
                // it was set for one that was answered
                self.is_grace = false;
            } else if std::mem::replace(&mut self.is_grace, true) {
                self.is_grace = false;
                end(waiting, self.response);
            } else {
                self.timer = Some(Box::pin(sleep(GRACE)));
            }
        }
    }
}

/// Ends the wait of those that have waited for this long.
fn end(waiting: &mut VecDeque<Waiting>, response: Duration) {
    for late in waiting.iter_mut().take_while(|one| one.since.elapsed() >= response) {
        late.asker.fail(Failure::TimedOut);
    }
}
