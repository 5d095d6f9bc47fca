//! Time as a value: the only file that asks a clock.
//!
//! There are two. The wall clock gives dates, which other hosts and people understand, and may be set
//! forward or back at any time. The monotonic clock measures spans inside the process, and nothing
//! that is set moves it.

use std::{
    fmt,
    sync::{
        OnceLock,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

#[cfg(any(test, feature = "testing"))]
use std::sync::Arc;

use crate::semantics::date::{Moment, Monotonic, Timestamp};

/// How long a step of the wall clock may go unnoticed where only one clock is read.
const SAMPLE_EVERY: Duration = Duration::from_secs(1);
/// The wall clocks of hosts that are kept in time differ by less, and a smaller correction of one's own
/// is no step.
pub(crate) const CLOCK_SKEW: Duration = Duration::from_secs(1);

/// Where a cache reads the time: the system's clocks, or ones that a test moves by hand.
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
    monotonic: AtomicI64,
    steps: Steps,
}

impl Clock {
    /// The system's clocks.
    pub const fn system() -> Self {
        Self(Source::System)
    }

    /// Clocks that stand still until [`advance`](Self::advance) or [`set`](Self::set) moves them. Clones
    /// move together.
    ///
    /// The date is at first Tuesday, 14 November 2023, 22:13:20 GMT.
    #[cfg(any(test, feature = "testing"))]
    pub fn manual() -> Self {
        let (wall, monotonic) = (AtomicI64::new(1_700_000_000_000), AtomicI64::new(0));
        Self(Source::Manual(Arc::new(Manual { wall, monotonic, steps: Steps::new() })))
    }

    /// Lets time pass on a [`manual`](Self::manual) clock: the date moves, and every span grows. The
    /// system's clocks do not move.
    #[cfg(any(test, feature = "testing"))]
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(manual) = &self.0 {
            let millis = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
            for clock in [&manual.wall, &manual.monotonic] {
                clock.store(clock.load(Ordering::SeqCst).saturating_add(millis), Ordering::SeqCst);
            }
        }
    }

    /// Sets the date of a [`manual`](Self::manual) clock, also backwards, as an administrator or a
    /// time server does: no time passes, so no span grows or shrinks.
    #[cfg(any(test, feature = "testing"))]
    pub fn set(&self, to: Timestamp) {
        if let Source::Manual(manual) = &self.0 {
            self.moment();
            manual.wall.store(to.as_millis(), Ordering::SeqCst);
            self.moment();
        }
    }

    /// The date now, by the wall clock.
    pub fn now(&self) -> Timestamp {
        self.moment().date
    }

    /// The time now on the monotonic clock, for spans.
    pub(crate) fn monotonic(&self) -> Monotonic {
        match &self.0 {
            Source::System => since_start(),
            #[cfg(any(test, feature = "testing"))]
            Source::Manual(manual) => {
                Monotonic::from_millis(manual.monotonic.load(Ordering::SeqCst))
            }
        }
    }

    /// Now on both clocks.
    pub(crate) fn moment(&self) -> Moment {
        let monotonic = self.monotonic();
        let date = match &self.0 {
            Source::System => SystemTime::now().into(),
            #[cfg(any(test, feature = "testing"))]
            Source::Manual(manual) => Timestamp::from_millis(manual.wall.load(Ordering::SeqCst)),
        };
        let moment = Moment { date, monotonic };
        self.steps().observe(moment);
        moment
    }

    /// Now on both clocks, of which the system's wall clock is read once a second: for fresh hits and the
    /// ends of entries, of whose cost a clock is a good part. The date may be behind a step by that
    /// second.
    pub(crate) fn quick_moment(&self) -> Moment {
        match &self.0 {
            Source::System => {
                let monotonic = since_start();
                SYSTEM.assume(monotonic).unwrap_or_else(|| self.moment())
            }
            #[cfg(any(test, feature = "testing"))]
            Source::Manual(_) => self.moment(),
        }
    }

    /// Whether `date` may be one of before the wall clock was set back: then the time since cannot be
    /// told from it. So it is with a date that lies ahead, which is also what another host writes whose
    /// clock is fast.
    #[cfg(any(test, feature = "redis"))]
    pub(crate) fn is_unsure_of(&self, date: Timestamp, now: Timestamp) -> bool {
        date.since(now) > CLOCK_SKEW || self.steps().may_precede_one(date)
    }

    fn steps(&self) -> &Steps {
        match &self.0 {
            Source::System => &SYSTEM,
            #[cfg(any(test, feature = "testing"))]
            Source::Manual(manual) => &manual.steps,
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clock").field(&self.now()).finish()
    }
}

/// How long ago the process first asked.
fn since_start() -> Monotonic {
    static START: OnceLock<Instant> = OnceLock::new();
    Monotonic::default() + START.get_or_init(Instant::now).elapsed()
}

static SYSTEM: Steps = Steps::new();

/// How far the wall clock is ahead of the monotonic one. Setting it is what changes that, and going on
/// after the host has slept.
struct Steps {
    /// In milliseconds.
    offset: AtomicI64,
    /// Until when on the monotonic clock the offset is taken for right.
    assumed_until: AtomicI64,
    /// The latest date from which the wall clock was set back.
    set_back_at: AtomicI64,
}

impl Steps {
    const fn new() -> Self {
        Self {
            offset: AtomicI64::new(i64::MIN),
            assumed_until: AtomicI64::new(i64::MIN),
            set_back_at: AtomicI64::new(i64::MIN),
        }
    }

    /// Both clocks have been read.
    fn observe(&self, Moment { date, monotonic }: Moment) {
        let now = monotonic.as_millis();
        let offset = date.as_millis().saturating_sub(now);
        let before = self.offset.swap(offset, Ordering::Relaxed);
        // two threads may get here in the other order than they have read: that is no step
        if Duration::from_millis(before.saturating_sub(offset).max(0).unsigned_abs()) > CLOCK_SKEW {
            self.set_back_at.fetch_max(before.saturating_add(now), Ordering::Relaxed);
        }
        let until = (monotonic + SAMPLE_EVERY).as_millis();
        self.assumed_until.store(until, Ordering::Release);
    }

    /// The moment, by the offset that was last seen; `None` where that was too long ago.
    fn assume(&self, monotonic: Monotonic) -> Option<Moment> {
        let now = monotonic.as_millis();
        // what was stored before `assumed_until` is seen as well
        if now >= self.assumed_until.load(Ordering::Acquire) {
            return None;
        }
        let date = self.offset.load(Ordering::Relaxed).saturating_add(now);
        Some(Moment { date: Timestamp::from_millis(date), monotonic })
    }

    #[cfg(any(test, feature = "redis"))]
    fn may_precede_one(&self, date: Timestamp) -> bool {
        date.as_millis() <= self.set_back_at.load(Ordering::Relaxed)
    }
}

/// A point in time as timers measure it: it never jumps, and it stands still while a test pauses
/// them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimerPoint(tokio::time::Instant);

impl TimerPoint {
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

#[cfg(test)]
mod tests;
