//! The page of the admin scope. The server writes all of it, so that it works without the script, which
//! only fetches the part with figures anew.

use actix_web::{HttpRequest, HttpResponse, http::header, web::Data};

use super::{
    operator::{Admin, Operator},
    purge_request::PurgeRequest,
    refusal::Refusal,
    seen_urls::entries,
    submitted::Form,
    typed_inquiry::TypedInquiry,
};

mod chart;
mod explain;
mod figures;
mod fleet;
mod forms;
mod html;
mod number;
mod overview;
mod place;
mod sections;
mod stored;
mod table;
mod tables;

use crate::engine::preview::Preview;
use figures::Figures;
use html::Html;
pub(super) use place::Place;

const HTML: &str = "text/html; charset=utf-8";

/// `{path}` leads to `{path}/`, below which all links of the page are.
pub(super) async fn with_slash(req: HttpRequest) -> HttpResponse {
    let path = format!("{}/", req.path());
    HttpResponse::PermanentRedirect().insert_header((header::LOCATION, path)).finish()
}

pub(super) async fn whole(admin: Data<Admin>, req: HttpRequest) -> Result<HttpResponse, Refusal> {
    let operator = Operator::of(&req)?;
    let figures = Figures::read(&admin, &operator, &req).await?;
    let mut asked = Form::read(req.query_string().as_bytes());
    let mut html = begin("Response cache", Place::TOP);
    html.raw("<a class=\"skip\" href=\"#purge\">To the purge form</a>");
    html.raw("<header><h1>Response cache</h1><p id=\"poll\" role=\"status\"></p>");
    forms::who(&mut html, &operator);
    html.raw("</header><main>");
    sections::first(&mut html, &figures);
    explanation_of(&mut html, &admin, &operator, &mut asked).await;
    sections::second(&mut html, &figures);
    let asked = stored::Asked::from_form(&mut asked);
    let page = entries(admin.handle()?, &asked.search(), &operator).await;
    stored::entries(&mut html, &operator, &asked, page.as_ref());
    sections::third(&mut html, &figures);
    forms::changes(&mut html, &operator, figures.is_enabled);
    tables::audit(&mut html, &figures);
    fleet::section(&mut html, &admin, &figures).await;
    html.raw("</main><script src=\"app.js\"></script>");
    Ok(end(html))
}

/// The form that asks for an explanation, and the answer where the page's address asks.
async fn explanation_of(html: &mut Html, admin: &Admin, operator: &Operator, asked: &mut Form) {
    let typed = TypedInquiry::from_form(asked);
    let answer = if typed.url.is_empty() {
        None
    } else {
        Some(typed.explanation(admin).await.unwrap_or_else(|refusal| refusal.to_string()))
    };
    explain::section(html, operator, &typed, answer.as_deref());
}

/// The part of the page with figures.
pub(super) async fn live(admin: Data<Admin>, req: HttpRequest) -> Result<HttpResponse, Refusal> {
    let mut html = Html::default();
    let figures = Figures::read(&admin, &Operator::of(&req)?, &req).await?;
    sections::first(&mut html, &figures);
    sections::second(&mut html, &figures);
    sections::third(&mut html, &figures);
    tables::audit(&mut html, &figures);
    fleet::section(&mut html, &admin, &figures).await;
    Ok(HttpResponse::Ok().content_type(HTML).body(html.finish()))
}

/// A page with an explanation, and the form to ask again.
pub(super) fn explanation(operator: &Operator, typed: &TypedInquiry, answer: &str) -> HttpResponse {
    let mut html = begin("Explained", Place::TOP);
    html.raw(
        "<header><h1>Response cache</h1><p><a href=\"./\">Back to the figures</a></p></header>",
    );
    html.raw("<main>");
    explain::section(&mut html, operator, typed, Some(answer));
    html.raw("</main>");
    end(html)
}

pub(super) async fn style() -> HttpResponse {
    HttpResponse::Ok().content_type("text/css; charset=utf-8").body(include_str!("style.css"))
}

pub(super) async fn script() -> HttpResponse {
    let script = include_str!("app.js");
    HttpResponse::Ok().content_type("text/javascript; charset=utf-8").body(script)
}

/// Asks whether a purge is meant that would take this many responses.
pub(super) fn confirm(
    operator: &Operator,
    request: &PurgeRequest,
    entries: Preview,
    place: Place,
) -> HttpResponse {
    let mut html = begin("Purge?", place);
    forms::confirm(&mut html, place, operator, request, entries);
    end(html)
}

/// The page of a refusal: the form that takes a token where that is what is missing.
pub(super) fn refusal_page(refusal: &Refusal, place: Place) -> String {
    let needs_token = matches!(refusal.status().as_u16(), 401 | 429);
    let mut html = begin(if needs_token { "Sign in" } else { "Not done" }, place);
    forms::refused(&mut html, place, refusal, needs_token);
    html.raw("</body></html>");
    html.finish()
}

fn begin(title: &'static str, place: Place) -> Html {
    let mut html = Html::default();
    html.raw("<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">");
    html.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">");
    html.raw("<meta name=\"color-scheme\" content=\"light dark\">");
    html.raw("<link rel=\"icon\" href=\"data:,\"><link rel=\"stylesheet\" href=\"");
    html.raw(place.0).raw("style.css\">");
    html.element("title", title).raw("</head><body>");
    html
}

fn end(mut html: Html) -> HttpResponse {
    html.raw("</body></html>");
    HttpResponse::Ok().content_type(HTML).body(html.finish())
}
