//! Refreshes that are asked for: requests for URLs are run through the app on one of the workers, and their
//! responses are stored as those to clients are.
//!
//! actix-web gives no way to make a request with the app's data, so a worker uses one that a client has
//! sent and that has ended: see `middleware/refresh`. While none is there, the next one that comes is kept.

mod report;
mod request;
mod run;
mod seats;
mod then_refresh;

pub use report::{RefreshOutcome, RefreshReport, RefreshedUrl};
pub use request::Refresh;
pub(crate) use request::RefreshRequest;
pub(crate) use seats::{Job, Refresher, Reply, Seat};
