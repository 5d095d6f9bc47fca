//! Counters and distributions, which every floor above counts with, and how they are serialized. No clock,
//! no names, no meaning.

mod counter;
pub(crate) mod histogram;
pub(crate) mod serialized;

pub(crate) use counter::{OwnCounter, SharedCounter};
