//! URLs that clients asked for, as operators see them. Queries can hold secrets: a read-only token, which a
//! dashboard may show to many people, gets URLs without them.

use super::operator::Operator;
use crate::engine::{
    handle::CacheHandle,
    stats::{RequestExample, TopKeys},
};

/// The keys that are asked for most.
pub(super) fn top_keys(handle: &CacheHandle, operator: &Operator) -> TopKeys {
    let mut top = handle.top_keys();
    if operator.is_read_only() {
        for top in &mut top.by_hits {
            hide_query(&mut top.key);
        }
        for top in &mut top.by_handler_time {
            hide_query(&mut top.key);
        }
    }
    top
}

/// A recent request for each reason.
pub(super) fn examples(handle: &CacheHandle, operator: &Operator) -> Vec<RequestExample> {
    let mut examples = handle.examples();
    if operator.is_read_only() {
        for example in &mut examples {
            hide_query(&mut example.url);
        }
    }
    examples
}

fn hide_query(url: &mut String) {
    if let Some(query) = url.find('?') {
        url.truncate(query);
        url.push_str("?…");
    }
}
