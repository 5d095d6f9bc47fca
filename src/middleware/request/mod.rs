//! A request's way through the cache, in its order: looked up; then answered from the store, or made to
//! wait for another request, or forwarded to the handler; then its response is stored.

pub(super) mod background;
mod conditions;
pub(super) mod detached;
pub(super) mod follow;
mod forward;
pub(super) mod handler_call;
mod hit;
pub(super) mod invalidate;
pub(super) mod lookup;
mod revalidate;
mod serve_stale;
pub(super) mod state;
mod store;
