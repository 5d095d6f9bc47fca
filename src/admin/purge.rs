//! Purges over HTTP, and their previews: how many responses a purge would take, before it does.

use actix_web::{HttpRequest, HttpResponse, web::Data};
use serde_json::{Value, json};

use super::{
    operator::{Admin, Operator},
    page::{self, Place},
    purge_request::PurgeRequest,
    refusal::Refusal,
    sign_in::to_page,
    submitted::{Body, Submitted, submitted},
};
use crate::{engine::preview::Preview, purge::Purged};

type Response = Result<HttpResponse, Refusal>;

/// How many responses a purge would take now. The form of the page is answered with the question whether
/// that is meant.
pub(super) async fn preview(admin: Data<Admin>, req: HttpRequest, Body(body): Body) -> Response {
    let operator = Operator::of(&req)?;
    match submitted::<PurgeRequest>(&operator, &req, &body)? {
        Submitted::Json(request) => {
            let Preview { responses, at_least } = count(&admin, &request).await?;
            Ok(HttpResponse::Ok().json(json!({ "entries": responses, "at_least": at_least })))
        }
        Submitted::Form(mut form) => {
            let request = PurgeRequest::from_form(&mut form)?;
            let entries = count(&admin, &request).await?;
            Ok(page::confirm(&operator, &request, entries, Place::BELOW))
        }
    }
}

/// Purges. A form that has not been confirmed is answered with its preview.
pub(super) async fn carry_out(admin: Data<Admin>, req: HttpRequest, Body(body): Body) -> Response {
    let operator = Operator::of(&req)?;
    match submitted::<PurgeRequest>(&operator, &req, &body)? {
        Submitted::Json(request) => Ok(shown(purge(&admin, &operator, &request).await?)),
        Submitted::Form(mut form) => {
            let is_confirmed = form.take("confirmed").is_some();
            let request = PurgeRequest::from_form(&mut form)?;
            if !is_confirmed {
                let entries = count(&admin, &request).await?;
                return Ok(page::confirm(&operator, &request, entries, Place::TOP));
            }
            purge(&admin, &operator, &request).await?;
            Ok(to_page().finish())
        }
    }
}

async fn count(admin: &Admin, request: &PurgeRequest) -> Result<Preview, Refusal> {
    admin.handle()?.preview(&request.purge()?).await.map_err(Refusal::store)
}

/// Refuses a purge that would take more than its sender has seen in a preview.
async fn check_count(admin: &Admin, request: &PurgeRequest) -> Result<(), Refusal> {
    let Some(at_most) = request.at_most else { return Ok(()) };
    let Preview { responses, at_least } = count(admin, request).await?;
    match responses {
        Some(now) if now <= at_most && !at_least => Ok(()),
        Some(now) if now > at_most => {
            let problem = format!("{now} responses would go now, and {at_most} at most may");
            Err(Refusal::conflict("more-than-previewed", problem))
        }
        _ => {
            let problem = "how many responses would go is not known here: leave out `at_most`";
            Err(Refusal::conflict("not-counted", problem))
        }
    }
}

async fn purge(
    admin: &Admin,
    operator: &Operator,
    request: &PurgeRequest,
) -> Result<Purged, Refusal> {
    let purge = request.purge()?;
    check_count(admin, request).await?;
    let purged = admin.handle()?.purge(&purge).await;
    let result = match &purged {
        Ok(purged) if purged.pending => "pending until Redis is back".to_owned(),
        Ok(Purged { entries: Some(entries), .. }) => format!("removed {entries}"),
        Ok(_) => "done, not counted".to_owned(),
        Err(problem) => format!("failed: {problem}"),
    };
    let (kind, text) = request.target();
    let action = if request.soft { "soft purge" } else { "purge" };
    admin.log(operator, action, format!("{kind} {text}").trim_end().to_owned(), result);
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
