//! `Figures`: what the page shows, read at one moment.

use std::time::SystemTime;

use actix_web::HttpRequest;

use super::super::{
    audit::AuditEntry,
    operator::{Admin, Operator},
    refusal::Refusal,
    seen_urls::{examples, running_calls, top_keys},
};
use crate::{
    engine::explanation::RunningCall,
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
    pub(super) warnings: Vec<String>,
    pub(super) flights: Vec<RunningCall>,
    /// The host that the operator asked, which is that of the examples as far as is known.
    pub(super) host: String,
    examples: Vec<RequestExample>,
    now_millis: i64,
}

impl Figures {
    pub(super) async fn read(
        admin: &Admin,
        operator: &Operator,
        req: &HttpRequest,
    ) -> Result<Self, Refusal> {
        let handle = admin.handle()?;
        let records = admin.tokens.records();
        Ok(Self {
            is_enabled: handle.is_enabled(),
            stats: handle.stats(),
            timeline: handle.timeline(),
            top: top_keys(handle, operator),
            examples: examples(handle, operator),
            audit: records.audit.newest_first(),
            flights: running_calls(handle, operator),
            warnings: admin.warnings.current(&admin.clock).await,
            host: req.connection_info().host().to_owned(),
            wrong_tokens: records.wrong_tokens.all(),
            now_millis: admin.clock.now().as_millis(),
        })
    }

    /// A recent request that was not served from the store for this reason.
    pub(super) fn example(&self, reason: Reason) -> Option<&RequestExample> {
        self.examples.iter().find(|example| example.reason == reason)
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
