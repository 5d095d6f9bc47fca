//! The resources of the admin scope that show something, and the switch. Every response is JSON, errors too,
//! but for the text for Prometheus. The form of the page comes to the same switch, and leads back to it.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Query},
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    operator::{Admin, Operator},
    refusal::Refusal,
    seen_urls::{entries as stored_entries, examples, running_calls, top_keys},
    sign_in::to_page,
    submitted::{Body, Submitted, submitted},
};
use crate::engine::{entries::EntrySearch, stats::Stats};

type Response = Result<HttpResponse, Refusal>;

/// The statistics, with whether the cache is enabled, the sum of all requests, and the hit ratio.
#[derive(Debug, Serialize)]
struct StatsResponse {
    on: bool,
    requests: u64,
    hit_ratio: Option<f64>,
    wrong_tokens: u64,
    warnings: Vec<String>,
    #[serde(flatten)]
    stats: Stats,
}

/// The body of a switch: whether the cache is enabled from now on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SwitchRequest {
    on: bool,
}

pub(super) async fn stats(admin: Data<Admin>) -> Response {
    let (handle, stats) = (admin.handle()?, admin.handle()?.stats());
    Ok(HttpResponse::Ok().json(StatsResponse {
        on: handle.is_enabled(),
        requests: stats.requests(),
        hit_ratio: stats.hit_ratio(),
        wrong_tokens: admin.tokens.records().wrong_tokens.all(),
        warnings: admin.warnings.current(&admin.clock).await,
        stats,
    }))
}

pub(super) async fn timeline(admin: Data<Admin>) -> Response {
    Ok(HttpResponse::Ok().json(json!({ "steps": admin.handle()?.timeline() })))
}

pub(super) async fn top(admin: Data<Admin>, req: HttpRequest) -> Response {
    let top = top_keys(admin.handle()?, &Operator::of(&req)?);
    Ok(HttpResponse::Ok().json(top))
}

pub(super) async fn request_examples(admin: Data<Admin>, req: HttpRequest) -> Response {
    let examples = examples(admin.handle()?, &Operator::of(&req)?);
    Ok(HttpResponse::Ok().json(json!({ "examples": examples })))
}

/// Which stored responses are asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EntriesQuery {
    #[serde(default)]
    path: String,
    after: Option<String>,
    limit: Option<usize>,
}

pub(super) async fn entries(
    admin: Data<Admin>,
    req: HttpRequest,
    query: Result<Query<EntriesQuery>, actix_web::Error>,
) -> Response {
    let query = query.map_err(|problem| Refusal::bad_request("bad-query", problem.to_string()))?;
    let Query(EntriesQuery { path, after, limit }) = query;
    let search = EntrySearch::new().containing(path);
    let search = if let Some(after) = after { search.from(after) } else { search };
    let search = match limit {
        Some(limit @ 1..=50) => search.limit(limit),
        Some(_) => return Err(Refusal::bad_request("bad-query", "`limit` is 1 to 50")),
        None => search,
    };
    let page = stored_entries(admin.handle()?, &search, &Operator::of(&req)?).await?;
    Ok(HttpResponse::Ok().json(page))
}

pub(super) async fn flights(admin: Data<Admin>, req: HttpRequest) -> Response {
    let flights = running_calls(admin.handle()?, &Operator::of(&req)?);
    Ok(HttpResponse::Ok().json(json!({ "flights": flights })))
}

pub(super) async fn audit(admin: Data<Admin>) -> Response {
    let entries = admin.tokens.records().audit.newest_first();
    Ok(HttpResponse::Ok().json(json!({ "entries": entries })))
}

pub(super) async fn fleet(admin: Data<Admin>) -> Response {
    let processes = admin.handle()?.processes().await.map_err(Refusal::store)?;
    Ok(HttpResponse::Ok().json(json!({ "processes": processes })))
}

pub(super) async fn metrics(admin: Data<Admin>) -> Response {
    let text = admin.handle()?.prometheus_text();
    Ok(HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(text))
}

pub(super) async fn openapi() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(include_str!("openapi.json"))
}

pub(super) async fn is_enabled(admin: Data<Admin>) -> Response {
    Ok(HttpResponse::Ok().json(json!({ "on": admin.handle()?.is_enabled() })))
}

pub(super) async fn switch(admin: Data<Admin>, req: HttpRequest, Body(body): Body) -> Response {
    let operator = Operator::of(&req)?;
    let handle = admin.handle()?;
    let set = |on: bool| {
        handle.set_enabled(on);
        let action = if on { "enable" } else { "disable" };
        admin.log(&operator, action, String::new(), "done".to_owned());
    };
    match submitted::<SwitchRequest>(&operator, &req, &body)? {
        Submitted::Json(request) => {
            set(request.on);
            Ok(HttpResponse::Ok().json(json!({ "on": handle.is_enabled() })))
        }
        Submitted::Form(mut form) => {
            match form.take("on").as_deref() {
                Some("true") => set(true),
                Some("false") => set(false),
                _ => return Err(Refusal::bad_request("no-target", "`on` is true or false")),
            }
            Ok(to_page().finish())
        }
    }
}

pub(super) async fn not_found(req: HttpRequest) -> Response {
    Err(Refusal::not_found(req.path()))
}
