//! Refreshes over HTTP: URLs are run through the app, and their responses stored.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, web::Data};
use serde::Deserialize;

use super::{
    operator::{Admin, Operator},
    refusal::Refusal,
    submitted::{Body, Submitted, submitted},
};
use crate::engine::refresher::{Refresh, RefreshReport};

/// How many run at a time where the body does not say it, and at most.
const AT_MOST: usize = 4;
const MAX_AT_A_TIME: usize = 64;

/// The body of a refresh.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RefreshBody {
    urls: Vec<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    at_most: Option<usize>,
}

impl RefreshBody {
    fn refreshes(&self) -> impl Iterator<Item = Refresh> {
        let headers = self.headers.iter();
        let any = headers.fold(Refresh::get(""), |any, (name, value)| any.header(name, value));
        self.urls.iter().map(move |url| any.to(url))
    }
}

/// Refreshes, and answers when all have ended.
pub(super) async fn refresh(
    admin: Data<Admin>,
    req: HttpRequest,
    Body(body): Body,
) -> Result<HttpResponse, Refusal> {
    let operator = Operator::of(&req)?;
    let Submitted::Json(asked) = submitted::<RefreshBody>(&operator, &req, &body)? else {
        return Err(Refusal::bad_request("bad-body", "the body is JSON"));
    };
    let at_most = asked.at_most.unwrap_or(AT_MOST).min(MAX_AT_A_TIME);
    let report = admin.handle()?.refresh(asked.refreshes(), at_most).await;
    let RefreshReport { urls } = &report;
    let first = urls.first().map_or("", |refreshed| refreshed.url.as_str());
    let target = match urls.len() {
        0 | 1 => first.to_owned(),
        count => format!("{first} and {} more", count - 1),
    };
    admin.log(&operator, "refresh", target, format!("stored {}", report.stored()));
    Ok(HttpResponse::Ok().json(report))
}
