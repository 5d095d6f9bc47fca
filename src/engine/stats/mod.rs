//! What the cache counts: the counters as requests add to them, and a reading of them for users.

mod counters;
mod examples;
mod hooks;
mod last_error;
mod outcome;
mod purges;
mod reading;
mod refreshes;
mod requests;
mod rule_stats;
mod rules;
pub(crate) mod shown;
mod timeline;
mod top;
mod worker;

pub(crate) use counters::{Counters, Overrun, Running};
pub(crate) use examples::Examples;
pub use examples::RequestExample;
pub use hooks::PurgeHookStats;
pub use last_error::LastError;
pub(crate) use outcome::words;
pub use purges::PurgeCount;
pub use reading::Stats;
pub(crate) use refreshes::RefreshResult;
pub use rule_stats::{RequestCount, RuleStats};
pub(crate) use timeline::Timeline;
pub use timeline::TimelineStep;
pub use top::{CostlyKey, TopKey, TopKeys};
pub(crate) use worker::WorkerCounters;

pub use crate::counting::histogram::Histogram;
