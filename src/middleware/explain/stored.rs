//! What is stored for a request that is explained.

use actix_web::http::header::HeaderMap;
use bytes::Bytes;

use crate::{
    config::plan::Plan,
    engine::{
        Engine,
        explanation::{PackedForm, StoredView},
        inspect::KeyFacts,
    },
    entry::{Entry, StoredResponse},
    semantics::{
        freshness::current_age,
        negotiation::{Accepted, Coding},
        validation::has_validator,
    },
};

/// The stored response, if the entry is one.
pub(super) fn view(
    plan: &Plan,
    engine: &Engine,
    entry: &Entry,
    facts: &KeyFacts,
    headers: &HeaderMap,
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
        etag_is_made: terms.etag_is_made,
        packed: packed(response, headers),
        emitted_groups: emitted_groups(plan, response),
        body_bytes: response.stored_body().len() as u64,
        has_validator: has_validator(&response.handler_fields()),
        vary: facts.vary.clone(),
        variants: facts.variants,
    })
}

/// The codings of its packed bodies, and which of them a request with these headers is given.
fn packed(response: &StoredResponse, headers: &HeaderMap) -> Vec<PackedForm> {
    let there = || response.packed.iter();
    let given = Accepted::of(headers).choose(there().map(|(coding, _)| coding));
    let form = |(coding, body): (Coding, &Bytes)| {
        PackedForm::new(coding.name(), body.len() as u64, given == Some(coding))
    };
    there().map(form).collect()
}

/// The header that tells its groups downstream.
fn emitted_groups(plan: &Plan, response: &StoredResponse) -> Option<String> {
    let name = &plan.responses().emitted_groups.as_ref()?.name;
    let value = response.headers.get(name).map(String::from_utf8_lossy)?;
    Some(format!("{name}: {value}"))
}
