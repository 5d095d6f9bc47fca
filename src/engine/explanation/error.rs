//! `ExplainError`: why a question about a request cannot be answered.

use std::{error::Error, fmt};

/// Why an [`Inquiry`](crate::Inquiry) cannot be answered.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExplainError {
    /// The text for the method is not the name of one.
    Method,
    /// The URL is neither a path nor an absolute URL of `http` or `https`.
    Url,
    /// The URL is a path, and no `Host` header says whose.
    Host,
    /// A header has a name or a value that no request can have.
    Header,
    /// No worker of this process serves requests through the cache yet.
    NotServing,
    /// A function of the application (`only_if`, `key_fn`, `Auth::from_fn`) has panicked: it needs more of
    /// a request than its method, URL and headers.
    Panicked,
}

impl fmt::Display for ExplainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Method => "this is no method",
            Self::Url => "the URL is neither a path nor an absolute URL of http or https",
            Self::Host => "the URL names no host: write http://host/path, or add a Host header",
            Self::Header => "a header has a name or a value that no request can have",
            Self::NotServing => "no worker serves requests through this cache yet",
            Self::Panicked => {
                "a function of the application panicked on a request without application data"
            }
        })
    }
}

impl Error for ExplainError {}
