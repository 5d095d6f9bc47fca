//! A request's way through the cache, in its order: it is looked up; then it is served from the store,
//! or waits for another request, or is forwarded to the handler; then the response is stored.

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
