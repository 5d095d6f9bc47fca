//! The servers that together hold all keys, for what is asked of each: scans.

use crate::key;

/// One server, or one primary of a Cluster, as it was found over one connection.
#[derive(Clone, Debug)]
pub(in crate::store::redis) struct Node {
    /// The number of the connection: a cursor means nothing over another.
    pub(super) connection: u64,
    pub(super) location: Location,
}

/// Where a node is in its Cluster, and what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Location {
    Only,
    #[cfg(feature = "redis-cluster")]
    InCluster {
        host: String,
        port: u16,
        /// Its slots as it writes them; those on the way to or from it stand in brackets.
        slots: Vec<String>,
    },
}

impl Node {
    /// Whether these are the same nodes and hold the same keys, whatever the connection.
    pub(in crate::store::redis) fn are_at_same_locations(one: &[Self], other: &[Self]) -> bool {
        one.iter().map(|node| &node.location).eq(other.iter().map(|node| &node.location))
    }

    /// What tells where these nodes are, and what they hold.
    pub(in crate::store::redis) fn fingerprint(nodes: &[Self], run: &[u8]) -> u64 {
        let locations: Vec<_> = nodes.iter().map(|node| &node.location).collect();
        let digest = key::digest(format!("{locations:?}{run:?}").as_bytes());
        digest.first_chunk().map_or(0, |begin| u64::from_be_bytes(*begin))
    }

    /// Whether keys can have moved between nodes from when they were found as `before` until they
    /// were found as `after`.
    pub(in crate::store::redis) fn may_have_moved_keys(before: &[Self], after: &[Self]) -> bool {
        let is_moving = |node: &Self| match &node.location {
            Location::Only => false,
            #[cfg(feature = "redis-cluster")]
            Location::InCluster { slots, .. } => slots.iter().any(|slot| slot.starts_with('[')),
        };
        let locations =
            |nodes: &[Self]| nodes.iter().map(|node| node.location.clone()).collect::<Vec<_>>();
        locations(before) != locations(after) || before.iter().chain(after).any(is_moving)
    }
}

#[cfg(feature = "redis-cluster")]
impl Location {
    /// A slot that the node holds, if it holds any.
    pub(super) fn first_slot(&self) -> Option<u16> {
        let Self::InCluster { slots, .. } = self else { return None };
        slots.first()?.split('-').next()?.parse().ok()
    }
}
