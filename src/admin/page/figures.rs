//! `Figures`: what the page shows, read at one moment.

use std::time::SystemTime;

use super::super::{audit::AuditEntry, operator::Admin, refusal::Refusal};
use crate::engine::stats::{Stats, TimelineStep};

pub(super) struct Figures {
    pub(super) is_enabled: bool,
    pub(super) stats: Stats,
    pub(super) timeline: Vec<TimelineStep>,
    pub(super) audit: Vec<AuditEntry>,
    pub(super) wrong_tokens: u64,
    now_millis: i64,
}

impl Figures {
    pub(super) fn read(admin: &Admin) -> Result<Self, Refusal> {
        let handle = admin.handle()?;
        let records = admin.tokens.records();
        Ok(Self {
            is_enabled: handle.is_enabled(),
            stats: handle.stats(),
            timeline: handle.timeline(),
            audit: records.audit.newest_first(),
            wrong_tokens: records.wrong_tokens.all(),
            now_millis: admin.clock.now().as_millis(),
        })
    }

    /// How many seconds ago this was.
    pub(super) fn seconds_since(&self, then: SystemTime) -> u64 {
        let then = then.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.seconds_since_millis(i64::try_from(then.as_millis()).unwrap_or(i64::MAX))
    }

    pub(super) fn seconds_since_millis(&self, then: i64) -> u64 {
        u64::try_from(self.now_millis.saturating_sub(then) / 1000).unwrap_or(0)
    }
}
