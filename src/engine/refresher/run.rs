//! Runs refreshes: a bounded number at a time, each on the first worker that can.

use std::{pin::pin, sync::Arc, time::Duration};

use futures_util::{StreamExt as _, stream};
use tokio::time::timeout;

use super::{
    report::{RefreshOutcome, RefreshReport, RefreshedUrl},
    request::Refresh,
    seats::Reply,
};
use crate::{clock::Stopwatch, engine::state::Engine};

/// How long a refresh waits for a busy worker before it asks again.
const ASK_AGAIN: Duration = Duration::from_secs(1);

impl Engine {
    /// Runs these, no more than `at_most` at a time. Those that no worker can run wait for `ready` at most,
    /// counted from now.
    pub(crate) async fn refresh(
        self: &Arc<Self>,
        refreshes: Vec<Refresh>,
        at_most: usize,
        ready: Duration,
    ) -> RefreshReport {
        let begun = Stopwatch::start();
        let each = refreshes.into_iter().map(|refresh| async move {
            let left = || ready.saturating_sub(begun.elapsed());
            let outcome = self.refresh_one(&refresh, left).await;
            RefreshedUrl { url: refresh.url().to_owned(), outcome }
        });
        // in a list of boxes, or the compiler asks for more than it can know of their lifetimes
        let each: Vec<_> = each.map(Box::pin).collect();
        RefreshReport { urls: stream::iter(each).buffered(at_most.max(1)).collect().await }
    }

    async fn refresh_one(&self, refresh: &Refresh, left: impl Fn() -> Duration) -> RefreshOutcome {
        let request = match refresh.read() {
            Ok(request) => Arc::new(request),
            Err(problem) => return RefreshOutcome::BadRequest(problem),
        };
        let mut waiting = None;
        loop {
            let mut changed = pin!(self.refresher.changed());
            // from now on, so that no change is missed while the workers are asked
            changed.as_mut().enable();
            let reply = self.refresher.offer(&request).await;
            if let Reply::Done(outcome) = reply {
                return outcome;
            }
            // the more requests are kept, the more refreshes run at a time
            waiting.get_or_insert_with(|| Waiting::new(self));
            if matches!(reply, Reply::Busy) {
                // the worker may end before its refresh does, and then nothing changes
                let _ = timeout(ASK_AGAIN, changed).await;
            } else if timeout(left(), changed).await.is_err() {
                return RefreshOutcome::NotReady;
            }
        }
    }
}

/// A refresh that waits for a request of a client.
struct Waiting<'e>(&'e Engine);

impl<'e> Waiting<'e> {
    fn new(engine: &'e Engine) -> Self {
        if engine.refresher.wait(true) {
            engine.keep_templates(true);
        }
        Self(engine)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.0.refresher.wait(false) {
            self.0.keep_templates(false);
        }
    }
}
