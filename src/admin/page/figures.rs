//! `Figures`: what the page shows, read at one moment.

use std::time::SystemTime;

use super::super::{
    audit::AuditEntry,
    operator::{Admin, Operator},
    refusal::Refusal,
    seen_urls::{examples, top_keys},
};
use crate::{
    engine::stats::{RequestExample, Stats, TimelineStep, TopKeys},
    semantics::verdict::Reason,
};

pub(super) struct Figures {
    pub(super) is_enabled: bool,
    pub(super) stats: Stats,
    pub(super) timeline: Vec<TimelineStep>,
    pub(super) top: TopKeys,
    pub(super) audit: Vec<AuditEntry>,
    pub(super) wrong_tokens: u64,
    examples: Vec<RequestExample>,
    now_millis: i64,
}

impl Figures {
    pub(super) fn read(admin: &Admin, operator: &Operator) -> Result<Self, Refusal> {
        let handle = admin.handle()?;
        let records = admin.tokens.records();
        Ok(Self {
            is_enabled: handle.is_enabled(),
            stats: handle.stats(),
            timeline: handle.timeline(),
            top: top_keys(handle, operator),
            examples: examples(handle, operator),
            audit: records.audit.newest_first(),
            wrong_tokens: records.wrong_tokens.all(),
            now_millis: admin.clock.now().as_millis(),
        })
    }

    /// A recent request that was not served from the store for this reason.
    pub(super) fn example(&self, reason: Reason) -> String {
        let example = self.examples.iter().find(|example| example.reason == reason);
        example.map_or_else(String::new, |example| format!("{} {}", example.method, example.url))
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
