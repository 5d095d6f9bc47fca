//! `Problem`: every error a client can get, as `{"error": …}` with the right status.

use std::fmt;

use actix_web::{
    HttpRequest, HttpResponse, ResponseError,
    error::{BlockingError, JsonPayloadError, PathError, QueryPayloadError},
    http::{
        StatusCode,
        header::{self, HeaderValue},
    },
    web::{JsonConfig, PathConfig, QueryConfig, ServiceConfig},
};
use serde_json::json;

/// The longest body that is read.
const MAX_BODY: usize = 16 * 1024;

/// Why a request got no other answer.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    message: String,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(crate) fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, message)
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// The body can be read and makes no sense.
    pub(crate) fn unprocessable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, message)
    }

    /// What clients do not need to know is in the log.
    fn internal(cause: &dyn fmt::Display) -> Self {
        tracing::error!("a request failed: {cause}");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "the server failed")
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut res = HttpResponse::build(self.status).json(json!({ "error": self.message }));
        if self.status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer realm=\"shop\"");
            res.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
        }
        res
    }
}

impl From<rusqlite::Error> for Problem {
    fn from(error: rusqlite::Error) -> Self {
        Self::internal(&error)
    }
}

impl From<BlockingError> for Problem {
    fn from(error: BlockingError) -> Self {
        Self::internal(&error)
    }
}

impl From<JsonPayloadError> for Problem {
    fn from(error: JsonPayloadError) -> Self {
        let status = match &error {
            JsonPayloadError::ContentType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            JsonPayloadError::Overflow { .. } | JsonPayloadError::OverflowKnownLength { .. } => {
                StatusCode::PAYLOAD_TOO_LARGE
            }
            JsonPayloadError::Deserialize(error) if error.is_data() => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            _ => StatusCode::BAD_REQUEST,
        };
        let message = match &error {
            JsonPayloadError::ContentType => {
                "the content type is not `application/json`".to_owned()
            }
            error => error.to_string(),
        };
        Self::new(status, message)
    }
}

impl From<PathError> for Problem {
    fn from(error: PathError) -> Self {
        Self::bad_request(error.to_string())
    }
}

impl From<QueryPayloadError> for Problem {
    fn from(error: QueryPayloadError) -> Self {
        Self::bad_request(error.to_string())
    }
}

/// What extractors refuse becomes a `Problem`.
pub(crate) fn configure(config: &mut ServiceConfig) {
    config
        .app_data(
            JsonConfig::default()
                .limit(MAX_BODY)
                .error_handler(|error, _| Problem::from(error).into()),
        )
        .app_data(PathConfig::default().error_handler(|error, _| Problem::from(error).into()))
        .app_data(QueryConfig::default().error_handler(|error, _| Problem::from(error).into()));
}

/// A method that a resource does not have, with those that it has.
pub(crate) fn method_not_allowed(allowed: &'static str) -> HttpResponse {
    let message = format!("the methods here are {allowed}");
    let mut res = Problem::new(StatusCode::METHOD_NOT_ALLOWED, message).error_response();
    res.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
    res
}

pub(crate) async fn no_such_route(req: HttpRequest) -> HttpResponse {
    Problem::not_found(format!("there is nothing at `{}`", req.path())).error_response()
}
