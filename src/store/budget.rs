//! How long one request may wait for its store, all in all. A request asks it several times: for the
//! response, for the lead, for the time. If each had its full bound, a store that hangs would cost a
//! request the sum of them.

use std::{cell::Cell, time::Duration};

tokio::task_local! {
    /// How long this task's request has waited so far.
    static SPENT: Cell<Duration>;
}

/// Runs what a request does, or what is not to be cut short though a request asked for it. What its store
/// takes from now on counts together.
pub(crate) fn with_own_budget<F: Future>(
    work: F,
) -> tokio::task::futures::TaskLocalFuture<Cell<Duration>, F> {
    SPENT.scope(Cell::new(Duration::ZERO), work)
}

/// What is left to the request that runs, of a whole budget of so much; all of it outside requests.
#[cfg(feature = "redis")]
pub(crate) fn left_of(whole: Duration) -> Duration {
    let spent = SPENT.try_with(Cell::get).unwrap_or_default();
    whole.saturating_sub(spent)
}

/// Adds to the time that the request which runs has waited.
#[cfg(feature = "redis")]
pub(crate) fn spend(span: Duration) {
    // outside requests nothing is counted
    let _ = SPENT.try_with(|spent| spent.set(spent.get().saturating_add(span)));
}

#[cfg(all(test, feature = "redis"))]
mod tests {
    use super::*;

    const WHOLE: Duration = Duration::from_millis(150);
    const SOME: Duration = Duration::from_millis(100);

    #[tokio::test]
    async fn time_spent_by_one_request_is_not_taken_from_another() {
        with_own_budget(async {
            spend(SOME);
            assert_eq!(left_of(WHOLE), Duration::from_millis(50));
            with_own_budget(async { assert_eq!(left_of(WHOLE), WHOLE) }).await;
            spend(SOME);
            assert_eq!(left_of(WHOLE), Duration::ZERO);
        })
        .await;
        with_own_budget(async { assert_eq!(left_of(WHOLE), WHOLE) }).await;
        spend(SOME);
        assert_eq!(left_of(WHOLE), WHOLE, "outside requests");
    }
}
