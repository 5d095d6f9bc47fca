//! Bodies packed for clients: once, after the response has been stored, off the way of requests.

#[cfg(feature = "precompress")]
mod behind;
#[cfg(feature = "precompress")]
mod job;
#[cfg(not(feature = "precompress"))]
mod off;

#[cfg(feature = "precompress")]
pub(crate) use self::job::{Packers, Packing};
#[cfg(not(feature = "precompress"))]
pub(crate) use self::off::Packing;
