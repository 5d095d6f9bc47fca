//! A distribution of times, in buckets that double.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use serde::{Serialize, Serializer, ser::SerializeStruct as _};

/// The last bucket counts everything from 2^39 ns, some nine minutes, up.
pub(super) const BUCKETS: usize = 41;

/// The buckets while they are being counted.
#[derive(Debug)]
pub(super) struct AtomicHistogram(pub(super) [AtomicU64; BUCKETS]);

impl Default for AtomicHistogram {
    fn default() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::new(0)))
    }
}

impl AtomicHistogram {
    pub(super) fn add(&self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let bucket = (u64::BITS - nanos.leading_zeros()) as usize;
        if let Some(count) = self.0.get(bucket.min(BUCKETS - 1)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// A distribution of times, in buckets that double.
///
/// It serializes to this shape, which is stable but for fields that are added:
///
/// ```json
/// { "count": 3, "p50_seconds": 0.1, "p99_seconds": 0.2,
///   "buckets": [{ "below_seconds": 0.1, "count": 2 }, { "below_seconds": 0.2, "count": 1 }] }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Histogram(pub(super) [u64; BUCKETS]);

impl Histogram {
    /// How many times were measured.
    pub fn count(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Each bucket that is not empty: the time below which its measurements lie, and their number.
    pub fn buckets(&self) -> impl Iterator<Item = (Duration, u64)> {
        let below = |bucket: usize| Duration::from_nanos(1 << bucket);
        self.0.iter().enumerate().filter(|(_, n)| **n > 0).map(move |(i, n)| (below(i), *n))
    }

    /// A time below which at least the part `q` (from 0 to 1) of the measurements lies, exact to a
    /// factor of two. Zero where nothing was measured.
    pub fn quantile(&self, q: f64) -> Duration {
        #[allow(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss
        )]
        let wanted = (self.count() as f64 * q.clamp(0.0, 1.0)).ceil() as u64;
        let mut seen = 0;
        let found = self.buckets().find(|(_, count)| {
            seen += count;
            seen >= wanted
        });
        found.map_or(Duration::ZERO, |(below, _)| below)
    }
}

impl Serialize for Histogram {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let buckets: Vec<_> = self.buckets().map(Bucket::from).collect();
        let mut fields = serializer.serialize_struct("Histogram", 4)?;
        fields.serialize_field("count", &self.count())?;
        fields.serialize_field("p50_seconds", &self.quantile(0.5).as_secs_f64())?;
        fields.serialize_field("p99_seconds", &self.quantile(0.99).as_secs_f64())?;
        fields.serialize_field("buckets", &buckets)?;
        fields.end()
    }
}

#[derive(Serialize)]
struct Bucket {
    below_seconds: f64,
    count: u64,
}

impl From<(Duration, u64)> for Bucket {
    fn from((below, count): (Duration, u64)) -> Self {
        Self { below_seconds: below.as_secs_f64(), count }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(times: impl IntoIterator<Item = Duration>) -> Histogram {
        let counted = AtomicHistogram::default();
        times.into_iter().for_each(|time| counted.add(time));
        Histogram(counted.0.map(AtomicU64::into_inner))
    }

    #[test]
    fn quantiles_are_right_to_a_factor_of_two() {
        let (short, long) = (Duration::from_micros(100), Duration::from_secs(1));
        let times = histogram(std::iter::repeat_n(short, 99).chain([long]));
        assert_eq!(times.count(), 100);
        let within = |q, time: Duration| (time..=time * 2).contains(&times.quantile(q));
        assert!(within(0.5, short));
        assert!(within(1.0, long));
    }

    #[test]
    fn shortest_and_longest_times_are_counted() {
        assert_eq!(histogram([Duration::MAX, Duration::ZERO]).count(), 2);
    }

    #[test]
    fn histogram_serializes_to_its_documented_shape() {
        let times = histogram([Duration::from_nanos(600), Duration::from_nanos(3)]);
        let expected = serde_json::json!({
            "count": 2,
            "p50_seconds": 4e-9,
            "p99_seconds": 1.024e-6,
            "buckets": [
                { "below_seconds": 4e-9, "count": 1 },
                { "below_seconds": 1.024e-6, "count": 1 },
            ],
        });
        assert_eq!(serde_json::to_value(times).unwrap(), expected);
    }
}
