//! How long one request may wait for its store, all in all. A request asks it several times: for the
//! response, for the lead, for the time. If each had its full bound, a store that hangs would cost a
//! request the sum of them.

use std::{cell::Cell, time::Duration};

tokio::task_local! {
    /// How long this task's request has waited so far.
    static SPENT: Cell<Duration>;
}

/// Runs what a request does. What its store takes from now on counts together.
pub(crate) async fn of_request<F: Future>(request: F) -> F::Output {
    SPENT.scope(Cell::new(Duration::ZERO), request).await
}

/// Runs what is not to be cut short, though a request asked for it.
pub(crate) fn of_its_own<F: Future>(
    work: F,
) -> tokio::task::futures::TaskLocalFuture<Cell<Duration>, F> {
    SPENT.scope(Cell::new(Duration::ZERO), work)
}

/// What is left to the request that runs, of a whole budget of so much; all of it outside requests.
pub(crate) fn left_of(whole: Duration) -> Duration {
    let spent = SPENT.try_with(Cell::get).unwrap_or_default();
    whole.saturating_sub(spent)
}

/// The request that runs has waited for so long.
pub(crate) fn spend(span: Duration) {
    // outside requests nobody counts
    let _ = SPENT.try_with(|spent| spent.set(spent.get().saturating_add(span)));
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: Duration = Duration::from_millis(150);
    const SOME: Duration = Duration::from_millis(100);

    #[tokio::test]
    async fn what_a_request_spends_is_gone_for_it_alone() {
        of_request(async {
            spend(SOME);
            assert_eq!(left_of(WHOLE), Duration::from_millis(50));
            of_its_own(async { assert_eq!(left_of(WHOLE), WHOLE) }).await;
            spend(SOME);
            assert_eq!(left_of(WHOLE), Duration::ZERO);
        })
        .await;
        of_request(async { assert_eq!(left_of(WHOLE), WHOLE) }).await;
        spend(SOME);
        assert_eq!(left_of(WHOLE), WHOLE, "outside requests");
    }
}
