//! The processes that share what a cache has stored.

use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::state::Engine;
use crate::{
    counting::serialized::{seconds, unix_seconds},
    store::{StoreError, process::Process},
};

/// A process that shares a store with this one: [`CacheHandle::processes`](crate::CacheHandle::processes).
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProcessInfo {
    /// What tells it from others; another one after each start.
    pub id: String,
    /// What the application [calls itself](crate::ResponseCache::name).
    pub name: String,
    /// The [version](crate::ResponseCache::version) of the application.
    pub version: String,
    /// Its number on its host or in its container.
    pub pid: u32,
    /// When its cache was made, by its own clock; serialized as seconds since the Unix epoch.
    #[serde(serialize_with = "unix_seconds")]
    pub started: SystemTime,
    /// How long ago it was last seen.
    #[serde(serialize_with = "seconds")]
    pub last_seen: Duration,
    /// Whether it is this process.
    pub is_own: bool,
}

impl ProcessInfo {
    fn new(process: Process, last_seen: Duration) -> Self {
        let Process { id, name, version, pid, started } = process;
        let started = started.into();
        Self { id, name, version, pid, started, last_seen, is_own: false }
    }
}

impl Engine {
    /// The version of the application, where responses of other versions may be in the store.
    pub(crate) fn version(&self) -> Option<&str> {
        (!self.store.is_local()).then_some(self.process.version.as_str())
    }

    /// This process, and the others that share what is stored.
    pub(crate) async fn processes(&self) -> Result<Vec<ProcessInfo>, StoreError> {
        let seen = self.store.processes().await?;
        let others = seen.into_iter().filter(|seen| seen.process.id != self.process.id);
        let mut others: Vec<_> =
            others.map(|seen| ProcessInfo::new(seen.process, seen.ago)).collect();
        others.sort_by(|one, other| (&one.name, one.started).cmp(&(&other.name, other.started)));
        let own = ProcessInfo::new(self.process.clone(), Duration::ZERO);
        others.insert(0, ProcessInfo { is_own: true, ..own });
        Ok(others)
    }
}
