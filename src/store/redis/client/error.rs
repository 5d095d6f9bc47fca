//! What failures and errors of servers mean to a store, and whether they speak for leaving the
//! servers alone.

use redis::{ErrorKind, ServerError, ServerErrorKind};

use crate::store::{error::StoreErrorKind, redis::connect::Failure};

/// What a failure means.
pub(super) fn classify(failure: Failure) -> (BreakerEffect, Cause) {
    (failure_kind(&failure), failure.into_cause())
}

/// What was wrong.
pub(super) type Cause = Box<dyn std::error::Error + Send + Sync>;

/// The kind of an error, and whether it counts towards opening the breaker.
#[derive(Clone, Copy)]
pub(super) enum BreakerEffect {
    /// The server is there and means what it says.
    Success(StoreErrorKind),
    Failure(StoreErrorKind),
    /// The server was not asked.
    #[cfg(feature = "redis-cluster")]
    None(StoreErrorKind),
}

impl BreakerEffect {
    /// The kind of the error alone.
    pub(super) const fn error_kind(self) -> StoreErrorKind {
        match self {
            Self::Success(kind) | Self::Failure(kind) => kind,
            #[cfg(feature = "redis-cluster")]
            Self::None(kind) => kind,
        }
    }
}

impl Failure {
    pub(in crate::store::redis) fn into_cause(self) -> Cause {
        match self {
            Self::TimedOut => "no answer in time".into(),
            Self::NotConnected { is_tls: false } => "no connection within `connect_timeout`".into(),
            Self::NotConnected { is_tls: true } => {
                "no connection within `connect_timeout`, of which the TLS handshake is a part"
                    .into()
            }
            Self::NoRuntime => "there is no tokio runtime to connect on".into(),
            #[cfg(feature = "redis-cluster")]
            Self::BackingOff => "the node of the key failed just now".into(),
            Self::Redis(error) => error.into(),
        }
    }
}

fn failure_kind(failure: &Failure) -> BreakerEffect {
    BreakerEffect::Failure(match failure {
        #[cfg(feature = "redis-cluster")]
        Failure::BackingOff => return BreakerEffect::None(StoreErrorKind::Unavailable),
        Failure::TimedOut | Failure::NotConnected { .. } => StoreErrorKind::TimedOut,
        Failure::Redis(error) => match error.kind() {
            ErrorKind::Parse | ErrorKind::UnexpectedReturnType => StoreErrorKind::Corrupt,
            ErrorKind::AuthenticationFailed => StoreErrorKind::Refused,
            _ => StoreErrorKind::Unavailable,
        },
        Failure::NoRuntime => StoreErrorKind::Unavailable,
    })
}

/// `None` for `WRONGTYPE`, which is a matter of one key. A script may pass its command's error on
/// inside the text of its own.
pub(super) fn server_error_kind(error: &ServerError) -> Option<BreakerEffect> {
    use ServerErrorKind as S;
    let is = |code: &str| error.code() == code || error.details().is_some_and(|d| d.contains(code));
    match error.kind() {
        Some(S::BusyLoading | S::MasterDown | S::ClusterDown) => {
            Some(BreakerEffect::Failure(StoreErrorKind::Unavailable))
        }
        // the key's slot is on its way between nodes: a matter of that slot
        Some(S::TryAgain | S::Moved | S::Ask) => {
            Some(BreakerEffect::Success(StoreErrorKind::Unavailable))
        }
        _ if is("WRONGTYPE") => None,
        _ if ["BUSY", "NOAUTH"].contains(&error.code()) => {
            Some(BreakerEffect::Failure(StoreErrorKind::Unavailable))
        }
        _ => Some(BreakerEffect::Success(StoreErrorKind::Refused)),
    }
}
