//! Leases: of several processes that miss the same response, the one that holds the lease of its key
//! calls the handler, and the others wait for the response. Without them, each process would call its
//! own.

use std::{fmt, future::Future, pin::Pin};

use crate::purge::PurgeNumber;

/// Which process calls the handler for a response that several processes miss.
#[non_exhaustive]
#[derive(Debug)]
pub enum Lease {
    /// This process, as long as it holds the lease.
    Granted(LeaseGuard),
    /// Another process: look again when the wait is over.
    HeldElsewhere(LeaseWait),
}

/// A lease, held until this is dropped.
///
/// Dropping it does not wait: a message that has to be sent is sent in the background.
#[must_use = "dropping the guard releases the lease"]
#[derive(Default)]
pub struct LeaseGuard {
    release: Option<Release>,
    purge_number: Option<PurgeNumber>,
}

type Release = Box<dyn FnOnce() + Send + Sync>;

impl LeaseGuard {
    /// A lease whose end is not announced.
    pub const fn free() -> Self {
        Self { release: None, purge_number: None }
    }

    /// A lease that calls `release` when it is dropped. That must not wait.
    pub fn new(release: impl FnOnce() + Send + Sync + 'static) -> Self {
        Self { release: Some(Box::new(release)), purge_number: None }
    }

    /// With the [purge number](crate::Store::purge_number) as it was when the lease was taken, or
    /// earlier. A store that reads both in one exchange is not asked for the number again; an earlier
    /// one than that of the handler call makes purges refuse more, and never less.
    pub fn with_purge_number(mut self, number: PurgeNumber) -> Self {
        self.purge_number = Some(number);
        self
    }

    /// The purge number, for the handler call that the lease is taken for; another one that has the
    /// lease after it asks for its own.
    pub(crate) fn take_purge_number(&mut self) -> Option<PurgeNumber> {
        self.purge_number.take()
    }

    /// Drops the guard of a lease that was not granted, without a call.
    #[cfg(feature = "redis")]
    pub(super) fn forget(mut self) {
        self.release = None;
    }
}

impl Drop for LeaseGuard {
    fn drop(&mut self) {
        if let Some(release) = self.release.take() {
            release();
        }
    }
}

impl fmt::Debug for LeaseGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeaseGuard")
            .field("is_free", &self.release.is_none())
            .field("purge_number", &self.purge_number)
            .finish()
    }
}

/// Waits for the process that holds the lease: until the response is stored, the lease is released, or
/// its time is over.
#[must_use = "a wait does nothing unless it is awaited"]
pub struct LeaseWait(Pin<Box<dyn Future<Output = ()> + Send>>);

impl LeaseWait {
    /// A wait that is over when `wait` is. It must come to an end.
    pub fn new(wait: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(Box::pin(wait))
    }
}

impl Future for LeaseWait {
    type Output = ();

    fn poll(
        mut self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Self::Output> {
        self.0.as_mut().poll(cx)
    }
}

impl fmt::Debug for LeaseWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LeaseWait")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use super::*;

    #[test]
    fn lease_is_released_once() {
        let released = Arc::new(AtomicUsize::new(0));
        let lease = LeaseGuard::new({
            let released = Arc::clone(&released);
            move || {
                released.fetch_add(1, Ordering::SeqCst);
            }
        });
        assert_eq!(released.load(Ordering::SeqCst), 0);
        drop(lease);
        assert_eq!(released.load(Ordering::SeqCst), 1);
    }
}
