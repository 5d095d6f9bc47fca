//! The metrics of a cache: one table of names, from which the Prometheus text, what the `metrics` facade
//! is given and the page on observing are made.

#[cfg(feature = "metrics")]
mod facade;
mod hook_table;
mod list;
mod metric;
mod prometheus;
mod store_table;
mod table;

#[cfg(feature = "metrics")]
pub(super) use facade::Publisher;
pub(super) use prometheus::text;
