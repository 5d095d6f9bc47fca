//! The resources of the admin scope for scripts. Every response is JSON, errors too, but for the text for
//! Prometheus. Forms of the page come to the same resources, and lead back to it.

use actix_web::{HttpRequest, HttpResponse, web::Data};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    operator::{Admin, Operator},
    page,
    purge_request::PurgeRequest,
    refusal::Refusal,
    seen_urls::{examples, top_keys},
    sign_in::to_page,
    submitted::{Body, Submitted, submitted},
};
use crate::{
    engine::{handle::CacheHandle, stats::Stats},
    purge::{Purge, Purged},
};

type Response = Result<HttpResponse, Refusal>;

/// The statistics, with whether the cache is enabled, the sum of all requests, and the hit ratio.
#[derive(Debug, Serialize)]
struct StatsResponse {
    on: bool,
    requests: u64,
    hit_ratio: Option<f64>,
    wrong_tokens: u64,
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

/// Purges. The form of the page is answered with the question whether that is meant, first.
pub(super) async fn purge(admin: Data<Admin>, req: HttpRequest, Body(body): Body) -> Response {
    let operator = Operator::of(&req)?;
    let handle = admin.handle()?;
    match submitted::<PurgeRequest>(&operator, &req, &body)? {
        Submitted::Json(request) => {
            let purge = request.purge()?;
            let purged = carry_out(&admin, handle, &operator, &request, &purge).await?;
            Ok(shown(purged))
        }
        Submitted::Form(mut form) => {
            let request = PurgeRequest::from_form(&mut form)?;
            let purge = request.purge()?;
            if form.take("confirmed").is_none() {
                return Ok(page::confirm(&operator, &request, handle.stats().entries));
            }
            carry_out(&admin, handle, &operator, &request, &purge).await?;
            Ok(to_page().finish())
        }
    }
}

async fn carry_out(
    admin: &Admin,
    handle: &CacheHandle,
    operator: &Operator,
    request: &PurgeRequest,
    purge: &Purge,
) -> Result<Purged, Refusal> {
    let purged = handle.purge(purge).await;
    let result = match &purged {
        Ok(purged) if purged.pending => "pending until Redis is back".to_owned(),
        Ok(Purged { entries: Some(entries), .. }) => format!("removed {entries}"),
        Ok(_) => "done, not counted".to_owned(),
        Err(problem) => format!("failed: {problem}"),
    };
    let (kind, text) = request.target();
    let action = if request.soft { "soft purge" } else { "purge" };
    admin.log(operator, action, format!("{kind} {text}"), result);
    purged
        .map_err(|problem| Refusal::store(format!("{problem}: the purge may not have taken place")))
}

fn shown(purged: Purged) -> HttpResponse {
    let body = |more: &str| -> Value {
        let mut body = json!({ "purged": purged.entries });
        if let (Some(body), false) = (body.as_object_mut(), more.is_empty()) {
            body.insert(more.to_owned(), Value::Bool(true));
        }
        body
    };
    match purged {
        Purged { pending: true, .. } => HttpResponse::Accepted().json(body("pending")),
        Purged { removing: true, .. } => HttpResponse::Ok().json(body("removing")),
        _ => HttpResponse::Ok().json(body("")),
    }
}

pub(super) async fn not_found(req: HttpRequest) -> Response {
    Err(Refusal::not_found(req.path()))
}
