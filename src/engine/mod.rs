//! What happens to a request, without a web framework.

pub(crate) mod budget;
pub(crate) mod chance;
mod events;
pub(crate) mod fill;
pub(crate) mod flight;
pub(crate) mod handle;
pub(crate) mod lookup;
mod marks;
mod memo;
pub(crate) mod pending;
mod publish;
mod purge;
pub(crate) mod query_rules;
mod quiet;
pub(crate) mod recording;
pub(crate) mod refresh;
mod search;
mod state;
pub(crate) mod stats;
pub(crate) mod stored_paths;

pub(crate) use state::Engine;
