//! How times and counts are serialized: times in seconds with a fraction, dates in seconds since the Unix
//! epoch, counts as a map.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Serialize, Serializer};

pub(crate) fn seconds<S: Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(span.as_secs_f64())
}

#[expect(clippy::ref_option, reason = "serde passes fields by reference")]
pub(crate) fn optional_seconds<S: Serializer>(
    span: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    span.map(|span| span.as_secs_f64()).serialize(serializer)
}

pub(crate) fn unix_seconds<S: Serializer>(
    date: &(impl Copy + Into<SystemTime>),
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(unix_time((*date).into()).as_secs_f64())
}

/// How long after the Unix epoch a date is.
pub(crate) fn unix_time(date: SystemTime) -> Duration {
    date.duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Counts by words, as a map.
pub(crate) fn by_word<S: Serializer>(
    counts: &[(impl Serialize, u64)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(counts.iter().map(|(word, count)| (word, count)))
}
