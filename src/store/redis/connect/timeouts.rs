//! How long to wait for servers.

use std::{pin::pin, time::Duration};

use tokio::time::timeout;

use super::failure::Failure;

/// A handler that blocks its worker lets the time of an answer that has arrived run out: once the
/// worker runs again, the answer gets this long to be read.
pub(super) const GRACE: Duration = Duration::from_millis(2);

/// How long to wait for a connection, and for the replies of one exchange.
#[derive(Clone, Copy, Debug)]
pub(in crate::store::redis) struct Timeouts {
    pub(in crate::store::redis) connect: Duration,
    pub(in crate::store::redis) response: Duration,
}

/// The result of an operation, if it comes in time.
pub(super) async fn with_timeout<T, E: Into<Failure>>(
    span: Duration,
    operation: impl Future<Output = Result<T, E>>,
) -> Result<T, Failure> {
    let mut operation = pin!(operation);
    let result = match timeout(span, &mut operation).await {
        Ok(result) => result,
        Err(_) => timeout(GRACE, operation).await.map_err(|_| Failure::TimedOut)?,
    };
    result.map_err(Into::into)
}
