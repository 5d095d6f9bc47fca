//! The routes of the admin scope, in one table: the scope is made of it, authorization reads from it who may
//! call what, and a test holds `openapi.json` against it.

use actix_web::{Route as Handler, http::Method, web};

use super::{api, inquiry, page, purge, refresh, sign_in};

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Everyone, without a token.
    Open,
    /// Operators with any token.
    Read,
    /// Operators whose token is not read-only.
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

pub(super) const ROUTES: [Route; 23] = [
    get("", || web::get().to(page::with_slash)),
    get("/", || web::get().to(page::whole)),
    get("/live", || web::get().to(page::live)),
    get("/app.js", || web::get().to(page::script)),
    Route { access: Access::Open, ..get("/style.css", || web::get().to(page::style)) },
    get("/stats", || web::get().to(api::stats)),
    get("/timeline", || web::get().to(api::timeline)),
    get("/top", || web::get().to(api::top)),
    get("/examples", || web::get().to(api::request_examples)),
    get("/entries", || web::get().to(api::entries)),
    get("/flights", || web::get().to(api::flights)),
    get("/audit", || web::get().to(api::audit)),
    get("/fleet", || web::get().to(api::fleet)),
    get("/metrics", || web::get().to(api::metrics)),
    get("/openapi.json", || web::get().to(api::openapi)),
    get("/switch", || web::get().to(api::is_enabled)),
    post("/switch", Access::Write, || web::post().to(api::switch)),
    post("/purge", Access::Write, || web::post().to(purge::carry_out)),
    post("/purge/preview", Access::Write, || web::post().to(purge::preview)),
    post("/refresh", Access::Write, || web::post().to(refresh::refresh)),
    post("/explain", Access::Read, || web::post().to(inquiry::explain)),
    post("/login", Access::Open, || web::post().to(sign_in::begin)),
    post("/logout", Access::Read, || web::post().to(sign_in::end)),
];

/// Who may call this. A path without a route needs a token as others do, so that a stranger does not learn
/// which routes there are.
pub(super) fn access(method: &Method, path: &str) -> Access {
    let is_called = |route: &&Route| route.method == method.as_str() && route.path == path;
    ROUTES.iter().find(is_called).map_or(Access::Read, |route| route.access)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    #[test]
    fn description_has_the_routes_and_who_may_call_them() {
        let document: Value = serde_json::from_str(include_str!("openapi.json")).unwrap();
        let mut described = BTreeSet::new();
        for (path, operations) in document["paths"].as_object().unwrap() {
            for (method, operation) in operations.as_object().unwrap() {
                let is_open = operation["security"].as_array().is_some_and(Vec::is_empty);
                let needs_write = operation["x-needs"].is_string();
                described.insert((method.to_uppercase(), path.clone(), is_open, needs_write));
            }
        }
        let routes = ROUTES.iter().map(|route| {
            let is = |access| route.access == access;
            let (method, path) = (route.method.to_owned(), route.path.to_owned());
            (method, path, is(Access::Open), is(Access::Write))
        });
        assert_eq!(described, routes.collect());
    }

    #[test]
    fn documentation_and_guide_name_the_routes_for_scripts() {
        let of_page = ["", "/", "/live", "/app.js", "/style.css", "/login", "/logout"];
        let (documented, guide) = (include_str!("mod.rs"), include_str!("../guide/observing.md"));
        for route in ROUTES.iter().filter(|route| !of_page.contains(&route.path)) {
            let row = format!("/// | `{} {{path}}{}", route.method, route.path);
            assert!(documented.contains(&row), "ResponseCache::admin lacks {row}");
            let word = format!("`{}`", route.path.trim_start_matches('/'));
            assert!(guide.contains(&word), "the guide lacks {word}");
        }
    }

    #[test]
    fn whatever_changes_something_needs_a_token_that_may() {
        for route in ROUTES.iter().filter(|route| route.method == "POST") {
            let expected = match route.path {
                "/login" => Access::Open,
                "/logout" | "/explain" => Access::Read,
                _ => Access::Write,
            };
            assert_eq!(access(&Method::POST, route.path), expected, "{}", route.path);
        }
        assert_eq!(access(&Method::POST, "/stats"), Access::Read);
    }
}
