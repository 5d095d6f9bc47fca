//! `StoreError` as a response, so that a handler can pass a failed purge on with `?`.

use actix_web::{ResponseError, http::StatusCode};

use crate::store::{StoreError, StoreErrorKind};

/// 503: the change may have been made and the purge not, so the client should try again. A purge that
/// names nothing is a mistake of the handler: 500.
impl ResponseError for StoreError {
    fn status_code(&self) -> StatusCode {
        match self.kind() {
            StoreErrorKind::NoTarget => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}
