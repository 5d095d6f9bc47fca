//! The lead in a fill over all processes.

mod acquire;
mod releases;

pub(super) use self::releases::Releases;
