//! Purges as numbers: a purge is recorded once under the name of its target, and every entry looks
//! for itself whether one that it must reflect has come since. A purge is therefore cheap however
//! much it takes, and a fill that began before it is recognised however late it is stored. Without a
//! log, a purge would have to find and remove all that it takes, and a fill that is still under way
//! would bring it back.
//!
//! ```text
//! number     1              2                3
//! purge                     /a (hard)        /b (soft)
//! fill /a    begins ─────────────── stored: began before 2, which takes it
//! read /b                                      began before 3: stale
//! ```
//!
//! [`PurgeLog`] is the table, without a lock and without an idea of where numbers come from. The
//! memory store and the engine number purges by themselves ([`SharedPurgeLog`]); Redis numbers those
//! of all processes, and each process keeps what it knows of them in a log.

#[cfg_attr(not(feature = "redis"), allow(dead_code, reason = "numbers come from Redis too"))]
mod log;
#[cfg_attr(not(feature = "memory"), allow(dead_code, reason = "memory counts and walks"))]
mod shared;
mod target_name;

#[cfg(any(feature = "memory", feature = "redis"))]
pub(crate) use self::log::PurgeState;
#[cfg(feature = "memory")]
pub(crate) use self::shared::RecordedPurge;
pub(crate) use self::shared::SharedPurgeLog;
#[cfg(feature = "redis")]
pub(crate) use self::{
    log::{PurgeLog, PurgeNumbers},
    target_name::{EntryNames, TargetName, with_name},
};
