//! How processes that share one Redis learn of each other's purges, so that each may answer from its own
//! memory and none uses or publishes what a purge has taken.
//!
//! # The problem
//!
//! Removing what a purge names is not enough. A fill that began before the purge may store afterwards
//! what its handler read before it; removals take time; and every process may have copies in its memory
//! that no removal in Redis reaches. Each of them would bring back what was purged, in the worst case
//! until its lifetime ends.
//!
//! # The algorithm
//!
//! Purges are ordered by a [logical clock](logical_clock) in Redis. A purge takes a number, raises a
//! [fence](fence) with it under the [tag](tags) of its target and publishes a [message](message), all in one
//! script. Fills and reads in Redis compare the number with the one when they began. Every process
//! [subscribes](subscriber) to the messages and keeps the [purges that it knows](known_purges), so that a
//! read of an entry in Redis needs no second exchange and a copy in memory needs none at all: it carries its
//! [version](remote_version), and comparing that is enough. Messages can be lost, so the process relies
//! on them only for as long as [checks](trust) of the clock find nothing missing.
//!
//! ```text
//! process A                Redis                        process B
//!                                                       get /a ── keeps a copy at 7
//! purge /a ──────────────▶ 8: fence of /a
//!                          publish "7 8 /a" ──────────▶ known up to 8: the copy is not used
//! Ok(..) ◀───────────────
//!                          (message of 9 is lost)
//!                          newest? ◀─────────────────── check, 4 times a second
//!                          9 ─────────────────────────▶ 9 is missing: loads all fences
//! ```
//!
//! Without the number of the purge *before* in each message, a gap would show only in the next check;
//! without the check, a message that is the last for a long time could be lost for as long.

mod clock_scripts;
pub(in crate::store) mod fence;
mod heartbeat;
mod known_purges;
mod listeners;
pub(in crate::store) mod logical_clock;
pub(in crate::store) mod message;
#[cfg(feature = "memory")]
pub(in crate::store) mod remote_version;
pub(in crate::store) mod state;
pub(in crate::store) mod subscriber;
pub(super) mod subscription;
pub(in crate::store) mod tags;
pub(in crate::store) mod trust;
