//! How a cache's purge hooks are doing, for users.

use serde::Serialize;

use super::last_error::LastError;

/// How one [`PurgeHook`](crate::PurgeHook) is doing.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PurgeHookStats {
    /// Its name; with a number where another one has the same.
    pub hook: String,
    /// Purges that it has yet to be told of.
    pub pending: u64,
    /// How often it was told with success. Purges that wait are told together.
    pub delivered: u64,
    /// Attempts that failed.
    pub failures: u64,
    /// The last of them; `None` where there was none.
    pub last_error: Option<LastError>,
}
