//! Time as a value: the only file that asks a clock.

use std::{
    fmt,
    time::{Duration, Instant, SystemTime},
};

#[cfg(any(test, feature = "testing"))]
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use crate::semantics::date::Timestamp;

/// Where a cache reads the time: the system's clock, or one that a test moves by hand.
#[derive(Clone, Default)]
pub struct Clock(Source);

#[derive(Clone, Default)]
enum Source {
    #[default]
    System,
    #[cfg(any(test, feature = "testing"))]
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// The system's clock.
    pub const fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands still until [`advance`](Self::advance) moves it. Clones move together.
    ///
    /// It starts on Tuesday, 14 November 2023, 22:13:20 GMT.
    #[cfg(any(test, feature = "testing"))]
    pub fn manual() -> Self {
        Self(Source::Manual(Arc::new(AtomicI64::new(1_700_000_000_000))))
    }

    /// Moves a [`manual`](Self::manual) clock forward; the system's clock does not move.
    #[cfg(any(test, feature = "testing"))]
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(millis) = &self.0 {
            millis.fetch_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), Ordering::SeqCst);
        }
    }

    /// Sets a [`manual`](Self::manual) clock, also backwards.
    #[cfg(any(test, feature = "testing"))]
    pub fn set(&self, to: Timestamp) {
        if let Source::Manual(millis) = &self.0 {
            millis.store(to.as_millis(), Ordering::SeqCst);
        }
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System => SystemTime::now().into(),
            #[cfg(any(test, feature = "testing"))]
            Source::Manual(millis) => Timestamp::from_millis(millis.load(Ordering::SeqCst)),
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clock").field(&self.now()).finish()
    }
}

/// A point in time as timers measure it: it never jumps, and it stands still while a test pauses
/// them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment(tokio::time::Instant);

impl Moment {
    pub(crate) fn now() -> Self {
        Self(tokio::time::Instant::now())
    }

    /// How long ago it was.
    pub(crate) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }

    /// How much later than `earlier` it is; zero if it is not.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        self.0.saturating_duration_since(earlier.0)
    }
}

/// Measures how long something took, in real time whatever the [`Clock`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}
