//! `Refusal`: why a request to the admin scope is not carried out, in a sentence and in one word.

use std::{fmt, time::Duration};

use actix_web::{
    HttpResponse, ResponseError,
    http::{StatusCode, header},
};
use serde_json::json;

/// Why a request is not carried out.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    reason: &'static str,
    problem: String,
    retry_after: Option<Duration>,
}

impl Refusal {
    fn new(status: StatusCode, reason: &'static str, problem: impl Into<String>) -> Self {
        Self { status, reason, problem: problem.into(), retry_after: None }
    }

    pub(super) fn bad_request(reason: &'static str, problem: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, reason, problem)
    }

    /// The same for every request without a valid token, so that it says nothing about the path.
    pub(super) fn unauthorized(reason: &'static str) -> Self {
        let problem = match reason {
            "expired" => "the session has ended",
            _ => "the admin token is missing or wrong",
        };
        Self::new(StatusCode::UNAUTHORIZED, reason, problem)
    }

    pub(super) fn slow_down(after: Duration) -> Self {
        let problem = "too many wrong tokens";
        let refusal = Self::new(StatusCode::TOO_MANY_REQUESTS, "slow-down", problem);
        Self { retry_after: Some(after), ..refusal }
    }

    pub(super) fn forbidden(reason: &'static str, problem: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, reason, problem)
    }

    /// What is stored is not what its sender has seen.
    pub(super) fn conflict(reason: &'static str, problem: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, reason, problem)
    }

    pub(super) fn not_found(path: &str) -> Self {
        let problem = format!("there is no `{path}` here; openapi.json says what there is");
        Self::new(StatusCode::NOT_FOUND, "not-found", problem)
    }

    pub(super) fn too_large() -> Self {
        let problem = "the body is longer than 64 KiB";
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", problem)
    }

    pub(super) fn store(problem: impl fmt::Display) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "store", problem.to_string())
    }

    /// A server with the cache in it does not start while a setting cannot be used; a server with the
    /// admin scope alone says why here.
    pub(super) fn unusable(problem: impl fmt::Display) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "settings", problem.to_string())
    }

    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    /// Whether a token was shown, and refused.
    pub(super) fn is_of_a_wrong_token(&self) -> bool {
        self.reason != "no-token"
    }

    /// The response with this body.
    pub(super) fn response(&self, body: String, content_type: &str) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        response.insert_header((header::CONTENT_TYPE, content_type));
        if self.status == StatusCode::UNAUTHORIZED {
            response.insert_header((header::WWW_AUTHENTICATE, "Bearer realm=\"response cache\""));
        }
        if let Some(after) = self.retry_after {
            response.insert_header((header::RETRY_AFTER, after.as_secs().max(1)));
        }
        response.body(body)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem)
    }
}

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let body = json!({ "error": self.problem, "reason": self.reason });
        self.response(body.to_string(), "application/json")
    }
}
