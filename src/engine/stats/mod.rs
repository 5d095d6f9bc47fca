//! What the cache counts: the counters as requests add to them, and a reading of them for users.

mod counters;
mod outcome;
mod purges;
mod reading;
mod refreshes;
mod requests;
mod rules;
mod timeline;
mod worker;

pub(crate) use counters::{Counters, Overrun, Running};
pub use purges::PurgeCount;
pub(crate) use reading::system_time;
pub use reading::{LastError, RequestCount, RuleStats, Stats};
pub(crate) use refreshes::RefreshResult;
pub(crate) use timeline::Timeline;
pub use timeline::TimelineStep;
pub(crate) use worker::WorkerCounters;

pub use crate::counting::histogram::Histogram;
