//! The answer to a question about a request.

use std::time::Duration;

use serde::Serialize;

use super::{call_info::RunningCall, key_view::KeyView, stored_view::StoredView};
use crate::{
    counting::serialized::optional_seconds,
    semantics::{
        lifetime_source::LifetimeSource,
        verdict::{Reason, VerdictKind},
    },
};

/// What the cache would do with a request now, and why: from
/// [`CacheHandle::explain`](crate::CacheHandle::explain).
///
/// It is displayed as a text of some lines, and serialised with lengths of time in seconds. It shows a
/// URL with its query, and no credential: those are digests in a key. Show it to operators only.
#[non_exhaustive]
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// The method that was asked about.
    pub method: String,
    /// The URL that was asked about.
    pub url: String,
    /// What a request now would get.
    pub kind: VerdictKind,
    /// Why it would not be served from the store: `None` where it would, and where nothing is stored for it.
    pub reason: Option<Reason>,
    /// Why a stale response would be served without asking the handler; `None` where it would not.
    pub stale_cause: Option<&'static str>,
    /// The `Cache-Status` of its response. Where the handler would be called, the one for a response that
    /// is stored.
    pub cache_status: Option<String>,
    /// The pattern of the rule that applies to the path.
    pub rule: Option<String>,
    /// All rules in their order, and why they apply or do not.
    pub rules: Vec<RuleMatch>,
    /// The key under which it is looked up; `None` where the request is not for the cache.
    pub key: Option<KeyView>,
    /// The stored response that the request selects, whether or not it may be used.
    pub stored: Option<StoredView>,
    /// The handler calls that run for the same response now.
    pub running: Option<RunningCall>,
    /// What becomes of some responses that the handler could give: which would be stored, for how long.
    pub to_be_stored: Vec<Candidate>,
    /// What else there is to know.
    pub notes: Vec<String>,
}

/// One rule, and whether it applies to a path.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleMatch {
    /// The pattern of the rule.
    pub pattern: String,
    /// Whether its pattern matches the path.
    pub matches: bool,
    /// Whether it is the rule of the path: the first that matches.
    pub applies: bool,
}

impl RuleMatch {
    pub(crate) fn new(pattern: String, matches: bool, applies: bool) -> Self {
        Self { pattern, matches, applies }
    }
}

/// A response that the handler could give, and whether it would be stored.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Candidate {
    /// The response in words: `200 with Cache-Control: max-age=60`.
    pub response: String,
    /// How long it would be fresh, where it would be stored.
    #[serde(serialize_with = "optional_seconds")]
    pub lifetime: Option<Duration>,
    /// What it has that lifetime from.
    pub lifetime_from: Option<LifetimeSource>,
    /// Why it would not be stored.
    pub not_stored: Option<Reason>,
}

impl Candidate {
    pub(crate) fn new(
        response: String,
        outcome: Result<(Duration, LifetimeSource), Reason>,
    ) -> Self {
        let stored = outcome.ok();
        Self {
            response,
            lifetime: stored.map(|(lifetime, _)| lifetime),
            lifetime_from: stored.map(|(_, from)| from),
            not_stored: outcome.err(),
        }
    }
}
