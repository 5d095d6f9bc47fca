//! The last failure behind the cache, for users.

use std::time::SystemTime;

use serde::Serialize;

use crate::counting::serialized::unix_seconds;

/// A failure of the store, or of a purge hook.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LastError {
    /// When it was; serialized as seconds since the Unix epoch.
    #[serde(serialize_with = "unix_seconds")]
    pub at: SystemTime,
    /// What was tried: `purge`.
    pub doing: &'static str,
    /// What went wrong, with its cause.
    pub problem: String,
}
