//! The resources of the admin scope. Every response is JSON, errors too.

use actix_web::{
    HttpRequest, HttpResponse,
    error::{InternalError, JsonPayloadError},
    http::StatusCode,
    web::{Data, Json, JsonConfig},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    config::error::ConfigError,
    engine::{handle::CacheHandle, stats::Stats},
    purge::Purge,
};

/// The cache that the resources read and change, or why it cannot be used.
pub(super) struct Api(Result<CacheHandle, ConfigError>);

impl Api {
    pub(super) fn new(handle: Result<CacheHandle, ConfigError>) -> Self {
        Self(handle)
    }

    fn with(&self, respond: impl FnOnce(&CacheHandle) -> HttpResponse) -> HttpResponse {
        self.0.as_ref().map_or_else(unusable, respond)
    }
}

/// A server with the cache in it does not start while a setting cannot be used; a server with the admin
/// scope alone says why here.
fn unusable(problem: &ConfigError) -> HttpResponse {
    HttpResponse::InternalServerError().json(error(&problem.to_string()))
}

/// The body of a purge: one of the targets, whether the purge is soft, and whether it counts. Who
/// purges by hand wants to see what that did, and can wait for it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PurgeRequest {
    url: Option<String>,
    path: Option<String>,
    prefix: Option<String>,
    group: Option<String>,
    all: Option<bool>,
    #[serde(default)]
    soft: bool,
    #[serde(default = "yes")]
    counted: bool,
}

const fn yes() -> bool {
    true
}

impl PurgeRequest {
    fn purge(&self) -> Result<Purge, String> {
        let Self { url, path, prefix, group, all, soft, counted } = self;
        let purge = match (url, path, prefix, group, all) {
            (Some(url), None, None, None, None) => Purge::url(url),
            (None, Some(path), None, None, None) => Purge::path(path),
            (None, None, Some(prefix), None, None) => Purge::prefix(prefix),
            (None, None, None, Some(group), None) if !group.is_empty() => Purge::group(group),
            (None, None, None, Some(_), None) => return Err("`group` is empty".into()),
            (None, None, None, None, Some(true)) => Purge::all(),
            (None, None, None, None, Some(false)) => return Err("`all` can only be true".into()),
            _ => {
                let problem = "exactly one of `url`, `path`, `prefix`, `group`, `all` is needed";
                return Err(problem.into());
            }
        };
        if let Some(problem) = purge.problem() {
            return Err(problem.to_owned());
        }
        let purge = if *soft { purge.soft() } else { purge };
        Ok(if *counted { purge.counted() } else { purge })
    }
}

/// The body of a switch: whether the cache is enabled from now on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SwitchRequest {
    on: bool,
}

/// The statistics, with whether the cache is enabled and the sum of all requests.
#[derive(Debug, Serialize)]
struct StatsResponse {
    on: bool,
    requests: u64,
    #[serde(flatten)]
    stats: Stats,
}

impl StatsResponse {
    fn new(handle: &CacheHandle) -> Self {
        let stats = handle.stats();
        Self { on: handle.is_enabled(), requests: stats.requests(), stats }
    }
}

pub(super) async fn stats(api: Data<Api>) -> HttpResponse {
    api.with(|handle| HttpResponse::Ok().json(StatsResponse::new(handle)))
}

pub(super) async fn purge(api: Data<Api>, request: Json<PurgeRequest>) -> HttpResponse {
    let purge = match request.purge() {
        Ok(purge) => purge,
        Err(problem) => return HttpResponse::BadRequest().json(error(&problem)),
    };
    let purged = match &api.0 {
        Ok(handle) => handle.purge(&purge).await,
        Err(problem) => return unusable(problem),
    };
    match purged {
        Ok(purged) if purged.pending => {
            HttpResponse::Accepted().json(json!({ "purged": purged.entries, "pending": true }))
        }
        Ok(purged) if purged.removing => {
            HttpResponse::Ok().json(json!({ "purged": purged.entries, "removing": true }))
        }
        Ok(purged) => HttpResponse::Ok().json(json!({ "purged": purged.entries })),
        Err(problem) => HttpResponse::ServiceUnavailable()
            .json(error(&format!("{problem}: the purge may not have taken place"))),
    }
}

pub(super) async fn is_enabled(api: Data<Api>) -> HttpResponse {
    api.with(|handle| HttpResponse::Ok().json(json!({ "on": handle.is_enabled() })))
}

pub(super) async fn switch(api: Data<Api>, request: Json<SwitchRequest>) -> HttpResponse {
    api.with(|handle| {
        handle.set_enabled(request.on);
        HttpResponse::Ok().json(json!({ "on": handle.is_enabled() }))
    })
}

pub(super) async fn not_found(req: HttpRequest) -> HttpResponse {
    let problem = format!("there is no `{}` here; there are stats, purge and switch", req.path());
    HttpResponse::NotFound().json(error(&problem))
}

/// Bounds bodies, and reports those that cannot be read as JSON.
pub(super) fn json_config() -> JsonConfig {
    JsonConfig::default().limit(64 * 1024).content_type_required(false).error_handler(
        |problem, _| {
            let status = match &problem {
                JsonPayloadError::Overflow { .. }
                | JsonPayloadError::OverflowKnownLength { .. } => StatusCode::PAYLOAD_TOO_LARGE,
                _ => StatusCode::BAD_REQUEST,
            };
            let answer = HttpResponse::build(status).json(error(&problem.to_string()));
            InternalError::from_response(problem, answer).into()
        },
    )
}

pub(super) fn error(problem: &str) -> Value {
    json!({ "error": problem })
}
