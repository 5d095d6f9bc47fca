//! What the cache counts: the counters as requests add to them, and a reading of them for users.

mod counters;
mod histogram;
mod reading;

pub(crate) use counters::{Counters, Running};
pub use histogram::Histogram;
pub use reading::Stats;
