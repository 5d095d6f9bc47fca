//! Access control of the admin scope: which requests are admitted, and the headers of every response.

use actix_web::{
    HttpMessage as _, HttpRequest,
    body::BoxBody,
    dev::{ServiceRequest, ServiceResponse},
    http::header::{self, HeaderMap, HeaderName, HeaderValue},
    middleware::Next,
    web::Data,
};

use super::{
    operator::{Admin, Operator},
    page::{self, Place},
    refusal::Refusal,
    routes::{Access, access},
    session,
    token::shown_token,
};

/// The page shows what clients sent. Should any of it ever get in unescaped, it runs nothing and loads
/// nothing.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const FIELDS: [(HeaderName, &str); 5] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CROSS_ORIGIN_OPENER_POLICY, "same-origin"),
];

/// Calls the resource for those who may, and makes a page of a refusal for a browser.
pub(super) async fn pass(
    admin: Data<Admin>,
    req: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse, actix_web::Error> {
    let wants_page = wants_page(req.headers());
    let place = Place::of(req.match_info().unprocessed());
    let result = match admit(&admin, req.request()).await {
        Ok(()) => {
            warn_inside_a_cache(&req);
            next.call(req).await
        }
        Err(refusal) => Ok(req.error_response(refusal)),
    };
    result.map(|res| with_fields(if wants_page { as_page(res, place) } else { res }))
}

/// Admits an operator, and keeps who it is with the request. All others get the same response for every path.
async fn admit(admin: &Admin, req: &HttpRequest) -> Result<(), Refusal> {
    let access = access(req.method(), req.match_info().unprocessed());
    if access == Access::Open {
        return check_origin(req);
    }
    let operator = identify(admin, req).await?;
    if operator.has_session() && access == Access::Write {
        check_origin(req)?;
    }
    if access == Access::Write && operator.is_read_only() {
        return Err(Refusal::forbidden("read-only", "the token may read and change nothing"));
    }
    req.extensions_mut().insert(operator);
    Ok(())
}

async fn identify(admin: &Admin, req: &HttpRequest) -> Result<Operator, Refusal> {
    let from = req.peer_addr().map(|address| address.ip());
    if let Some(shown) = shown_token(req.headers()) {
        return match admin.tokens.find(shown) {
            Some(found) => Ok(Operator::new(found, from, None)),
            None => Err(admin.refuse_token(req).await),
        };
    }
    let cookie = session::cookie_of(req).ok_or_else(|| Refusal::unauthorized("no-token"))?;
    let found = session::holder(&admin.tokens, &cookie, admin.clock.now());
    let found = found.ok_or_else(|| Refusal::unauthorized("expired"))?;
    Ok(Operator::new(found, from, Some(cookie)))
}

/// Refuses what a browser sends for the page of another site.
fn check_origin(req: &HttpRequest) -> Result<(), Refusal> {
    let text = |name: HeaderName| req.headers().get(name).and_then(|value| value.to_str().ok());
    let is_ours = match text(HeaderName::from_static("sec-fetch-site")) {
        Some(site) => matches!(site, "same-origin" | "none"),
        None => text(header::ORIGIN).is_none_or(|origin| {
            let host = origin.split_once("://").map(|(_, host)| host);
            host.is_some() && host == text(header::HOST)
        }),
    };
    if is_ours || req.method().is_safe() {
        return Ok(());
    }
    Err(Refusal::forbidden("csrf", "the request comes from the page of another site"))
}

fn wants_page(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}

fn as_page(res: ServiceResponse, place: Place) -> ServiceResponse {
    let error = res.response().error();
    let Some(refusal) = error.and_then(actix_web::Error::as_error::<Refusal>) else { return res };
    let response = refusal.response(page::refusal_page(refusal, place), "text/html; charset=utf-8");
    let (request, _) = res.into_parts();
    ServiceResponse::new(request, response)
}

fn with_fields(mut res: ServiceResponse) -> ServiceResponse {
    for (name, value) in FIELDS {
        res.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    res
}

/// The scope's own cache bypasses its path. Inside another scope, or inside another cache, its responses
/// could be cached: the log says so once.
fn warn_inside_a_cache(req: &ServiceRequest) {
    static ONCE: std::sync::Once = std::sync::Once::new();
    if crate::middleware::context::is_in_cached_scope(req) {
        ONCE.call_once(|| {
            tracing::warn!(
                path = req.path(),
                "response cache: the admin scope is inside a cached scope; mount it outside, or \
                 exclude its path"
            );
        });
    }
}
