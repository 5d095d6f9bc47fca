//! The routes of the admin scope, in one table: the scope is made of it, the gate reads from it who may
//! call what, and a test holds `openapi.json` against it.

use actix_web::{Route as Handler, http::Method, web};

use super::{api, page, sign_in};

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Anybody.
    Open,
    /// Whoever has a token.
    Read,
    /// Whoever has a token that is not read-only.
    Write,
}

pub(super) struct Route {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) access: Access,
    pub(super) handler: fn() -> Handler,
}

const fn get(path: &'static str, handler: fn() -> Handler) -> Route {
    Route { method: "GET", path, access: Access::Read, handler }
}

const fn post(path: &'static str, access: Access, handler: fn() -> Handler) -> Route {
    Route { method: "POST", path, access, handler }
}

pub(super) const ROUTES: [Route; 15] = [
    get("", || web::get().to(page::with_slash)),
    get("/", || web::get().to(page::whole)),
    get("/live", || web::get().to(page::live)),
    get("/app.js", || web::get().to(page::script)),
    Route { access: Access::Open, ..get("/style.css", || web::get().to(page::style)) },
    get("/stats", || web::get().to(api::stats)),
    get("/timeline", || web::get().to(api::timeline)),
    get("/audit", || web::get().to(api::audit)),
    get("/metrics", || web::get().to(api::metrics)),
    get("/openapi.json", || web::get().to(api::openapi)),
    get("/switch", || web::get().to(api::is_enabled)),
    post("/switch", Access::Write, || web::post().to(api::switch)),
    post("/purge", Access::Write, || web::post().to(api::purge)),
    post("/login", Access::Open, || web::post().to(sign_in::begin)),
    post("/logout", Access::Read, || web::post().to(sign_in::end)),
];

/// Who may call this. What is not there is hidden from strangers, as everything is.
pub(super) fn access(method: &Method, path: &str) -> Access {
    let is_called = |route: &&Route| route.method == method.as_str() && route.path == path;
    ROUTES.iter().find(is_called).map_or(Access::Read, |route| route.access)
}
