//! The page of the admin scope. The server writes all of it, so that it works without the script, which
//! only fetches the part with figures anew.

use actix_web::{HttpRequest, HttpResponse, http::header, web::Data};

use super::{
    operator::{Admin, Operator},
    purge_request::PurgeRequest,
    refusal::Refusal,
};

mod chart;
mod figures;
mod fleet;
mod forms;
mod html;
mod number;
mod overview;
mod sections;
mod table;
mod tables;

use figures::Figures;
use html::Html;

const HTML: &str = "text/html; charset=utf-8";

/// `{path}` leads to `{path}/`, below which all links of the page are.
pub(super) async fn with_slash(req: HttpRequest) -> HttpResponse {
    let path = format!("{}/", req.path());
    HttpResponse::PermanentRedirect().insert_header((header::LOCATION, path)).finish()
}

pub(super) async fn whole(admin: Data<Admin>, req: HttpRequest) -> Result<HttpResponse, Refusal> {
    let operator = Operator::of(&req)?;
    let figures = Figures::read(&admin, &operator)?;
    let mut html = begin("Response cache");
    html.raw(
        "<a class=\"skip\" href=\"#purge\">To the purge form</a><header><h1>Response cache</h1>",
    );
    html.raw("<p id=\"poll\" role=\"status\"></p>");
    forms::who(&mut html, &operator);
    html.raw("</header><main><div id=\"live\">");
    sections::all(&mut html, &figures);
    fleet::section(&mut html, &admin, &figures).await;
    html.raw("</div>");
    forms::explain(&mut html, &operator);
    forms::changes(&mut html, &operator, figures.is_enabled);
    html.raw("</main><script src=\"app.js\"></script>");
    Ok(end(html))
}

/// The part of the page with figures.
pub(super) async fn live(admin: Data<Admin>, req: HttpRequest) -> Result<HttpResponse, Refusal> {
    let mut html = Html::default();
    let figures = Figures::read(&admin, &Operator::of(&req)?)?;
    sections::all(&mut html, &figures);
    fleet::section(&mut html, &admin, &figures).await;
    Ok(HttpResponse::Ok().content_type(HTML).body(html.finish()))
}

pub(super) async fn style() -> HttpResponse {
    HttpResponse::Ok().content_type("text/css; charset=utf-8").body(include_str!("style.css"))
}

pub(super) async fn script() -> HttpResponse {
    let script = include_str!("app.js");
    HttpResponse::Ok().content_type("text/javascript; charset=utf-8").body(script)
}

/// Asks whether a purge is meant.
pub(super) fn confirm(
    operator: &Operator,
    request: &PurgeRequest,
    entries: Option<u64>,
) -> HttpResponse {
    let mut html = begin("Purge?");
    forms::confirm(&mut html, operator, request, entries);
    end(html)
}

/// The page of a refusal: the form that takes a token where that is what is missing.
pub(super) fn of_refusal(refusal: &Refusal) -> String {
    let needs_token = matches!(refusal.status().as_u16(), 401 | 429);
    let mut html = begin(if needs_token { "Sign in" } else { "Not done" });
    forms::refused(&mut html, refusal, needs_token);
    html.raw("</body></html>");
    html.finish()
}

fn begin(title: &'static str) -> Html {
    let mut html = Html::default();
    html.raw("<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">");
    html.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">");
    html.raw("<meta name=\"color-scheme\" content=\"light dark\">");
    html.raw("<link rel=\"icon\" href=\"data:,\"><link rel=\"stylesheet\" href=\"style.css\">");
    html.element("title", title).raw("</head><body>");
    html
}

fn end(mut html: Html) -> HttpResponse {
    html.raw("</body></html>");
    HttpResponse::Ok().content_type(HTML).body(html.finish())
}
