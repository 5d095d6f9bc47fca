//! `ConfigError`: a setting that cannot be used. It names the setting and never a password.

use std::{error::Error, fmt};

/// A setting of a cache cannot be used.
///
/// Setters keep it; the server does not start with it, and `ResponseCache::check` reports it earlier.
#[derive(Clone, PartialEq, Eq)]
pub struct ConfigError {
    setting: &'static str,
    problem: String,
}

impl ConfigError {
    pub(crate) fn new(setting: &'static str, problem: impl Into<String>) -> Self {
        Self { setting, problem: problem.into() }
    }

    /// The name of the setting: that of the method or constructor that was given it, with its type where
    /// that is not [`ResponseCache`](crate::ResponseCache), such as `Coalescing::max_leaders`.
    pub fn setting(&self) -> &'static str {
        self.setting
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "response cache: setting `{}`: {}", self.setting, self.problem)
    }
}

/// As `Display`: it is what `main` prints when it returns an error.
impl fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for ConfigError {}
