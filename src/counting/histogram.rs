//! Distributions of times: eight buckets for each doubling, and the sum.

use std::{fmt, time::Duration};

use serde::{Serialize, Serializer, ser::SerializeStruct as _};

use super::counter::OwnCounter;
#[cfg(feature = "redis")]
use super::counter::SharedCounter;

/// Times below 2^7 ns are in the first bucket.
const FIRST_EXPONENT: u32 = 7;
/// Times from 2^50 ns, some 13 days, are in the last bucket.
const LAST_EXPONENT: u32 = 50;
/// A doubling is divided into two to the power of this many buckets.
const STEP_BITS: u32 = 3;
const BUCKETS: usize = (((LAST_EXPONENT - FIRST_EXPONENT) << STEP_BITS) + 2) as usize;

/// A histogram that one thread adds to.
pub(crate) type OwnHistogram = Counting<OwnCounter>;
/// A histogram that any thread adds to.
#[cfg(feature = "redis")]
pub(crate) type SharedHistogram = Counting<SharedCounter>;

/// What a histogram counts with.
pub(crate) trait Count: Default {
    fn add(&self, count: u64);
    fn get(&self) -> u64;
}

impl Count for OwnCounter {
    fn add(&self, count: u64) {
        Self::add(self, count);
    }

    fn get(&self) -> u64 {
        Self::get(self)
    }
}

#[cfg(feature = "redis")]
impl Count for SharedCounter {
    fn add(&self, count: u64) {
        Self::add(self, count);
    }

    fn get(&self) -> u64 {
        Self::get(self)
    }
}

/// A histogram while it is being counted.
pub(crate) struct Counting<C> {
    buckets: [C; BUCKETS],
    sum_nanos: C,
}

impl<C: Count> Default for Counting<C> {
    fn default() -> Self {
        Self { buckets: std::array::from_fn(|_| C::default()), sum_nanos: C::default() }
    }
}

impl<C> fmt::Debug for Counting<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counting").finish_non_exhaustive()
    }
}

impl<C: Count> Counting<C> {
    pub(crate) fn add(&self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        if let Some(bucket) = self.buckets.get(bucket_of(nanos)) {
            bucket.add(1);
        }
        self.sum_nanos.add(nanos);
    }

    pub(crate) fn read(&self) -> Histogram {
        let mut histogram = Histogram { sum_nanos: self.sum_nanos.get(), ..Histogram::default() };
        for (sum, bucket) in histogram.buckets.iter_mut().zip(&self.buckets) {
            *sum = bucket.get();
        }
        histogram
    }
}

/// A distribution of times, with their sum. Each doubling is divided into eight buckets.
///
/// It serializes to this shape, which is stable but for fields that are added:
///
/// ```json
/// { "count": 3, "sum_seconds": 0.4, "p50_seconds": 0.11, "p99_seconds": 0.21,
///   "buckets": [{ "below_seconds": 0.11, "count": 2 }, { "below_seconds": 0.21, "count": 1 }] }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Histogram {
    buckets: Box<[u64]>,
    sum_nanos: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: vec![0; BUCKETS].into(), sum_nanos: 0 }
    }
}

impl Histogram {
    /// How many times were measured.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// All measured times together. It is exact, whatever the buckets are.
    pub const fn sum(&self) -> Duration {
        Duration::from_nanos(self.sum_nanos)
    }

    /// The mean of the measured times; zero where nothing was measured.
    pub fn mean(&self) -> Duration {
        Duration::from_nanos(self.sum_nanos.checked_div(self.count()).unwrap_or(0))
    }

    /// Each bucket that is not empty: the time below which its measurements lie, and their number.
    pub fn buckets(&self) -> impl Iterator<Item = (Duration, u64)> {
        let filled = self.buckets.iter().enumerate().filter(|(_, count)| **count > 0);
        filled.map(|(bucket, count)| (Duration::from_nanos(end_of(bucket)), *count))
    }

    /// For each doubling from about a microsecond to about a minute: that time, and how many measurements
    /// were below it.
    pub(crate) fn doublings(&self) -> impl Iterator<Item = (Duration, u64)> {
        const SHORTEST: u32 = 10;
        const LONGEST: u32 = 36;
        (SHORTEST..=LONGEST).map(|exponent| {
            let below = self.buckets.iter().take(bucket_of(1 << exponent));
            (Duration::from_nanos(1 << exponent), below.sum())
        })
    }

    /// Each bucket that is not empty: a time in its middle, and how many measurements are in it.
    #[cfg(feature = "metrics")]
    pub(crate) fn middles(&self) -> impl Iterator<Item = (Duration, u64)> {
        let filled = self.buckets.iter().enumerate().filter(|(_, count)| **count > 0);
        filled.map(|(bucket, count)| {
            let begin = bucket.checked_sub(1).map_or(0, end_of);
            (Duration::from_nanos(begin.midpoint(end_of(bucket))), *count)
        })
    }

    /// A time below which at least the part `q` (from 0 to 1) of the measurements lies: too long by at
    /// most an eighth. Zero where nothing was measured.
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

    /// Takes in the measurements of another one.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (sum, count) in self.buckets.iter_mut().zip(&other.buckets) {
            *sum = sum.saturating_add(*count);
        }
        self.sum_nanos = self.sum_nanos.saturating_add(other.sum_nanos);
    }

    /// What was measured since `earlier`, which is an earlier reading of the same.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        let pairs = self.buckets.iter().zip(&earlier.buckets);
        Self {
            buckets: pairs.map(|(now, then)| now.saturating_sub(*then)).collect(),
            sum_nanos: self.sum_nanos.saturating_sub(earlier.sum_nanos),
        }
    }
}

fn bucket_of(nanos: u64) -> usize {
    let exponent = nanos.checked_ilog2().unwrap_or(0);
    if exponent < FIRST_EXPONENT {
        return 0;
    }
    if exponent >= LAST_EXPONENT {
        return BUCKETS - 1;
    }
    let step = (nanos >> (exponent - STEP_BITS)) & ((1 << STEP_BITS) - 1);
    let octave = u64::from(exponent - FIRST_EXPONENT) << STEP_BITS;
    usize::try_from(octave + step + 1).unwrap_or(BUCKETS - 1)
}

/// The time below which the measurements of a bucket lie. The last one has no such time: it says the
/// double of where it begins.
const fn end_of(bucket: usize) -> u64 {
    if bucket >= BUCKETS - 1 {
        return 1 << (LAST_EXPONENT + 1);
    }
    let (octave, step) = (bucket >> STEP_BITS, bucket as u64 & ((1 << STEP_BITS) - 1));
    ((1 << STEP_BITS) + step) << (octave as u64 + (FIRST_EXPONENT - STEP_BITS) as u64)
}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.buckets()).finish()
    }
}

impl Serialize for Histogram {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let buckets: Vec<_> = self.buckets().map(Bucket::from).collect();
        let mut fields = serializer.serialize_struct("Histogram", 5)?;
        fields.serialize_field("count", &self.count())?;
        fields.serialize_field("sum_seconds", &self.sum().as_secs_f64())?;
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
mod tests;
