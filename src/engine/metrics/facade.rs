//! Metrics for the recorder of the application, by the `metrics` facade. Once a second it is given what has
//! changed: a request costs nothing more.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use super::{
    list::all,
    metric::{Kind, Metric, Value},
};
use crate::{counting::histogram::Histogram, engine::stats::Stats};

/// What the recorder has been given so far.
#[derive(Debug, Default)]
pub(crate) struct Publisher(Mutex<Published>);

#[derive(Debug, Default)]
struct Published {
    is_described: bool,
    counts: HashMap<metrics::Key, u64>,
    times: HashMap<metrics::Key, Histogram>,
}

impl Publisher {
    /// Gives the recorder what has changed since the last time.
    pub(crate) fn publish(&self, stats: &Stats) {
        let mut published = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !std::mem::replace(&mut published.is_described, true) {
            all().for_each(describe);
        }
        for metric in all() {
            (metric.read)(stats, &mut |labels, value| {
                let labels = labels
                    .iter()
                    .map(|(name, value)| metrics::Label::new(*name, (*value).to_owned()));
                let key = metrics::Key::from_parts(metric.name, labels.collect::<Vec<_>>());
                published.give(metric.kind, key, value);
            });
        }
    }
}

impl Published {
    fn give(&mut self, kind: Kind, key: metrics::Key, value: Value<'_>) {
        match (kind, value) {
            (_, Value::Times(times)) => self.give_times(&key, times),
            (Kind::Gauge, Value::Count(count)) => gauge(&key, as_number(count)),
            (Kind::Gauge, Value::Number(number)) => gauge(&key, number),
            (_, Value::Count(count)) => self.give_count(key, count),
            // counters of the facade are whole numbers
            (_, Value::Number(number)) => self.give_count(key, whole(number)),
        }
    }

    fn give_count(&mut self, key: metrics::Key, count: u64) {
        let more = count.saturating_sub(self.counts.get(&key).copied().unwrap_or(0));
        if more > 0 {
            metrics::with_recorder(|recorder| recorder.register_counter(&key, &METADATA))
                .increment(more);
            self.counts.insert(key, count);
        }
    }

    fn give_times(&mut self, key: &metrics::Key, times: &Histogram) {
        let given = self.times.entry(key.clone()).or_default();
        let new = times.since(given);
        if new.count() > 0 {
            let recorded =
                metrics::with_recorder(|recorder| recorder.register_histogram(key, &METADATA));
            for (time, count) in new.middles() {
                recorded
                    .record_many(time.as_secs_f64(), usize::try_from(count).unwrap_or(usize::MAX));
            }
            *given = times.clone();
        }
    }
}

static METADATA: metrics::Metadata<'static> =
    metrics::Metadata::new(module_path!(), metrics::Level::INFO, Some(module_path!()));

fn gauge(key: &metrics::Key, value: f64) {
    metrics::with_recorder(|recorder| recorder.register_gauge(key, &METADATA)).set(value);
}

fn describe(metric: &Metric) {
    use metrics::{KeyName, SharedString, Unit};
    let unit = match metric.name {
        name if name.contains("_seconds") => Some(Unit::Seconds),
        name if name.contains("_bytes") => Some(Unit::Bytes),
        _ => Some(Unit::Count),
    };
    let (name, help) = (KeyName::from(metric.name), SharedString::from(metric.help));
    metrics::with_recorder(|recorder| match metric.kind {
        Kind::Counter => recorder.describe_counter(name, unit, help),
        Kind::Gauge => recorder.describe_gauge(name, unit, help),
        Kind::Histogram => recorder.describe_histogram(name, unit, help),
    });
}

#[expect(clippy::cast_precision_loss, reason = "gauges are such numbers")]
const fn as_number(count: u64) -> f64 {
    count as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates")]
const fn whole(number: f64) -> u64 {
    number as u64
}
