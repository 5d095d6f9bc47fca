//! URLs that clients asked for, as operators see them. Queries can hold secrets: a read-only token, which a
//! dashboard may show to many people, gets URLs without them.

use super::{operator::Operator, refusal::Refusal};
use crate::engine::{
    entries::{EntryPage, EntrySearch},
    explanation::RunningCall,
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

/// Some of the stored responses.
pub(super) async fn entries(
    handle: &CacheHandle,
    search: &EntrySearch,
    operator: &Operator,
) -> Result<EntryPage, Refusal> {
    let mut page = handle.entries(search).await.map_err(Refusal::store)?;
    if operator.is_read_only() {
        for entry in &mut page.entries {
            hide_query(&mut entry.url);
        }
    }
    Ok(page)
}

/// The handler calls that run now.
pub(super) fn running_calls(handle: &CacheHandle, operator: &Operator) -> Vec<RunningCall> {
    let mut calls = handle.flights();
    if operator.is_read_only() {
        for call in &mut calls {
            hide_query(&mut call.url);
        }
    }
    calls
}

fn hide_query(url: &mut String) {
    if let Some(query) = url.find('?') {
        url.truncate(query);
        url.push_str("?…");
    }
}
