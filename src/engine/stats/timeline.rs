//! The last hour, in steps of ten seconds.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use serde::Serialize;

use super::reading::Stats;
use crate::{
    counting::serialized::{seconds, unix_seconds},
    semantics::date::{Moment, Monotonic},
};

/// How long a step is.
const STEP: Duration = Duration::from_secs(10);
/// How many steps are kept: an hour of them.
const MAX_STEPS: usize = 360;

/// What happened in one step of time; counts are of this step alone.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TimelineStep {
    /// When the step ended; serialized as seconds since the Unix epoch.
    #[serde(serialize_with = "unix_seconds")]
    pub until: SystemTime,
    /// How long it was: ten seconds, or less for the one that has not ended.
    #[serde(serialize_with = "seconds")]
    pub span: Duration,
    /// See [`Stats::hits`].
    pub hits: u64,
    /// See [`Stats::stale`].
    pub stale: u64,
    /// See [`Stats::misses`].
    pub misses: u64,
    /// See [`Stats::collapsed`].
    pub collapsed: u64,
    /// See [`Stats::bypassed`].
    pub bypassed: u64,
    /// See [`Stats::errors`].
    pub errors: u64,
    /// See [`Stats::bytes_from_store`].
    pub bytes_from_store: u64,
    /// See [`Stats::bytes_from_handlers`].
    pub bytes_from_handlers: u64,
    /// See [`Stats::handler_time_saved`].
    #[serde(serialize_with = "seconds")]
    pub handler_time_saved: Duration,
    /// The time below which 99 of 100 [hits](Stats::hit_times) lay.
    #[serde(serialize_with = "seconds")]
    pub hit_p99: Duration,
    /// The time below which 99 of 100 [handler calls](Stats::handler_times) lay.
    #[serde(serialize_with = "seconds")]
    pub handler_p99: Duration,
    /// Bytes in the store at its end; `None` where the store would have to ask a server.
    pub bytes: Option<u64>,
}

/// The steps of the last hour.
#[derive(Debug, Default)]
pub(crate) struct Timeline(Mutex<Steps>);

#[derive(Debug, Default)]
struct Steps {
    steps: VecDeque<TimelineStep>,
    /// What was read when the last step ended, and when that was.
    last: Option<(Monotonic, Stats)>,
}

impl Timeline {
    /// Begins the first step, or ends a step that has been long enough.
    pub(crate) fn tick(&self, now: Moment, read: impl FnOnce() -> Stats) {
        let mut steps = self.lock();
        match &steps.last {
            Some((then, _)) if now.monotonic.since(*then) < STEP => {}
            Some((then, last)) => {
                let stats = read();
                let step = TimelineStep::between(last, &stats, now, now.monotonic.since(*then));
                if steps.steps.len() >= MAX_STEPS {
                    steps.steps.pop_front();
                }
                steps.steps.push_back(step);
                steps.last = Some((now.monotonic, stats));
            }
            None => steps.last = Some((now.monotonic, read())),
        }
    }

    /// The steps that have ended, the oldest first, and the one that has not.
    pub(crate) fn read(&self, now: Moment, stats: &Stats) -> Vec<TimelineStep> {
        let steps = self.lock();
        let running = steps.last.as_ref().map(|(then, last)| {
            TimelineStep::between(last, stats, now, now.monotonic.since(*then))
        });
        steps.steps.iter().cloned().chain(running).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Steps> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TimelineStep {
    fn between(last: &Stats, stats: &Stats, now: Moment, span: Duration) -> Self {
        let since = |count: fn(&Stats) -> u64| count(stats).saturating_sub(count(last));
        let saved = stats.handler_time_saved.saturating_sub(last.handler_time_saved);
        Self {
            until: now.date.into(),
            span,
            hits: since(|stats| stats.hits),
            stale: since(|stats| stats.stale),
            misses: since(|stats| stats.misses),
            collapsed: since(|stats| stats.collapsed),
            bypassed: since(Stats::bypassed),
            errors: since(|stats| stats.errors),
            bytes_from_store: since(|stats| stats.bytes_from_store),
            bytes_from_handlers: since(|stats| stats.bytes_from_handlers),
            handler_time_saved: saved,
            hit_p99: stats.hit_times.since(&last.hit_times).quantile(0.99),
            handler_p99: stats.handler_times.since(&last.handler_times).quantile(0.99),
            bytes: stats.bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::Clock,
        engine::stats::{Counters, Running},
        semantics::verdict::Verdict,
    };

    #[test]
    fn steps_of_ten_seconds_are_kept_for_an_hour() {
        let clock = Clock::manual();
        let counters = Counters::new(clock.now());
        let worker = counters.worker_counters(Vec::new());
        let timeline = Timeline::default();
        let read = || counters.read(None, Running::default());
        let hit = || worker.count(None, &Verdict::Hit { left: Duration::ZERO });
        timeline.tick(clock.moment(), read);
        for second in 0..4000 {
            hit();
            clock.advance(Duration::from_secs(1));
            timeline.tick(clock.moment(), read);
            assert!(timeline.lock().steps.len() <= second / 10 + 1);
        }
        hit();
        let steps = timeline.read(clock.moment(), &read());
        assert_eq!(steps.len(), MAX_STEPS + 1);
        let (running, ended) = steps.split_last().unwrap();
        assert!(ended.iter().all(|step| (step.hits, step.span) == (10, STEP)));
        assert_eq!((running.hits, running.span), (1, Duration::ZERO));
    }
}
