//! Removing what purges named, after their fences have been raised.

mod job;
mod queue;
mod scan;

pub(super) use self::{job::Removal, queue::Removals};
