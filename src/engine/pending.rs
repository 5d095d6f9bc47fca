//! Work that goes on behind an answer, counted, so that one can wait for its end.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures_util::FutureExt as _;
use tokio::{runtime::Handle, sync::Notify};

/// The tasks of one cache that are still running.
#[derive(Debug, Default)]
pub(crate) struct Pending(Arc<Running>);

#[derive(Debug, Default)]
struct Running {
    tasks: AtomicUsize,
    ended: Notify,
}

impl Pending {
    /// Runs `task` on the current runtime, so that nobody waits for it. Without a runtime it is
    /// dropped: an entry is not stored, which is always allowed.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let Ok(runtime) = Handle::try_current() else { return };
        let guard = self.enter();
        runtime.spawn(async move {
            let _guard = guard;
            task.await;
        });
    }

    /// Runs `task` at once, as far as it goes without waiting; what is left of it, like
    /// [`spawn`](Self::spawn). `false` where something was left though the task `is_immediate`.
    pub(crate) fn run(
        &self,
        is_immediate: bool,
        task: impl Future<Output = ()> + Send + 'static,
    ) -> bool {
        let mut task = Box::pin(task);
        if is_immediate && task.as_mut().now_or_never().is_some() {
            return true;
        }
        self.spawn(task);
        !is_immediate
    }

    /// Counts a task until the guard is dropped.
    pub(crate) fn enter(&self) -> Guard {
        Guard::new(&self.0)
    }

    /// Waits until no task is running.
    pub(crate) async fn settle(&self) {
        loop {
            let ended = self.0.ended.notified();
            if self.0.tasks.load(Ordering::Acquire) == 0 {
                return;
            }
            ended.await;
        }
    }
}

/// Counts a task until it is dropped, be it done, cancelled or in a panic.
#[derive(Debug)]
pub(crate) struct Guard(Arc<Running>);

impl Guard {
    fn new(running: &Arc<Running>) -> Self {
        running.tasks.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(running))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if self.0.tasks.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.ended.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn task_that_has_to_wait_goes_on_in_the_background() {
        let pending = Pending::default();
        let (done, ends) = tokio::sync::oneshot::channel();
        assert!(pending.run(true, async {}), "it has ended at once, as was promised");
        let waits = async move {
            tokio::task::yield_now().await;
            done.send(()).unwrap();
        };
        assert!(!pending.run(true, waits), "the promise was not kept");
        ends.await.unwrap();
        pending.settle().await;
    }
}
