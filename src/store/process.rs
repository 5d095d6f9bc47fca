//! `Process`: what a process tells others of itself with which it shares a store.

use std::{
    hash::{BuildHasher as _, RandomState},
    time::Duration,
};

use crate::semantics::date::Timestamp;

/// A process that has a cache. One that makes several caches is several of these.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Process {
    /// What tells it from others, at random.
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) version: String,
    /// Its number on its host.
    pub(crate) pid: u32,
    /// When its cache was made.
    pub(crate) started: Timestamp,
}

impl Process {
    /// This process.
    pub(crate) fn new(name: &str, version: &str, now: Timestamp) -> Self {
        Self {
            id: format!("{:016x}", RandomState::new().hash_one(0_u8)),
            name: name.to_owned(),
            version: version.to_owned(),
            pid: std::process::id(),
            started: now,
        }
    }
}

/// A process that was seen lately.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SeenProcess {
    pub(crate) process: Process,
    /// How long ago it was seen, on the clock of the store.
    pub(crate) ago: Duration,
}
