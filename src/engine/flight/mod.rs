//! Coalescing: of the requests that need one response at a time, one asks the handler and the others
//! wait for its response. Over all workers of a process; it knows neither handlers nor stores.
//!
//! A request is a *leader* (it asks the handler) or a *follower* (it waits). Each follower is woken
//! by a channel of its own. A wait ends by one of three rules:
//!
//! - **One publishes, all get it.** A response that may be shared goes to all followers, whether the
//!   store could take it or not.
//! - **A slow handler gets company, not a crowd.** Once `coalesce_timeout` has passed since the last
//!   handler call began, one follower becomes a further leader; at most `max_leaders` run at a time.
//!   The other followers wait for the leader that publishes first.
//! - **A response that cannot be shared releases all followers**, side by side: a queue in which each
//!   follower waits for the one before it would be slower than no cache at all. A leader hands its
//!   role to the next follower where its client has gone, the first time that the handler fails
//!   without a response, and while the followers have hardly waited.
//!
//! A follower may have come after a purge, and the handler may have begun before it. So followers are
//! numbered as they join, and a leader remembers two of these numbers:
//!
//! ```text
//! leader     begin ───── handler ───── close ─── put ──── publish
//! followers  │ earlier │     in time     │    late    │
//! ```
//!
//! - *Earlier* followers came before the handler was called. Whatever it returns is newer than their
//!   request, so they may have it even if a purge has made the store refuse it.
//! - Followers *in time* get what the store has accepted: it refuses what a purge concerns.
//! - *Late* followers look again: a purge may have returned after the store was asked.
//!
//! A flight that is known to have begun before a purge of its key takes no followers: the next
//! request begins another flight, rather than wait for a response that cannot be kept.

mod follower;
mod join;
mod leader;
mod state;

pub(crate) use follower::Follower;
pub(crate) use join::Role;
pub(crate) use state::{Coalescing, Flights, Leader, LogicalTime, Outcome, Published};

#[cfg(test)]
mod tests;
