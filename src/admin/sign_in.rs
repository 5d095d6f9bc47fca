//! Signing in and out by the forms of the page.

use actix_web::{HttpRequest, HttpResponse, http::header, web::Data};

use super::{
    operator::{Admin, Operator},
    refusal::Refusal,
    session,
    submitted::{Body, Form},
};

/// Signs in: begins a session where the form has a valid token.
pub(super) async fn begin(
    admin: Data<Admin>,
    req: HttpRequest,
    Body(body): Body,
) -> Result<HttpResponse, Refusal> {
    check_transport(&admin, &req)?;
    let token = Form::read(&body).take("token").unwrap_or_default();
    let Some((token, name)) = admin.tokens.find(token.trim().as_bytes()) else {
        return Err(admin.refuse_token(&req).await);
    };
    let cookie = session::begin(token, admin.clock.now());
    let from = req.peer_addr().map(|address| address.ip());
    let operator = Operator::new((token, name), from, None);
    admin.log(&operator, "sign in", String::new(), "done".to_owned());
    let mut response = to_page();
    Ok(response.cookie(session::cookie(cookie)).finish())
}

pub(super) async fn end(req: HttpRequest, Body(body): Body) -> Result<HttpResponse, Refusal> {
    let csrf = Form::read(&body).take("csrf").unwrap_or_default();
    Operator::of(&req)?.check_csrf(&csrf)?;
    Ok(to_page().cookie(session::ended()).finish())
}

/// Back to the page, which the browser then gets.
pub(super) fn to_page() -> actix_web::HttpResponseBuilder {
    let mut response = HttpResponse::SeeOther();
    response.insert_header((header::LOCATION, "./"));
    response
}

/// A token that is typed must not travel in clear through a network.
fn check_transport(admin: &Admin, req: &HttpRequest) -> Result<(), Refusal> {
    let peer = req.peer_addr();
    let is_local = peer.is_none_or(|address| address.ip().to_canonical().is_loopback());
    if is_local || req.app_config().secure() || admin.tokens.are_behind_tls() {
        return Ok(());
    }
    let problem = "this page takes a token by HTTPS, or from the machine of the server itself. Where a \
                   proxy that speaks HTTPS is before the server, set `AdminTokens::behind_tls`";
    Err(Refusal::forbidden("not-secure", problem))
}
