//! What a handler says about its own response, for the caches around it.

use std::time::Duration;

use actix_web::http::StatusCode;

use crate::{
    config::policies::NamedPolicy,
    semantics::{declared::Declared, lifetime_source::LifetimeSource, verdict::Reason},
};

/// The hints of a handler.
#[derive(Clone, Debug, Default)]
pub(super) struct HandlerHints {
    /// The groups by which the response can be purged.
    pub(super) groups: Vec<String>,
    /// The response is not stored.
    pub(super) no_store: bool,
    /// The response is for its client only.
    pub(super) private: bool,
    /// The handler says that the response may be stored, if nothing more.
    pub(super) cacheable: bool,
    pub(super) ttl: Option<Duration>,
    pub(super) while_revalidate: Option<Duration>,
    pub(super) if_error: Option<Duration>,
    /// The name of the policy that the handler chose.
    pub(super) policy: Option<String>,
}

impl HandlerHints {
    /// Why the response is not stored, whatever else is said.
    pub(super) fn refusal(&self) -> Option<Reason> {
        match self {
            Self { no_store: true, .. } => Some(Reason::OptedOut),
            Self { private: true, .. } => Some(Reason::Private),
            _ => None,
        }
    }

    /// What they declare of a response of this status, where `policy` is the one that the handler chose.
    pub(super) fn declared(&self, policy: Option<&NamedPolicy>, status: StatusCode) -> Declared {
        let by_policy = policy.map(|policy| policy.declared(status)).unwrap_or_default();
        let ttl = self.ttl.map(|ttl| (ttl, LifetimeSource::Hint));
        let Self { while_revalidate, if_error, .. } = *self;
        let cacheable = self.cacheable || ttl.is_some();
        Declared { ttl, while_revalidate, if_error, cacheable, policy: None }.or(by_policy)
    }

    /// Adds what another part of the handler says. Its last word counts.
    pub(super) fn add(&mut self, later: Self) {
        self.groups.extend(later.groups);
        self.no_store |= later.no_store;
        self.private |= later.private;
        self.cacheable |= later.cacheable;
        self.ttl = later.ttl.or(self.ttl);
        self.while_revalidate = later.while_revalidate.or(self.while_revalidate);
        self.if_error = later.if_error.or(self.if_error);
        self.policy = later.policy.or(self.policy.take());
    }
}
