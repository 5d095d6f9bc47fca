//! `Rule`: what a user sets for the paths of one pattern.

use std::time::Duration;

use actix_router::Path;
use actix_web::http::StatusCode;
use percent_encoding::percent_decode_str;

use super::{client::ClientCache, error::ConfigError};

/// What holds for the paths of one pattern; what it leaves unset is as for the whole cache.
///
/// ```
/// use std::time::Duration;
/// use actix_response_cache::{ResponseCache, Rule};
///
/// let cache = ResponseCache::memory()
///     .rule("/products", Rule::new().ttl(Duration::from_secs(10)).groups(["products"]))
///     .rule(
///         "/products/{id}",
///         Rule::new()
///             .ttl(Duration::from_secs(30))
///             .ttl_for(404, Duration::from_secs(5))
///             .groups(["products", "product:{id}"]),
///     )
///     .rule("/reports/{tail:.*}", Rule::bypass());
/// ```
#[must_use]
#[derive(Clone, Debug, Default)]
pub struct Rule {
    pub(super) ttl: Option<Duration>,
    pub(super) statuses: Vec<(u16, Duration)>,
    pub(super) groups: Vec<String>,
    pub(super) client: Option<ClientCache>,
    pub(super) while_revalidate: Option<Duration>,
    pub(super) if_error: Option<Duration>,
    pub(super) bypass: bool,
}

impl Rule {
    /// A rule that leaves everything as it is for the whole cache.
    pub fn new() -> Self {
        Self::default()
    }

    /// A rule that keeps the paths out of the cache, and out of every cache of this crate outside of it.
    pub fn bypass() -> Self {
        Self { bypass: true, ..Self::default() }
    }

    /// The freshness lifetime of 2xx responses that state none. Zero: they are not stored.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// The freshness lifetime of responses with this status that state none: negative caching.
    ///
    /// Statuses that caches do not store, such as 404 without a lifetime or 503, are stored only
    /// when they are named here. The stale windows of the whole cache do not apply to them, or a 404
    /// for five seconds would be answered for an hour; those of this rule do.
    pub fn ttl_for(mut self, status: u16, ttl: Duration) -> Self {
        self.statuses.push((status, ttl));
        self
    }

    /// Groups that the responses can be purged by. `{name}` stands for what the pattern captures,
    /// decoded as [`web::Path`](actix_web::web::Path) gives it: `/products/C%2B%2B` is in
    /// `product:C++`, and `/products/007` in `product:007`. Where several values mean one thing, let
    /// the handler name the group: see [`CacheHints::group`](crate::CacheHints::group).
    pub fn groups<I>(mut self, groups: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.groups.extend(groups.into_iter().map(Into::into));
        self
    }

    /// How long past its lifetime a response may be served at once while it is refreshed behind the
    /// answer (RFC 5861 s.3). Default: as for the whole cache; for errors and for statuses of
    /// [`ttl_for`](Self::ttl_for) not at all.
    pub fn stale_while_revalidate(mut self, window: Duration) -> Self {
        self.while_revalidate = Some(window);
        self
    }

    /// How long past its lifetime a response may be served in place of a handler that fails
    /// (RFC 5861 s.4). Default: as for the whole cache; for errors and for statuses of
    /// [`ttl_for`](Self::ttl_for) not at all.
    pub fn stale_if_error(mut self, window: Duration) -> Self {
        self.if_error = Some(window);
        self
    }

    /// What clients are told of the responses' freshness.
    pub fn client_cache(mut self, client: ClientCache) -> Self {
        self.client = Some(client);
        self
    }

    pub(super) fn status_ttls(&self) -> Result<Vec<(StatusCode, Duration)>, ConfigError> {
        let named = self.statuses.iter().map(|(status, ttl)| {
            let code = StatusCode::from_u16(*status).ok().filter(|code| {
                // a partial or a "not modified" answers one request only
                !code.is_informational() && !matches!(code.as_u16(), 206 | 304)
            });
            code.map(|code| (code, *ttl)).ok_or_else(|| {
                ConfigError::new("ttl_for", format!("{status} is not a status that can be stored"))
            })
        });
        named.collect()
    }
}

/// A group's name with places for what the pattern captures.
#[derive(Clone, Debug)]
pub(super) struct GroupName(Vec<Piece>);

#[derive(Clone, Debug)]
enum Piece {
    Text(String),
    Capture(String),
}

impl GroupName {
    pub(super) fn new(name: &str, pattern: &str) -> Result<Self, ConfigError> {
        let mut pieces = Vec::new();
        let mut rest = name;
        while let Some((text, after)) = rest.split_once('{') {
            let (capture, after) = after.split_once('}').ok_or_else(|| {
                ConfigError::new("groups", format!("`{name}` has a brace without its partner"))
            })?;
            if !["}", ":"].iter().any(|end| pattern.contains(&format!("{{{capture}{end}"))) {
                let problem = format!("`{name}` names `{capture}`, `{pattern}` does not");
                return Err(ConfigError::new("groups", problem));
            }
            pieces.push(Piece::Text(text.to_owned()));
            pieces.push(Piece::Capture(capture.to_owned()));
            rest = after;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Ok(Self(pieces))
    }

    pub(super) fn fill(&self, captures: &Path<String>) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            // decoded as `web::Path` decodes it, or the handler would purge another group
            Piece::Capture(name) => {
                let segment = captures.get(name).unwrap_or_default();
                percent_decode_str(segment).decode_utf8_lossy().into_owned()
            }
        };
        self.0.iter().map(piece).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn group_names_take_captures() {
        let name = GroupName::new("p:{id}/{kind}!", "/p/{kind}/{id:[0-9]+}").unwrap();
        let mut path = Path::new("/p/a/7".to_owned());
        actix_router::ResourceDef::new("/p/{kind}/{id:[0-9]+}").capture_match_info(&mut path);
        assert_eq!(name.fill(&path), "p:7/a!");
    }

    #[test]
    fn group_names_that_cannot_be_filled_are_refused() {
        for name in ["{id", "{other}"] {
            assert!(GroupName::new(name, "/p/{id}").is_err(), "{name}");
        }
    }

    #[test]
    fn statuses_that_answer_one_request_only_are_refused() {
        for status in [0, 99, 100, 206, 304, 1000] {
            assert!(Rule::new().ttl_for(status, Duration::ZERO).status_ttls().is_err(), "{status}");
        }
        assert!(Rule::new().ttl_for(404, Duration::from_secs(1)).status_ttls().is_ok());
    }
}
