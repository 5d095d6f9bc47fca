//! Counters and distributions, which every floor above counts with. No clock, no names, no meaning.

mod counter;
pub(crate) mod histogram;

pub(crate) use counter::{OwnCounter, SharedCounter};
