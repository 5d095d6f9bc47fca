//! From a key to the stored response that the request selects, and what may be done with it.

use std::{sync::Arc, time::Duration};

use actix_web::http::header::HeaderName;
use tokio::time::timeout;

use super::{
    flight::{Coalescing, Lead, LogicalTime, Published, Role},
    state::Engine,
};
use crate::{
    entry::{Entry, Kind, Selecting},
    key::CacheKey,
    semantics::{
        fields::{Fields, RequestView},
        policy::Policy,
        reuse::{Reuse, reuse},
        storing::UncoveredCredentials,
        vary,
        verdict::{Forwarding, Reason},
    },
    store,
};

/// What a look-up found.
#[derive(Debug)]
pub(crate) enum Found {
    /// A stored response that the request selects, and what the standards say of using it now.
    Selected(Arc<Entry>, Reuse),
    /// Nothing.
    Nothing(Forwarding),
}

impl Engine {
    /// Looks for the stored response that answers the request.
    pub(crate) async fn look_up<F: Fields>(
        &self,
        key: &CacheKey,
        req: &RequestView<'_, F>,
        uncovered: UncoveredCredentials,
        policy: &Policy,
    ) -> Found {
        let canonical = self.search.canonical(key);
        match self.select(canonical.as_ref().unwrap_or(key), req.fields).await {
            Ok(entry) => match entry.response() {
                Some(response) => {
                    let verdict =
                        reuse(req, &response.terms, uncovered, self.clock.moment(), policy);
                    Found::Selected(entry, verdict)
                }
                None => Found::Nothing(Forwarding::UriMiss),
            },
            Err(why) => Found::Nothing(why),
        }
    }

    /// The stored response that answers the request, where the store has it at hand.
    pub(crate) fn look_up_near<F: Fields>(
        &self,
        key: &CacheKey,
        req: &RequestView<'_, F>,
        uncovered: UncoveredCredentials,
        policy: &Policy,
    ) -> Option<(Arc<Entry>, Reuse)> {
        let canonical = self.search.canonical(key);
        let mut key = canonical.as_ref().unwrap_or(key);
        let mut entry = self.store.get_near(key).filter(|entry| entry.key == *key)?;
        let variant;
        if let Kind::Varies(selecting) = &entry.kind {
            variant = self.variant_key(key, selecting, req.fields);
            key = &variant;
            entry = self.store.get_near(key).filter(|entry| entry.key == *key)?;
        }
        let terms = &entry.response()?.terms;
        let verdict = reuse(req, terms, uncovered, self.clock.quick_moment(), policy);
        Some((entry, verdict))
    }

    /// The entry of the URL, or of its variant where it has some (RFC 9111 s.4.1).
    async fn select<F: Fields>(&self, key: &CacheKey, req: &F) -> Result<Arc<Entry>, Forwarding> {
        if !self.store.is_immediate()
            && let Some(selecting) = self.vary.selecting(key)
            && let Ok(entry) = self.get(&self.variant_key(key, &selecting, req)).await
        {
            return Ok(entry);
        }
        let entry = self.get(key).await?;
        let Kind::Varies(selecting) = &entry.kind else { return Ok(entry) };
        if !self.store.is_immediate() {
            self.vary.learn(key, selecting); // and no lock where it saves no round trip
        }
        self.get(&self.variant_key(key, selecting, req)).await.map_err(|why| match why {
            Forwarding::UriMiss => Forwarding::VaryMiss,
            why => why,
        })
    }

    async fn get(&self, key: &CacheKey) -> Result<Arc<Entry>, Forwarding> {
        match self.store.get(key).await {
            // the key is compared again: what a store returns is input like any other
            Ok(Some(entry)) if entry.key == *key => Ok(entry),
            Ok(_) => Err(Forwarding::UriMiss),
            Err(error) => {
                self.failed("look up", &error);
                Err(Forwarding::Miss(Reason::StoreFailed))
            }
        }
    }
}

impl Engine {
    /// Enters the flight for what the request selects, as far as that is known; alone, where responses
    /// to it are not shared, or where requests do not wait for one another at all.
    pub(crate) fn enter<F: Fields>(
        &self,
        key: &CacheKey,
        req: &F,
        may_lead: bool,
        coalescing: Coalescing,
    ) -> Role {
        if coalescing.timeout.is_zero() {
            return Role::Alone;
        }
        let canonical = self.search.canonical(key);
        let url = canonical.as_ref().unwrap_or(key);
        let selecting = self.vary.selecting(url);
        let variant = selecting.map(|selecting| self.variant_key(url, &selecting, req));
        let selected = variant.as_ref().unwrap_or(url);
        if self.hit_for_miss.is_set(selected) {
            return Role::Alone;
        }
        let is_purged = |since: LogicalTime| {
            let in_store = since.store.map(|since| self.store.is_purged_since(selected, since));
            in_store.unwrap_or_default() || self.purges_here.is_purged(selected, since.process)
        };
        self.flights.enter(selected, may_lead, coalescing, is_purged)
    }

    /// Takes the lead of all processes, as far as the store gives one, for `at_most` this time.
    /// `false` where another process has had it: by now what was missed may be there.
    pub(crate) async fn leads_all(&self, lead: &mut Lead, at_most: Duration) -> bool {
        if self.store.is_immediate() || at_most.is_zero() || lead.needs_no_lease() {
            return true;
        }
        lead.waits_elsewhere(true);
        let leads = self.asks_for_lease(lead, at_most).await;
        lead.waits_elsewhere(false);
        leads
    }

    async fn asks_for_lease(&self, lead: &mut Lead, at_most: Duration) -> bool {
        match self.store.lead(lead.key(), at_most).await {
            Ok(store::Lead::Yours(lease)) => {
                lead.hold(lease);
                true
            }
            Ok(store::Lead::Elsewhere(wait)) => {
                // whoever does not hear of its end goes on at the end of its patience
                let _ = timeout(at_most, wait).await;
                false
            }
            Err(error) => {
                self.failed("take the lead", &error);
                true
            }
        }
    }

    /// What may be done with the response that another request has had stored: nothing where this
    /// one selects another.
    pub(crate) fn shared<F: Fields>(
        &self,
        published: &Published,
        key: &CacheKey,
        req: &RequestView<'_, F>,
        uncovered: UncoveredCredentials,
        policy: &Policy,
    ) -> Option<Reuse> {
        let canonical = self.search.canonical(key);
        let url = canonical.as_ref().unwrap_or(key);
        let is_selected = *url == published.url
            && if published.selecting.is_empty() {
                *url == published.entry.key
            } else {
                self.variant_key(url, &published.selecting, req.fields) == published.entry.key
            };
        let response = published.entry.response().filter(|_| is_selected)?;
        Some(reuse(req, &response.terms, uncovered, self.clock.moment(), policy))
    }

    /// The key of the variant which a request with these fields selects. Values enter the key as a
    /// digest unless all of them are of fields that never tell who is asking.
    pub(super) fn variant_key<F: Fields>(
        &self,
        key: &CacheKey,
        selecting: &Selecting,
        req: &F,
    ) -> CacheKey {
        let mut selected = Vec::new();
        vary::write_selecting(req, selecting, &mut selected);
        if selecting.names.iter().all(is_of_the_content) {
            return key.variant(&selected);
        }
        key.variant(&self.secret.digest(&selected))
    }
}

/// Whether a request field says which form of the content is wanted, and nothing of a person.
fn is_of_the_content(name: &HeaderName) -> bool {
    let name = name.as_str();
    name.starts_with("accept") || matches!(name, "origin" | "user-agent" | "save-data")
}
