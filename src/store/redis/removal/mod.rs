//! Removing what purges named, after their fences were written.

mod job;
mod queue;
mod take;

pub(super) use self::{job::Removal, queue::Removals};
