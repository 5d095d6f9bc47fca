//! What all workers of an admin scope share: the log of what operators did, and the count of wrong
//! tokens.

use super::{audit::AuditLog, throttle::WrongTokens};

#[derive(Debug, Default)]
pub(super) struct Records {
    pub(super) audit: AuditLog,
    pub(super) wrong_tokens: WrongTokens,
}
