//! What a request submits: JSON of scripts, or the form of a page.

use std::{borrow::Cow, future::Future, pin::Pin};

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::{StatusCode, header},
    web::{Bytes, PayloadConfig},
};
use serde::de::DeserializeOwned;

use super::{operator::Operator, refusal::Refusal};

/// The most bytes of a body.
const MAX_BODY: usize = 64 * 1024;

/// A whole body.
pub(super) struct Body(pub(super) Bytes);

impl FromRequest for Body {
    type Error = Refusal;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Refusal>>>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = Bytes::from_request(req, payload);
        Box::pin(async move {
            body.await.map(Self).map_err(|problem| {
                match problem.as_response_error().status_code() {
                    StatusCode::PAYLOAD_TOO_LARGE => Refusal::too_large(),
                    _ => Refusal::bad_request("bad-body", problem.to_string()),
                }
            })
        })
    }
}

/// The fields of a form. Of two with one name the first counts.
pub(super) struct Form(Vec<(String, String)>);

/// What was submitted.
pub(super) enum Submitted<T> {
    Json(T),
    Form(Form),
}

impl Form {
    pub(super) fn read(body: &[u8]) -> Self {
        let pairs = form_urlencoded::parse(body);
        Self(pairs.map(|(name, value)| (Cow::into_owned(name), value.into_owned())).collect())
    }

    /// The value of a field, where it is there and not empty.
    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        let found = self.0.iter().position(|(field, _)| field == name)?;
        Some(self.0.swap_remove(found).1).filter(|value| !value.is_empty())
    }
}

/// Reads a body, and refuses one that a browser sent for another site. What begins like JSON is JSON
/// whatever its type says: `curl -d` calls everything a form.
pub(super) fn submitted<T: DeserializeOwned>(
    operator: &Operator,
    req: &HttpRequest,
    body: &[u8],
) -> Result<Submitted<T>, Refusal> {
    let text = |name: &str| req.headers().get(name).and_then(|value| value.to_str().ok());
    let is_form = text(header::CONTENT_TYPE.as_str())
        .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    if is_form && !body.trim_ascii_start().starts_with(b"{") {
        let mut form = Form::read(body);
        operator.check_csrf(&form.take("csrf").unwrap_or_default())?;
        return Ok(Submitted::Form(form));
    }
    operator.check_csrf(text("x-csrf-token").unwrap_or_default())?;
    let json = serde_json::from_slice(body);
    json.map(Submitted::Json)
        .map_err(|problem| Refusal::bad_request("bad-json", problem.to_string()))
}

pub(super) fn payload_config() -> PayloadConfig {
    PayloadConfig::new(MAX_BODY)
}
