//! What comes of the end of an exchange: the breaker learns of it, a change of the breaker is logged, and
//! where another connection is needed it is made.

use std::time::Duration;

use redis::Value;

use super::{
    RedisClient,
    error::{self, BreakerEffect, Cause},
};
use crate::store::{breaker::Change, error::StoreError};

/// How often, at most, a connection is made anew because a server has become a replica.
const RECONNECT_EVERY: Duration = Duration::from_secs(1);

impl RedisClient {
    /// Lets the breaker know how an exchange ended.
    pub(super) fn track<T>(
        &self,
        result: Result<T, (BreakerEffect, Cause)>,
    ) -> Result<T, StoreError> {
        let (kind, source) = match result {
            Ok(replies) => {
                self.settling.answered(|| self.up.elapsed());
                self.log_change(self.breaker.succeeded(), None);
                return Ok(replies);
            }
            Err(error) => error,
        };
        self.exchanges.failed(kind.error_kind());
        match kind {
            BreakerEffect::Success(kind) => {
                self.log_change(self.breaker.succeeded(), None);
                Err(StoreError::with_source(kind, source))
            }
            BreakerEffect::Failure(kind) => {
                tracing::debug!(address = self.address(), error = %source, "no answer from Redis");
                self.log_change(self.breaker.failed(self.up.elapsed()), Some(&source));
                // a connection that was to mend itself has not
                if self.breaker.is_open() {
                    self.connections.reconnect(Duration::ZERO);
                }
                Err(StoreError::with_source(kind, source))
            }
            #[cfg(feature = "redis-cluster")]
            BreakerEffect::None(kind) => Err(StoreError::with_source(kind, source)),
        }
    }

    pub(super) fn without_errors(
        &self,
        replies: Vec<Value>,
    ) -> Result<Vec<Value>, (BreakerEffect, Cause)> {
        self.check_errors(replies.iter()).map(|()| replies)
    }

    /// An error where one of these replies is one, but for `WRONGTYPE`.
    pub(super) fn check_errors<'v>(
        &self,
        replies: impl Iterator<Item = &'v Value>,
    ) -> Result<(), (BreakerEffect, Cause)> {
        let errors = replies.filter_map(|reply| match reply {
            Value::ServerError(error) => Some((error::server_error_kind(error)?, error)),
            _ => None,
        });
        match errors.max_by_key(|(kind, _)| matches!(kind, BreakerEffect::Failure(_))) {
            Some((kind, error)) => {
                self.reconnect_if_needed(error);
                Err((kind, error.to_string().into()))
            }
            None => Ok(()),
        }
    }

    /// What was a primary may be a replica now, and a login may be asked for: then connects anew.
    pub(super) fn reconnect_if_needed(&self, error: &redis::ServerError) {
        if matches!(error.code(), "READONLY" | "NOAUTH") {
            self.connections.reconnect(RECONNECT_EVERY);
        }
    }

    fn log_change(&self, change: Option<Change>, error: Option<&Cause>) {
        let Some(change) = change else { return };
        let outage = self.exchanges.changed(change, self.up.elapsed());
        let address = self.address();
        match change {
            Change::Opened => {
                self.settling.lost();
                let error = error.map(tracing::field::display);
                tracing::warn!(address, error, "Redis fails; requests go on without it");
            }
            Change::Closed => tracing::info!(address, ?outage, "Redis is back"),
        }
    }
}
