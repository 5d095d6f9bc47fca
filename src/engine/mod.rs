//! What happens to a request, without a web framework: it is looked up, waits for another request,
//! or calls its handler in a cache fill, whose response is stored and shared.

pub(crate) mod background_refresh;
pub(crate) mod background_tasks;
pub(crate) mod cache_fill;
mod coalesce;
pub(crate) mod draft_entry;
pub(crate) mod entries;
pub(crate) mod event;
mod events;
mod expiring_keys;
pub(crate) mod explanation;
pub(crate) mod fleet;
pub(crate) mod flight;
pub(crate) mod handle;
mod hit_for_miss;
pub(crate) mod inspect;
pub(crate) mod jitter;
pub(crate) mod listeners;
mod log_throttle;
pub(crate) mod lookup;
pub(crate) mod metrics;
mod no_vary_search;
pub(crate) mod packing;
pub(crate) mod preview;
mod publish;
mod purge;
pub(crate) mod purge_hooks;
pub(crate) mod query_rules;
pub(crate) mod recording;
mod recording_budget;
pub(crate) mod refresher;
pub(crate) mod running_handlers;
mod state;
pub(crate) mod stats;
pub(crate) mod store_watch;
pub(crate) mod stored_paths;
pub(crate) mod ticker;
mod vary_index;
pub(crate) mod worker_cache;

pub(crate) use state::Engine;
