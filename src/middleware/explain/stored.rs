//! What is stored for a request that is explained.

use std::time::Duration;

use crate::{
    config::plan::{Admitted, Plan},
    engine::{Engine, explanation::StoredView, inspect::KeyFacts},
    entry::{Entry, StoredResponse},
    semantics::{
        fields::ResponseView, freshness::current_age, lifetime_source::LifetimeSource,
        storing::stored_lifetime, terms::Terms, validation::has_validator,
    },
};

/// Stores keep lengths of time in milliseconds, or in seconds where they are long.
const ROUNDED: Duration = Duration::from_secs(1);

/// The stored response, if the entry is one.
pub(super) fn view(
    plan: &Plan,
    engine: &Engine,
    admitted: &Admitted,
    entry: &Entry,
    facts: &KeyFacts,
) -> Option<StoredView> {
    let response = entry.response()?;
    let terms = response.terms();
    Some(StoredView {
        status: response.status().as_u16(),
        tier: engine.tier_of(&entry.key),
        age: current_age(&terms, engine.moment()),
        lifetime: terms.lifetime,
        lifetime_from: lifetime_from(plan, admitted, response, &terms),
        stale_while_revalidate: terms.while_revalidate,
        stale_if_error: terms.if_error,
        soft_purged: terms.soft_purged,
        handler_time: terms.took,
        groups: entry.groups.clone(),
        body_bytes: response.body.len() as u64,
        has_validator: has_validator(&response.headers),
        vary: facts.vary.clone(),
        variants: facts.variants,
    })
}

/// What the response has its lifetime from, derived anew from what is stored. Headers that are for this
/// cache may not be stored: where another lifetime comes out, they have said it.
fn lifetime_from(
    plan: &Plan,
    admitted: &Admitted,
    response: &StoredResponse,
    terms: &Terms,
) -> Option<LifetimeSource> {
    let res = ResponseView { status: response.status(), fields: &response.headers };
    let policy = &plan.rule(admitted.keyed.rule).policy;
    let (lifetime, from) = stored_lifetime(&res, terms.response_time, policy)?;
    // jitter and a soft purge make it shorter
    let may_be_shorter = terms.soft_purged || plan.responses().ttl_jitter > 0.0;
    let is_same = lifetime.abs_diff(terms.lifetime) < ROUNDED;
    (is_same || (may_be_shorter && terms.lifetime < lifetime)).then_some(from)
}
