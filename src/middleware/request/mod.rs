//! A request's way through the cache, in its order: it is looked up; then it is served from the store,
//! or waits for another request, or is forwarded to the handler; then the response is stored.
//!
//! ```text
//! fresh_hit ─────────────────────────────> response
//! lookup ─┬─ hit ──────────────────────────> response   a stale one is refreshed in the background
//!         ├─ serve_stale ──────────────────> response   the handler failed a short while ago
//!         ├─ follow ─ another's response ──> response   or back to lookup
//!         └─ forward ─┬─ handler_call ─ store ─> response   nothing usable is stored
//!                     └─ revalidate ─ store ───> response   a stale response is stored
//! ```
//!
//! `bypass` is for requests that do not concern the cache. `state` is the data that travels. `detached` runs handlers that go on without their client.
//! `decide` is what `lookup` decides by. `permit` bounds how many handlers run. `conditions` changes the request that the handler gets; `normalise` reduces its headers before it is keyed. `invalidate` is for unsafe methods. `validate_only` is for paths of which nothing is stored.

pub(super) mod background;
pub(super) mod bypass;
pub(super) mod conditions;
pub(super) mod decide;
pub(super) mod detached;
pub(super) mod follow;
mod forward;
pub(super) mod fresh_hit;
pub(super) mod handler_call;
mod hit;
pub(super) mod invalidate;
mod late_hints;
pub(super) mod lookup;
pub(super) mod normalise;
pub(super) mod permit;
mod revalidate;
mod serve_stale;
pub(super) mod state;
mod store;
mod validate_only;
