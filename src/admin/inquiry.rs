//! Explanations over HTTP: what would become of a request, and why, as JSON, as text, or on the page.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, http::header, web::Data};
use serde::Deserialize;

use super::{
    operator::{Admin, Operator},
    page,
    refusal::Refusal,
    submitted::{Body, Submitted, submitted},
    typed_inquiry::{TypedInquiry, explained, get},
};
use crate::engine::explanation::{Explanation, Inquiry};

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

impl InquiryRequest {
    fn inquiry(self) -> Inquiry {
        let inquiry = Inquiry::new(self.method, self.url);
        let headers = self.headers.into_iter();
        headers.fold(inquiry, |inquiry, (name, value)| inquiry.header(name, value))
    }
}

/// Says what would become of a request. Nothing is stored or purged by it. `curl` with `Accept: text/plain`
/// gets text, and the form of the page a page.
pub(super) async fn explain(
    admin: Data<Admin>,
    req: HttpRequest,
    Body(body): Body,
) -> Result<HttpResponse, Refusal> {
    let operator = Operator::of(&req)?;
    match submitted::<InquiryRequest>(&operator, &req, &body)? {
        Submitted::Json(asked) => {
            let explanation = explained(&admin, &asked.inquiry()).await?;
            Ok(response(&req, &explanation))
        }
        Submitted::Form(mut form) => {
            let typed = TypedInquiry::from_form(&mut form);
            let explanation = typed.explanation(&admin).await?;
            Ok(page::explanation(&operator, &typed, &explanation))
        }
    }
}

fn response(req: &HttpRequest, explanation: &Explanation) -> HttpResponse {
    let accept = req.headers().get(header::ACCEPT);
    if accept.is_some_and(|accept| accept.as_bytes().starts_with(b"text/plain")) {
        let text = explanation.to_string();
        HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(text)
    } else {
        HttpResponse::Ok().json(explanation)
    }
}
