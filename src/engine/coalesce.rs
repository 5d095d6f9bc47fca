//! Coalescing, as requests use it: they join the flight of what they select, the leader acquires the
//! lease over all processes, and followers check that the shared response answers them. The
//! algorithm itself is in [`flight`](super::flight).

use std::time::Duration;

use tokio::time::timeout;

use super::{
    flight::{CoalescingLimits, Leader, LogicalTime, Published, Role},
    lookup::Lookup,
    state::Engine,
};
use crate::{
    semantics::reuse::{Reuse, reuse},
    store,
};

impl Engine {
    /// Joins the flight for what the request selects, as far as that is known. `Alone` where its key
    /// is hit-for-miss, or where requests do not wait for one another at all.
    pub(crate) fn join_flight(
        &self,
        lookup: &Lookup<'_>,
        may_lead: bool,
        limits: CoalescingLimits,
    ) -> Role {
        if limits.timeout.is_zero() {
            return Role::Alone;
        }
        let canonical = self.no_vary_search.canonical(lookup.key);
        let url = canonical.as_ref().unwrap_or(lookup.key);
        let selecting = self.vary.selecting(url);
        let variant = selecting.map(|selecting| lookup.variant_key(url, &selecting));
        let selected = variant.as_ref().unwrap_or(url);
        if self.is_hit_for_miss(selected) {
            return Role::Alone;
        }
        let is_purged = |since: LogicalTime| {
            let in_store = since.store.map(|since| self.store.is_purged_since(selected, since));
            in_store.unwrap_or_default() || self.local_purges.is_purged(selected, since.process)
        };
        self.flights.join(selected, may_lead, limits, is_purged)
    }

    /// Acquires the lease by which one process calls the handler for all, and waits for another
    /// holder for up to `max_wait`. `false` where another process held it: by now the response may
    /// be in the store.
    pub(crate) async fn acquire_lease(&self, leader: &mut Leader, max_wait: Duration) -> bool {
        if self.store.is_immediate() || max_wait.is_zero() || leader.needs_no_lease() {
            return true;
        }
        leader.set_waits_for_lease(true);
        let acquired = self.request_lease(leader, max_wait).await;
        leader.set_waits_for_lease(false);
        acquired
    }

    async fn request_lease(&self, leader: &mut Leader, max_wait: Duration) -> bool {
        match self.store.lease(leader.key(), max_wait).await {
            Ok(store::Lease::Granted(lease)) => {
                leader.hold_lease(lease);
                true
            }
            Ok(store::Lease::HeldElsewhere(wait)) => {
                // without the bound, a lost announcement would keep the request waiting for ever
                let _ = timeout(max_wait, wait).await;
                false
            }
            Err(error) => {
                self.store_failed("acquire the lease", &error);
                true
            }
        }
    }

    /// Whether the response that another request has got may be used for this one; `None` where this
    /// one selects another response.
    pub(crate) fn reuse_shared(&self, published: &Published, lookup: &Lookup<'_>) -> Option<Reuse> {
        let Lookup { key, ref view, uncovered, policy, .. } = *lookup;
        let canonical = self.no_vary_search.canonical(key);
        let url = canonical.as_ref().unwrap_or(key);
        let is_selected = *url == published.url
            && if published.selecting.is_empty() {
                *url == published.entry.key
            } else {
                lookup.variant_key(url, &published.selecting) == published.entry.key
            };
        let response = published.entry.response().filter(|_| is_selected)?;
        Some(reuse(view, &response.terms(), uncovered, self.clock.moment(), policy))
    }
}
