//! Tells a hook, on a thread of its own: the runtimes of workers come and go, and a hook that blocks
//! its thread holds up nothing else.

use std::{panic::AssertUnwindSafe, sync::Arc, thread, time::Duration};

use futures_util::{
    FutureExt as _,
    future::{Either, select},
};
use tokio::{
    runtime,
    task::LocalSet,
    time::{sleep, timeout},
};

use super::{
    notice::PurgeNotice,
    pending::{Next, PendingNotices},
};

/// How long to wait after the first attempt that failed; each time twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const MAX_PAUSE: Duration = Duration::from_secs(30);

/// Begins the thread of a hook. It ends with the cache.
pub(super) fn begin(pending: &Arc<PendingNotices>) {
    let told = Arc::clone(pending);
    let thread = thread::Builder::new().name("response-cache-hook".to_owned());
    if let Err(error) = thread.spawn(move || run(&told)) {
        pending.has_no_thread(&error.to_string());
    }
}

fn run(pending: &PendingNotices) {
    match runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => LocalSet::new().block_on(&runtime, tell_all(pending)),
        Err(error) => pending.has_no_thread(&error.to_string()),
    }
}

async fn tell_all(pending: &PendingNotices) {
    let mut pause = FIRST_PAUSE;
    while let Some(notice) = pending.next().await {
        let next = match attempt(pending, &notice).await {
            Ok(()) => pending.succeeded(),
            Err(problem) => pending.failed(&problem),
        };
        match next {
            Next::GoOn => pause = FIRST_PAUSE,
            Next::Pause => {
                wait(pending, pause).await;
                pause = MAX_PAUSE.min(pause * 2);
            }
            Next::End => return,
        }
    }
}

/// Waits before the next attempt, no longer than the cache lives. Hooks of several processes do not
/// try again at one time.
async fn wait(pending: &PendingNotices, pause: Duration) {
    let pause = pause.mul_f64(0.5 + fastrand::f64() / 2.0);
    let closed = Box::pin(pending.closed());
    if let Either::Left(_) = select(closed, Box::pin(sleep(pause))).await {
        tracing::debug!(
            hook = pending.name(),
            "the cache is gone: a purge hook is told a last time"
        );
    }
}

/// Tells the hook once. A panic and a hook that hangs cost this attempt only.
async fn attempt(pending: &PendingNotices, notice: &PurgeNotice) -> Result<(), String> {
    let (hook, limit) = (pending.hook(), pending.hook().timeout());
    let call = AssertUnwindSafe(hook.purged(notice)).catch_unwind();
    match timeout(limit, call).await {
        Ok(Ok(told)) => told.map_err(|error| with_causes(error.as_ref())),
        Ok(Err(_)) => Err("it panicked".to_owned()),
        Err(_) => Err(format!("it took longer than {limit:?}")),
    }
}

fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
