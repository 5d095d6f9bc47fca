//! What is known of a key beside its entry, for explanations.

use super::{
    explanation::{ExplainError, Explainers, Explanation, Inquiry, RunningCall},
    lookup::{FoundNow, Lookup},
    state::Engine,
};
use crate::{
    key::{CacheKey, KeyParts},
    semantics::date::Moment,
};

/// How many handler calls are listed at most.
const MAX_CALLS: usize = 256;

/// What is known of the response that a request selects.
#[derive(Debug)]
pub(crate) struct KeyFacts {
    /// Where it is found, if it is stored.
    pub(crate) tier: &'static str,
    /// The handler calls that run for it.
    pub(crate) running: Option<RunningCall>,
    /// Requests for it do not wait for one another.
    pub(crate) is_hit_for_miss: bool,
    /// The headers by which the URL has variants.
    pub(crate) vary: Vec<String>,
    /// How many of them this process has stored.
    pub(crate) variants: usize,
}

impl Engine {
    /// What becomes of a request.
    pub(crate) async fn explain(&self, inquiry: &Inquiry) -> Result<Explanation, ExplainError> {
        self.explainers.explain(inquiry).await
    }

    /// The clones of the cache that serve requests.
    pub(crate) fn explainers(&self) -> &Explainers {
        &self.explainers
    }

    /// The time by which entries are fresh.
    pub(crate) fn moment(&self) -> Moment {
        self.clock.moment()
    }

    /// What is known of the response that the request selects.
    pub(crate) fn key_facts(&self, lookup: &Lookup<'_>, tier: &'static str) -> KeyFacts {
        let canonical = self.no_vary_search.canonical(lookup.key);
        let url = canonical.as_ref().unwrap_or(lookup.key);
        let selecting = self.vary.selecting(url);
        let variant = selecting.as_ref().map(|selecting| lookup.variant_key(url, selecting));
        let selected = variant.as_ref().unwrap_or(url);
        let names = selecting.iter().flat_map(|selecting| &selecting.names);
        KeyFacts {
            tier,
            running: self.flights.call_for(selected),
            is_hit_for_miss: self.is_hit_for_miss(selected),
            vary: names.map(ToString::to_string).collect(),
            variants: self.vary.variants(url),
        }
    }

    /// Where the response is found that the request selects, if there is one. A look-up may bring it into
    /// memory, so this is asked first.
    pub(crate) fn tier(&self, lookup: &Lookup<'_>) -> &'static str {
        let is_local = || {
            let selected = |key: &CacheKey| self.store.get_local(&KeyParts::of(key)).is_some();
            matches!(self.look_up_now(lookup), FoundNow::Selected(..))
                || self.known_variant(lookup).is_some_and(|variant| selected(&variant))
        };
        match self.store.name() {
            "tiered" if is_local() => "memory",
            "tiered" => "redis",
            name => name,
        }
    }

    /// The key of the variant that the request selects, where it is known that the URL has some.
    fn known_variant(&self, lookup: &Lookup<'_>) -> Option<CacheKey> {
        let canonical = self.no_vary_search.canonical(lookup.key);
        let url = canonical.as_ref().unwrap_or(lookup.key);
        let selecting = self.vary.selecting(url)?;
        Some(lookup.variant_key(url, &selecting))
    }

    /// The handler calls that run now, those first that have been running longest.
    pub(crate) fn running_calls(&self) -> Vec<RunningCall> {
        let mut calls = self.flights.calls();
        calls.sort_by_key(|call| std::cmp::Reverse(call.running));
        calls.truncate(MAX_CALLS);
        calls
    }
}
