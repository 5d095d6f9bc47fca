//! Why a store could not do what it was asked.

use std::{error::Error, fmt};

/// Why a store could not do what it was asked.
#[derive(Debug)]
pub struct StoreError {
    kind: StoreErrorKind,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// The kinds of [`StoreError`].
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreErrorKind {
    /// The store cannot be reached, or is not called for a while after failures.
    Unavailable,
    /// The store did not answer in time.
    TimedOut,
    /// The reply of the store is not valid.
    Corrupt,
    /// The store refused: out of memory, read only, not permitted.
    Refused,
    /// The entry is larger than what the store takes.
    TooLarge,
    /// A purge names something that can never be stored, such as a relative path or a pattern.
    NoTarget,
}

impl StoreErrorKind {
    /// The kind in lower case with hyphens: `timed-out`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unavailable => "unavailable",
            Self::TimedOut => "timed-out",
            Self::Corrupt => "corrupt",
            Self::Refused => "refused",
            Self::TooLarge => "too-large",
            Self::NoTarget => "no-target",
        }
    }
}

impl StoreError {
    /// An error of this kind without a further cause.
    pub const fn new(kind: StoreErrorKind) -> Self {
        Self { kind, source: None }
    }

    /// An error of this kind, caused by `source`.
    pub fn with_source(
        kind: StoreErrorKind,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self { kind, source: Some(source.into()) }
    }

    /// The kind of the error.
    pub const fn kind(&self) -> StoreErrorKind {
        self.kind
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            StoreErrorKind::Unavailable => "the store is not available",
            StoreErrorKind::TimedOut => "the store did not answer in time",
            StoreErrorKind::Corrupt => "the reply of the store is not valid",
            StoreErrorKind::Refused => "the store refused",
            StoreErrorKind::TooLarge => "the entry is too large for the store",
            StoreErrorKind::NoTarget => "the purge names nothing that can be stored",
        })?;
        // what was wrong with a target is the caller's to know
        match (self.kind, &self.source) {
            (StoreErrorKind::NoTarget, Some(problem)) => write!(f, ": {problem}"),
            _ => Ok(()),
        }
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| source.as_ref() as &(dyn Error + 'static))
    }
}
