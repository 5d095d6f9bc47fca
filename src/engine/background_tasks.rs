//! Work that goes on after a response has been given (storing it, refreshing it, removing what was
//! purged), counted, so that a test or a shutdown can wait for its end.

use std::{
    future::Future,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures_util::FutureExt as _;
use tokio::{runtime::Handle, sync::Notify};

/// The tasks of one cache that are running.
#[derive(Debug, Default)]
pub(crate) struct BackgroundTasks(Arc<Running>);

#[derive(Debug, Default)]
struct Running {
    tasks: AtomicUsize,
    idle: Notify,
}

impl BackgroundTasks {
    /// Runs `task` on the current runtime, without waiting for it. Without a runtime it is dropped:
    /// an entry is not stored, which is always allowed.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let Ok(runtime) = Handle::try_current() else { return };
        let guard = self.track();
        runtime.spawn(async move {
            let _guard = guard;
            task.await;
        });
    }

    /// Runs `task` at once if it `is_immediate`, as far as it goes without waiting, and
    /// [spawns](Self::spawn) what is left of it. `false` where something was left of a task that
    /// should not wait.
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

    /// Runs a task that `is_immediate` at once, and [spawns](Self::spawn) another one. A task that has
    /// to wait against its promise ends there: `false`.
    pub(crate) fn run_or_drop(
        &self,
        is_immediate: bool,
        task: impl Future<Output = ()> + Send + 'static,
    ) -> bool {
        if is_immediate {
            // on the stack, as this is the way of every response that is stored in memory
            return pin!(task).now_or_never().is_some();
        }
        self.spawn(task);
        true
    }

    /// Counts a task until the guard is dropped.
    pub(crate) fn track(&self) -> TaskGuard {
        self.0.tasks.fetch_add(1, Ordering::AcqRel);
        TaskGuard(Arc::clone(&self.0))
    }

    /// Waits until no task is running.
    pub(crate) async fn settle(&self) {
        loop {
            let idle = self.0.idle.notified();
            if self.0.tasks.load(Ordering::Acquire) == 0 {
                return;
            }
            idle.await;
        }
    }
}

/// Counts a task until it is dropped: the task has ended, was cancelled, or panicked.
#[derive(Debug)]
pub(crate) struct TaskGuard(Arc<Running>);

impl Drop for TaskGuard {
    fn drop(&mut self) {
        if self.0.tasks.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.idle.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn task_that_has_to_wait_goes_on_in_the_background() {
        let tasks = BackgroundTasks::default();
        let (done, ends) = tokio::sync::oneshot::channel();
        assert!(tasks.run(true, async {}), "it has ended at once, as was promised");
        let waits = async move {
            tokio::task::yield_now().await;
            done.send(()).unwrap();
        };
        assert!(!tasks.run(true, waits), "the promise was not kept");
        ends.await.unwrap();
        tasks.settle().await;
    }
}
