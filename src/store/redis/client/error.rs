//! What failures and errors of servers mean to a store, and whether they speak for leaving the
//! servers alone.

use redis::{ErrorKind, ServerError, ServerErrorKind};

use crate::store::{error::StoreErrorKind, redis::connect::Failure};

/// What a failure means.
pub(super) fn failed(failure: Failure) -> (Kind, Source) {
    (failure_kind(&failure), failure.into_source())
}

/// What was wrong.
pub(super) type Source = Box<dyn std::error::Error + Send + Sync>;

/// The kind of an error, and whether it speaks for leaving the server alone.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// The server is there and means what it says.
    Healthy(StoreErrorKind),
    Failing(StoreErrorKind),
    /// The server was not asked.
    #[cfg(feature = "redis-cluster")]
    Unasked(StoreErrorKind),
}

impl Kind {
    /// The kind of the error alone.
    pub(super) const fn of_error(self) -> StoreErrorKind {
        match self {
            Self::Healthy(kind) | Self::Failing(kind) => kind,
            #[cfg(feature = "redis-cluster")]
            Self::Unasked(kind) => kind,
        }
    }
}

impl Failure {
    pub(in crate::store::redis) fn into_source(self) -> Source {
        match self {
            Self::TimedOut => "no answer in time".into(),
            Self::NotConnected { is_tls: false } => "no connection within `connect_timeout`".into(),
            Self::NotConnected { is_tls: true } => {
                "no connection within `connect_timeout`, of which the TLS handshake is a part"
                    .into()
            }
            Self::NoRuntime => "there is no tokio runtime to connect on".into(),
            #[cfg(feature = "redis-cluster")]
            Self::Spared => "the node of the key failed just now".into(),
            Self::Redis(error) => error.into(),
        }
    }
}

fn failure_kind(failure: &Failure) -> Kind {
    Kind::Failing(match failure {
        #[cfg(feature = "redis-cluster")]
        Failure::Spared => return Kind::Unasked(StoreErrorKind::Unavailable),
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
pub(super) fn server_error_kind(error: &ServerError) -> Option<Kind> {
    use ServerErrorKind as S;
    let is = |code: &str| error.code() == code || error.details().is_some_and(|d| d.contains(code));
    match error.kind() {
        Some(S::BusyLoading | S::MasterDown | S::ClusterDown) => {
            Some(Kind::Failing(StoreErrorKind::Unavailable))
        }
        // the key's slot is on its way between nodes: a matter of that slot
        Some(S::TryAgain | S::Moved | S::Ask) => Some(Kind::Healthy(StoreErrorKind::Unavailable)),
        _ if is("WRONGTYPE") => None,
        _ if ["BUSY", "NOAUTH"].contains(&error.code()) => {
            Some(Kind::Failing(StoreErrorKind::Unavailable))
        }
        _ => Some(Kind::Healthy(StoreErrorKind::Refused)),
    }
}
