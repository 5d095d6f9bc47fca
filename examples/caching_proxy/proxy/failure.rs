//! `Failure`: why there is no response of the origin, as the response that the client gets.

use std::{fmt, io};

use actix_web::{ResponseError, http::StatusCode};

/// Why the origin has not answered. The cache may then answer with what it has.
#[derive(Debug)]
pub(crate) enum Failure {
    /// There is no connection to the origin.
    Unreachable(io::Error),
    /// The connection closed early, or what came over it was not HTTP.
    Broken(hyper::Error),
    /// The response has not begun in time.
    TimedOut,
    /// The request or the response has a part that cannot be forwarded.
    NotForwarded(&'static str),
    /// A proxy for one origin opens no tunnels.
    Tunnel,
}

impl ResponseError for Failure {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Unreachable(_) | Self::Broken(_) | Self::NotForwarded(_) => {
                StatusCode::BAD_GATEWAY
            }
            Self::TimedOut => StatusCode::GATEWAY_TIMEOUT,
            Self::Tunnel => StatusCode::NOT_IMPLEMENTED,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(problem) => write!(f, "the origin cannot be reached: {problem}"),
            Self::Broken(problem) => write!(f, "the origin did not answer: {problem}"),
            Self::TimedOut => f.write_str("the origin did not answer in time"),
            Self::NotForwarded(part) => write!(f, "{part} cannot be forwarded"),
            Self::Tunnel => f.write_str("there are no tunnels here"),
        }
    }
}

impl From<hyper::Error> for Failure {
    fn from(problem: hyper::Error) -> Self {
        Self::Broken(problem)
    }
}
