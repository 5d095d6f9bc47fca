//! Request coalescing: of the requests that miss the same response at the same time, one calls the
//! handler, and the others wait for its response. It works over all workers of a process, and knows
//! neither handlers nor stores.
//!
//! **The problem.** When a popular response expires, every request for it is a miss until the next
//! one is stored. Each of them would call the handler, which gets slower under the load, so that even
//! more requests miss: a cache stampede. But requests that wait must not lose by it either: the
//! request that they wait for may be dropped by its client, fail, take long, or get a response that
//! must not be shared.
//!
//! **The algorithm.** All handler calls for one key, and the requests that wait for them, are a
//! *flight*. A request that misses [joins](Flights::join) the flight of its key, and gets a [`Role`]:
//! the first is the [`Leader`], which calls the handler; later ones are [`Follower`]s, each of which
//! waits for an [`Outcome`] on a channel of its own. A flight ends when its leader publishes a
//! response, or says that there is none to share; it then leaves the table, and the next miss begins
//! another one.
//!
//! ```text
//! The response is published         leader       follower 1   follower 2    handler      store
//!   join                              ├─ call ────────────────────────────────▶│
//!   join                              │               │ waits                  │
//!   join                              │               │            │ waits     │
//!                                     │◀───────────────────────── response ────┤
//!   begin_put                         ├─ put ─────────────────────────────────────────────▶│
//!   publish                           ├─ Shared ─────▶│            │                       │
//!                                     ├─ Shared ──────────────────▶│                       │
//!
//! The leader is dropped             leader       follower 1   follower 2    handler
//!                                     ├─ call ────────────────────────────────▶│
//!   its client disconnects            ╳─ Promoted ───▶│            │
//!                                                     ├─ call ────────────────▶│
//!                                                     │◀──────── response ─────┤
//!   publish                                           ├─ Shared ──▶│
//!
//! The response may not be shared    leader       follower 1   follower 2    handler
//!                                     ├─ call ────────────────────────────────▶│
//!                                     │◀────────────── response: no-store ─────┤
//!   release                           ├─ Alone ──────▶│            │
//!                                     ├─ Alone ───────────────────▶│
//!                                                     ├─ call ────────────────▶│
//!                                                                  ├─ call ───▶│
//!
//! The handler is slow               leader       follower 1   follower 2    handler
//!                                     ├─ call ────────────────────────────────▶│
//!   coalesce_timeout has passed                       ├ Promoted   │           │
//!                                                     ├─ call ────────────────▶│
//!                                                     │◀──────── response ─────┤
//!   the first to publish                              ├─ Shared ──▶│
//! ```
//!
//! What goes wrong without each of these rules:
//!
//! - A response that may be shared goes to all followers, even if the store could not take it. If
//!   each of them looked it up instead, a store that is away would let all of them call the handler.
//! - After a response that may not be shared, all followers call the handler side by side, and the
//!   key becomes [hit-for-miss](super::hit_for_miss). If the next follower led the others, each would
//!   wait for all those before it: slower than no cache at all. The exceptions: the next follower
//!   leads if the response says nothing about the next one, as long as the flight is young, or if the
//!   handler failed without a response, once.
//! - A leader that is dropped hands its role on, a bounded number of times. Without the bound, a
//!   client that begins requests and abandons them could have a handler run for ever.
//! - When the newest handler call has run for `coalesce_timeout`, one follower becomes a further
//!   leader, up to `max_leaders` at a time. Without that, one call that hangs would hold up all
//!   requests; without the bound, a slow handler would get all of them at once.
//! - A long stream is not waited for: it may never end.
//!
//! **Purges.** A purge may come between the call of the handler and the wait of a follower. No
//! request may be served a response whose handler was called before a purge that had ended when the
//! request came. So followers are numbered as they join, and a leader remembers two of the numbers:
//!
//! ```text
//! leader     call ────── handler ───── begin_put ── put ── publish
//! followers  │ earlier │     in time        │     late     │
//! ```
//!
//! - *Earlier* followers joined before the handler was called. Its response is newer than their
//!   request, so they get it even if a purge has made the store refuse it.
//! - Followers *in time* get what the store has accepted, as it refuses what a purge concerns.
//! - *Late* followers look again: a purge may have ended after the store decided.
//!
//! A flight whose handler was called before a purge of its key takes no followers: the next request
//! begins another flight, rather than wait for a response that it may not have.

mod follower;
mod join;
mod leader;
mod state;

pub(crate) use follower::Follower;
pub(crate) use join::Role;
pub(crate) use state::{
    CoalescingLimits, Flights, Leader, LogicalTime, Outcome, PublicationCount, Published,
};

#[cfg(test)]
mod tests;
