//! Explanations over HTTP: what would become of a request, and why, as JSON or as text.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, http::header, web::Data};
use serde::Deserialize;

use super::{
    operator::{Admin, Operator},
    refusal::Refusal,
    submitted::{Body, Form, Submitted, submitted},
};
use crate::engine::explanation::Inquiry;

/// The body of an inquiry.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct InquiryRequest {
    url: String,
    #[serde(default = "get")]
    method: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

fn get() -> String {
    "GET".to_owned()
}

impl InquiryRequest {
    fn from_form(form: &mut Form) -> Self {
        let url = form.take("url").unwrap_or_default();
        let method = form.take("method").unwrap_or_else(get);
        Self { url, method, headers: BTreeMap::new() }
    }
}

/// Says what would become of a request. Nothing is stored or purged by it. A browser without script, and
/// `curl` with `Accept: text/plain`, get text.
pub(super) async fn explain(
    admin: Data<Admin>,
    req: HttpRequest,
    Body(body): Body,
) -> Result<HttpResponse, Refusal> {
    let operator = Operator::of(&req)?;
    let (asked, is_form) = match submitted::<InquiryRequest>(&operator, &req, &body)? {
        Submitted::Json(asked) => (asked, false),
        Submitted::Form(mut form) => (InquiryRequest::from_form(&mut form), true),
    };
    let inquiry = Inquiry::new(asked.method, asked.url);
    let inquiry = asked
        .headers
        .into_iter()
        .fold(inquiry, |inquiry, (name, value)| inquiry.header(name, value));
    let explanation = admin.handle()?.explain(&inquiry).await;
    let explanation =
        explanation.map_err(|problem| Refusal::bad_request("bad-inquiry", problem.to_string()))?;
    let accept = req.headers().get(header::ACCEPT);
    let wants_text = accept.is_some_and(|accept| accept.as_bytes().starts_with(b"text/plain"));
    Ok(if is_form || wants_text {
        let text = explanation.to_string();
        HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(text)
    } else {
        HttpResponse::Ok().json(explanation)
    })
}
