//! `StoredHeaders`: the header fields of a stored response, packed into one piece of memory.
//!
//! ```text
//! field   code | length of the value | value             a name of the table
//!         code | length of the name | name | length of the value | value
//! code    the name's number in the table; 0 where the name is written; + 128 where it is sensitive
//! length  a byte; 255 where four more bytes follow, which are the length; 254 before the number of a value
//!         of a table, in place of the value
//! ```
//!
//! A list of names and values of their own takes three times as much, in several pieces.

use std::{borrow::Borrow, fmt, sync::Arc};

use actix_web::http::header::{HeaderName, HeaderValue};
use bytes::Bytes;

use crate::semantics::fields::Fields;

mod names;
mod packing;
mod values;

use self::packing::{Packed, Value, push_field};

/// How long the fields of most responses are at most, in bytes.
const USUAL_LENGTH: usize = 512;
/// How long a name is at most mostly, with what is written beside it.
const USUAL_NAME: usize = 32;

/// The header fields of a stored response; repeated ones keep their order.
///
/// They are collected from names and values. A clone shares their memory.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredHeaders(Arc<[u8]>);

impl StoredHeaders {
    /// The fields as bytes, for a store outside the process.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Reads back what [`as_bytes`](Self::as_bytes) gave; `None` where the bytes are no header fields. The
    /// numbers of names and values may change with a new version of this crate.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut fields = Packed(bytes);
        let is_valid = fields.by_ref().all(|field| field.is_valid());
        (is_valid && fields.0.is_empty()).then(|| Self(bytes.into()))
    }

    /// The names, in lower case, with their values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        Packed(&self.0).map(|field| (field.name.as_str(), field.value.as_bytes()))
    }

    /// The first value of the field `name`.
    pub fn get(&self, name: &HeaderName) -> Option<&[u8]> {
        Packed(&self.0).find(|field| field.name == *name).map(|field| field.value.as_bytes())
    }

    /// The same with one more field.
    #[must_use]
    pub(crate) fn with(&self, name: &HeaderName, value: &HeaderValue) -> Self {
        let mut bytes = Vec::with_capacity(self.0.len() + value.len() + USUAL_NAME);
        bytes.extend_from_slice(&self.0);
        push_field(&mut bytes, name, value);
        Self(bytes.into())
    }

    /// Each field as a response needs it. The values are slices of one buffer, which they count the
    /// users of by themselves.
    pub(crate) fn expand(&self) -> impl Iterator<Item = (HeaderName, HeaderValue)> + use<'_> {
        let whole = Bytes::from_owner(Arc::clone(&self.0));
        Packed(&self.0).filter_map(move |field| {
            let mut value = match field.value {
                Value::Known(value) => value.clone(),
                // which is within the buffer, as both are made of the same memory
                Value::Written(value) => {
                    HeaderValue::from_maybe_shared(whole.slice_ref(value)).ok()?
                }
            };
            value.set_sensitive(field.is_sensitive);
            Some((field.name.to_header_name()?, value))
        })
    }
}

impl Default for StoredHeaders {
    fn default() -> Self {
        Self(Arc::from([]))
    }
}

impl<N: Borrow<HeaderName>, V: Borrow<HeaderValue>> FromIterator<(N, V)> for StoredHeaders {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(fields: I) -> Self {
        let mut bytes = Vec::with_capacity(USUAL_LENGTH);
        for (name, value) in fields {
            push_field(&mut bytes, name.borrow(), value.borrow());
        }
        Self(bytes.into())
    }
}

impl fmt::Debug for StoredHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.expand()).finish()
    }
}

impl Fields for StoredHeaders {
    fn all<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = &'a [u8]> {
        Packed(&self.0).filter(move |field| field.name == *name).map(|field| field.value.as_bytes())
    }
}

#[cfg(test)]
mod tests;
