//! Waiting for what happens elsewhere: in another task, thread, process or server.

use std::{
    thread,
    time::{Duration, Instant},
};

/// What a test waits for comes long before, also on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(2);

/// Waits until a condition holds, and fails with `what` when it never does.
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    until_async(what, async || holds()).await;
}

/// As [`until`], for a condition that is asked for.
pub async fn until_async(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < DEADLINE, "never: {what}");
        tokio::time::sleep(PAUSE).await;
    }
}

/// As [`until`], blocking the thread.
pub fn until_blocking(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < DEADLINE, "never: {what}");
        thread::sleep(PAUSE);
    }
}
