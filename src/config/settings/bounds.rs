//! Bounds of numbers that a user sets.

use crate::config::error::ConfigError;

/// An error unless `value` is a number from 0 up.
pub(super) fn not_negative(setting: &'static str, value: f64) -> Option<ConfigError> {
    let problem = || format!("{value} is not a number from 0 up");
    (!(0.0..=f64::MAX).contains(&value)).then(|| ConfigError::new(setting, problem()))
}

/// An error unless `value` is a part of a whole.
pub(super) fn part_of_one(setting: &'static str, value: f64) -> Option<ConfigError> {
    let problem = || format!("{value} is not between 0 and 1");
    (!(0.0..=1.0).contains(&value)).then(|| ConfigError::new(setting, problem()))
}

/// How many named policies a cache may have: as many numbers fit into the terms of a stored response.
pub(crate) const MAX_POLICIES: u16 = (1 << 9) - 1;
