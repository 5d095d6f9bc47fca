//! What is known of a key beside its entry, for explanations.

use super::{
    explanation::{ExplainError, Explainers, Explanation, Inquiry, RunningCall},
    lookup::Lookup,
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
    pub(crate) fn key_facts(&self, lookup: &Lookup<'_>) -> KeyFacts {
        let canonical = self.no_vary_search.canonical(lookup.key);
        let url = canonical.as_ref().unwrap_or(lookup.key);
        let selecting = self.vary.selecting(url);
        let variant = selecting.as_ref().map(|selecting| lookup.variant_key(url, selecting));
        let selected = variant.as_ref().unwrap_or(url);
        let names = selecting.iter().flat_map(|selecting| &selecting.names);
        KeyFacts {
            running: self.flights.call_for(selected),
            is_hit_for_miss: self.is_hit_for_miss(selected),
            vary: names.map(ToString::to_string).collect(),
            variants: self.vary.variants(url),
        }
    }

    /// Where the entry with this key is found.
    pub(crate) fn tier_of(&self, key: &CacheKey) -> &'static str {
        match self.store.get_local(&KeyParts::of(key)) {
            Some(_) => "memory",
            None if self.store.name() == "tiered" => "redis",
            None => self.store.name(),
        }
    }

    /// The handler calls that run now, those first that have been running longest.
    pub(crate) fn running_calls(&self) -> Vec<RunningCall> {
        let mut calls = self.flights.calls();
        calls.sort_by_key(|call| std::cmp::Reverse(call.running));
        calls.truncate(MAX_CALLS);
        calls
    }
}
