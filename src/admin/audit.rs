//! The log of what operators did: purges, switches, sign-ins. The newest entries are kept in memory, and
//! each is an event of `tracing`, too.

use std::{
    collections::VecDeque,
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

use serde::Serialize;

use crate::{
    counting::serialized::unix_seconds, engine::stats::shown::shown, semantics::date::Timestamp,
};

/// How many entries are kept.
const MAX_ENTRIES: usize = 256;

/// One thing that an operator did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct AuditEntry {
    /// When it was; serialized as seconds since the Unix epoch.
    #[serde(serialize_with = "unix_seconds")]
    pub(super) at: Timestamp,
    /// The name of the token.
    pub(super) who: String,
    /// The address that the request came from.
    pub(super) from: Option<IpAddr>,
    /// `purge`, `soft purge`, `refresh`, `enable`, `disable`, `sign in`.
    pub(super) action: &'static str,
    /// What was purged or refreshed; empty for other actions.
    pub(super) target: String,
    /// What came of it.
    pub(super) result: String,
}

#[derive(Debug, Default)]
pub(super) struct AuditLog(Mutex<VecDeque<AuditEntry>>);

impl AuditLog {
    pub(super) fn add(&self, mut entry: AuditEntry) {
        entry.target = shown(entry.target);
        let AuditEntry { who, from, action, target, result, .. } = &entry;
        tracing::info!(who, ?from, action, target, result, "response cache: an operator's action");
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= MAX_ENTRIES {
            entries.pop_front();
        }
        entries.push_back(entry);
    }

    pub(super) fn newest_first(&self) -> Vec<AuditEntry> {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.iter().rev().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(target: String) -> AuditEntry {
        let (who, result) = (String::from("ci"), String::from("removed 1"));
        AuditEntry { at: Timestamp::from_secs(1), who, from: None, action: "purge", target, result }
    }

    #[test]
    fn newest_entries_are_kept_and_targets_are_cut() {
        let log = AuditLog::default();
        for number in 0..300 {
            log.add(entry(format!("/{number}")));
        }
        log.add(entry("ü".repeat(1000)));
        let entries = log.newest_first();
        assert_eq!(entries.len(), MAX_ENTRIES);
        assert!(entries[0].target.len() < 600 && entries[0].target.ends_with('…'));
        assert_eq!((&*entries[1].target, &*entries[255].target), ("/299", "/45"));
    }
}
