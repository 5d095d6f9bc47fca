//! The metrics of a cache: one table of names, from which the Prometheus text, what the `metrics` facade
//! is given and the page on observing are made.

#[cfg(feature = "metrics")]
mod facade;
mod prometheus;
mod store_table;
mod table;

#[cfg(feature = "metrics")]
pub(super) use facade::Publisher;
pub(super) use prometheus::text;

use crate::counting::histogram::Histogram;

/// One metric, with its labels' values for each reading.
pub(super) struct Metric {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) help: &'static str,
    /// Reads the samples out of statistics.
    pub(super) read: table::Read,
}

/// What a metric measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// The value of one sample.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'a> {
    Count(u64),
    Number(f64),
    Times(&'a Histogram),
}

/// The names and values of the labels of one sample.
pub(super) type Labels<'a> = &'a [(&'static str, &'a str)];

/// Every metric.
fn all() -> impl Iterator<Item = &'static Metric> {
    table::OF_REQUESTS.iter().chain(store_table::OF_STORES)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{
        Kind::{Counter, Histogram as Times},
        *,
    };

    #[test]
    fn names_follow_the_conventions_of_prometheus() {
        let mut names = BTreeSet::new();
        for Metric { name, kind, help, .. } in all() {
            assert!(names.insert(name), "{name} is there twice");
            assert!(name.starts_with("http_cache_") && help.ends_with('.'), "{name}");
            assert_eq!(name.ends_with("_total"), *kind == Counter, "{name}");
            assert_eq!(name.ends_with("_duration_seconds"), *kind == Times, "{name}");
        }
    }
}
