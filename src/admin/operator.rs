//! `Admin`, what the resources work on, and `Operator`, who asks for them.

use std::net::IpAddr;

use actix_web::{HttpMessage as _, HttpRequest};

use super::warnings::Warnings;
use super::{
    audit::AuditEntry,
    refusal::Refusal,
    session,
    throttle::Delay,
    token::{AdminToken, AdminTokens},
};
use crate::{
    clock::Clock,
    config::{cache::ResponseCache, error::ConfigError},
    engine::handle::CacheHandle,
};

/// What the resources read and change.
pub(super) struct Admin {
    handle: Result<CacheHandle, ConfigError>,
    pub(super) tokens: AdminTokens,
    pub(super) clock: Clock,
    pub(super) warnings: Warnings,
}

impl Admin {
    pub(super) fn new(cache: &ResponseCache, tokens: AdminTokens) -> Self {
        let warnings = Warnings::new(cache.clone());
        let handle = cache.handle();
        // the time of the cache, which tests move
        let clock =
            handle.as_ref().map_or_else(|_| Clock::system(), |handle| handle.clock().clone());
        Self { handle, tokens, clock, warnings }
    }

    pub(super) fn handle(&self) -> Result<&CacheHandle, Refusal> {
        self.handle.as_ref().map_err(Refusal::unusable)
    }

    /// Counts a wrong token, and waits where its address has sent several.
    pub(super) async fn refuse_token(&self, req: &HttpRequest) -> Refusal {
        let from = req.peer_addr().map(|address| address.ip());
        match self.tokens.records().wrong_tokens.add(from, self.clock.monotonic()) {
            Delay::None => {}
            Delay::For(time, _permit) => tokio::time::sleep(time).await,
            Delay::TooMany(time) => return Refusal::slow_down(time),
        }
        Refusal::unauthorized("wrong-token")
    }

    /// Writes to the log what an operator did.
    pub(super) fn log(
        &self,
        operator: &Operator,
        action: &'static str,
        target: String,
        result: String,
    ) {
        let Operator { name, from, .. } = operator;
        let (at, who) = (self.clock.now(), name.clone());
        let entry = AuditEntry { at, who, from: *from, action, target, result };
        self.tokens.records().audit.add(entry);
    }
}

/// A client that has shown a valid token.
#[derive(Clone)]
pub(super) struct Operator {
    pub(super) name: String,
    pub(super) from: Option<IpAddr>,
    token: AdminToken,
    /// The cookie, where the request came with one instead of the token.
    cookie: Option<String>,
}

impl Operator {
    pub(super) fn new(
        (token, name): (&AdminToken, String),
        from: Option<IpAddr>,
        cookie: Option<String>,
    ) -> Self {
        Self { name, from, token: token.clone(), cookie }
    }

    /// The operator who sent the request, once it was admitted.
    pub(super) fn of(req: &HttpRequest) -> Result<Self, Refusal> {
        req.extensions().get().cloned().ok_or_else(|| Refusal::unauthorized("no-token"))
    }

    pub(super) const fn is_read_only(&self) -> bool {
        self.token.is_read_only()
    }

    pub(super) const fn has_session(&self) -> bool {
        self.cookie.is_some()
    }

    /// What forms for this operator carry; empty where there is no session.
    pub(super) fn csrf_token(&self) -> String {
        let token = |cookie: &String| session::csrf_token(&self.token, cookie);
        self.cookie.as_ref().map(token).unwrap_or_default()
    }

    /// Refuses what a browser sent for another site. Other clients have no cookie, and show nothing.
    pub(super) fn check_csrf(&self, shown: &str) -> Result<(), Refusal> {
        match &self.cookie {
            Some(cookie) if !session::is_csrf_token(&self.token, cookie, shown) => {
                let problem = "the form is not of this session: load the page again";
                Err(Refusal::forbidden("csrf", problem))
            }
            _ => Ok(()),
        }
    }
}
