//! Purge hooks: what tells caches outside of the process, such as a CDN, of the purges of this one. A
//! purge never waits for a hook, and never fails by one.

mod attempt;
mod hook;
mod hooks;
mod notice;
mod pending;

pub(crate) use hook::AnyPurgeHook;
pub use hook::PurgeHook;
pub(crate) use hooks::PurgeHooks;
pub use notice::{NoticeTarget, PurgeNotice};
