//! What is stored for a request that is explained.

use crate::{
    config::plan::Plan,
    engine::{Engine, explanation::StoredView, inspect::KeyFacts},
    entry::Entry,
    semantics::{freshness::current_age, validation::has_validator},
};

/// The stored response, if the entry is one.
pub(super) fn view(
    plan: &Plan,
    engine: &Engine,
    entry: &Entry,
    facts: &KeyFacts,
) -> Option<StoredView> {
    let response = entry.response()?;
    let terms = response.terms();
    Some(StoredView {
        status: response.status().as_u16(),
        tier: facts.tier,
        age: current_age(&terms, engine.moment()),
        lifetime: terms.lifetime,
        lifetime_from: terms.lifetime_from,
        policy: plan.policy_name(terms.policy).map(str::to_owned),
        stale_while_revalidate: terms.while_revalidate,
        stale_if_error: terms.if_error,
        soft_purged: terms.soft_purged,
        handler_time: terms.took,
        groups: entry.groups.clone(),
        body_bytes: response.stored_body().len() as u64,
        has_validator: has_validator(&response.handler_fields()),
        vary: facts.vary.clone(),
        variants: facts.variants,
    })
}
