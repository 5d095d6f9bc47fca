//! What a metric is: its name, its kind, and where its samples come from.

use crate::{counting::histogram::Histogram, engine::stats::Stats};

/// One metric, with its labels' values for each reading.
pub(super) struct Metric {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) help: &'static str,
    /// Reads the samples out of statistics.
    pub(super) read: Read,
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

/// Gives a sink each sample of a metric.
pub(super) type Read = fn(&Stats, &mut Sink<'_>);
/// Takes samples.
pub(super) type Sink<'s> = dyn FnMut(Labels<'_>, Value<'_>) + 's;

pub(super) const fn metric(
    name: &'static str,
    kind: Kind,
    help: &'static str,
    read: Read,
) -> Metric {
    Metric { name, kind, help, read }
}
