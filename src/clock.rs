//! Time as a value: the only file that asks a clock.
//!
//! There are two. The wall clock gives dates, which other hosts and people understand, and may be set
//! forward or back at any time. The monotonic clock measures spans inside the process, and nothing
//! that is set moves it.

use std::{
    fmt,
    sync::OnceLock,
    time::{Duration, Instant, SystemTime},
};

#[cfg(any(test, feature = "testing"))]
use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicU64, Ordering},
};

use crate::semantics::date::{Monotonic, Timestamp};

/// Where a cache reads the time: the system's clock, or one that a test moves by hand.
#[derive(Clone, Default)]
pub struct Clock(Source);

#[derive(Clone, Default)]
enum Source {
    #[default]
    System,
    #[cfg(any(test, feature = "testing"))]
    Manual(Arc<Manual>),
}

/// Both clocks of a test, in milliseconds.
#[cfg(any(test, feature = "testing"))]
struct Manual {
    wall: AtomicI64,
    monotonic: AtomicU64,
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
        let (wall, monotonic) = (AtomicI64::new(1_700_000_000_000), AtomicU64::new(0));
        Self(Source::Manual(Arc::new(Manual { wall, monotonic })))
    }

    /// Lets time pass: both the date and every span of a [`manual`](Self::manual) clock grow. The
    /// system's clock does not move.
    #[cfg(any(test, feature = "testing"))]
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(manual) = &self.0 {
            let millis = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
            manual.wall.fetch_add(millis, Ordering::SeqCst);
            manual.monotonic.fetch_add(millis.unsigned_abs(), Ordering::SeqCst);
        }
    }

    /// Sets the date of a [`manual`](Self::manual) clock, also backwards, as an administrator or a
    /// time server does: no time passes, so no span grows or shrinks.
    #[cfg(any(test, feature = "testing"))]
    pub fn set(&self, to: Timestamp) {
        if let Source::Manual(manual) = &self.0 {
            manual.wall.store(to.as_millis(), Ordering::SeqCst);
        }
    }

    /// The date now, by the wall clock.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System => SystemTime::now().into(),
            #[cfg(any(test, feature = "testing"))]
            Source::Manual(manual) => Timestamp::from_millis(manual.wall.load(Ordering::SeqCst)),
        }
    }

    /// The time now on the monotonic clock, for spans.
    pub(crate) fn monotonic(&self) -> Monotonic {
        match &self.0 {
            Source::System => Monotonic::from_duration(since_start()),
            #[cfg(any(test, feature = "testing"))]
            Source::Manual(manual) => {
                Monotonic::from_millis(manual.monotonic.load(Ordering::SeqCst))
            }
        }
    }
}

/// How long ago the process first asked.
fn since_start() -> Duration {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clock").field(&self.now()).finish()
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
