//! How times and counts are serialized.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Serialize, Serializer};

use crate::semantics::date::Timestamp;

/// The same time as the standard library has it.
pub(crate) fn system_time(time: Timestamp) -> SystemTime {
    let millis = Duration::from_millis(time.as_millis().unsigned_abs());
    let time = if time.as_millis() < 0 {
        UNIX_EPOCH.checked_sub(millis)
    } else {
        UNIX_EPOCH.checked_add(millis)
    };
    time.unwrap_or(UNIX_EPOCH)
}

pub(super) fn unix_seconds<S: Serializer>(
    time: &SystemTime,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    serializer.serialize_f64(since.as_secs_f64())
}

pub(super) fn seconds<S: Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(span.as_secs_f64())
}

/// Counts by words, as a map.
pub(super) fn by_word<S: Serializer>(
    counts: &[(impl Serialize, u64)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(counts.iter().map(|(word, count)| (word, count)))
}
