//! What an entry takes of memory: how many bytes that is, and copies that take no more than they
//! need.

use actix_web::http::header::HeaderName;
#[cfg(all(feature = "memory", feature = "redis"))]
use bytes::Bytes;

use super::{Entry, Kind, PackedBodies};
use crate::key::CacheKey;

impl Entry {
    /// About how many bytes of memory the entry takes behind an [`Arc`](std::sync::Arc): itself, its
    /// key, header fields, groups and body, each with what the allocator adds. What several
    /// entries share counts for each.
    pub fn weight(&self) -> usize {
        let kind = match &self.kind {
            Kind::Response(response) => {
                weight_of_shared(response.headers.as_bytes().len())
                    + weight_of_bytes(response.stored_body().held())
                    + weight_of_packed(&response.packed)
            }
            Kind::Varies(selecting) => weight_of_list(&selecting.names, weight_of_name),
        };
        let own = allocated(size_of::<Self>() + 2 * size_of::<usize>());
        let groups = weight_of_list(&self.groups, |group| allocated(group.capacity()));
        own + weight_of_key(&self.key) + groups + kind
    }

    /// The same, with a body of its own: one that is a slice of a larger buffer, such as what a socket was
    /// read into, keeps all of that buffer.
    #[cfg(all(feature = "memory", feature = "redis"))]
    pub(crate) fn with_own_body(&self) -> Self {
        let mut entry = self.clone();
        if let Kind::Response(response) = &mut entry.kind {
            response.map_bodies(|body| Bytes::copy_from_slice(body));
        }
        entry
    }
}

/// What a list takes, and what its items take beside themselves.
fn weight_of_list<T>(list: &Vec<T>, weight: impl Fn(&T) -> usize) -> usize {
    allocated(list.capacity() * size_of::<T>()) + list.iter().map(weight).sum::<usize>()
}

fn weight_of_packed(packed: &PackedBodies) -> usize {
    let bodies = packed.iter();
    let each = |(_, body): (_, &bytes::Bytes)| {
        size_of::<(u8, bytes::Bytes)>() + weight_of_bytes(body.len())
    };
    let sum: usize = bodies.map(each).sum();
    if packed.is_empty() { 0 } else { weight_of_shared(0) + sum }
}

fn weight_of_key(key: &CacheKey) -> usize {
    weight_of_shared(key.shared_bytes())
}

/// Standard names are constants: a copy of one is at the same place. Others are bytes of their own.
fn weight_of_name(name: &HeaderName) -> usize {
    let copy = HeaderName::from_bytes(name.as_str().as_bytes());
    let is_constant = copy.is_ok_and(|copy| std::ptr::eq(copy.as_str(), name.as_str()));
    if is_constant { 0 } else { weight_of_bytes(name.as_str().len()) }
}

/// What this many bytes take behind an [`Arc`](std::sync::Arc).
const fn weight_of_shared(length: usize) -> usize {
    allocated(length.saturating_add(2 * size_of::<usize>()))
}

/// What this many bytes take behind a [`Bytes`]: as soon as there is a second one of them, it shares a
/// counter with the first.
fn weight_of_bytes(length: usize) -> usize {
    const COUNTER: usize = 3 * size_of::<usize>();
    if length == 0 { 0 } else { allocated(length) + allocated(COUNTER) }
}

/// What an allocation of this many bytes takes with what the allocator adds: eight bytes, rounded up
/// to sixteen, as the one of most Linux systems does. Others add about as much.
pub(crate) const fn allocated(length: usize) -> usize {
    match length {
        0 => 0,
        1..=24 => 32,
        _ => length.saturating_add(8).next_multiple_of(16),
    }
}

#[cfg(test)]
mod tests;
