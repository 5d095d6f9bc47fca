//! A second look at an entry that was read while not all purges of its time are known: a purge may
//! have missed it, if what should have led there had been evicted.

use redis::Value;

use super::{
    fence::{self, Admission},
    index,
    link::Link,
    names::Names,
};
use crate::{entry::Entry, store::StoreError};

/// What purges have left of an entry: nothing, unless all its indexes list it, so that any purge
/// has found it.
pub(super) async fn listed(
    link: &Link,
    names: &Names,
    entry: &Entry,
) -> Result<Admission, StoreError> {
    let mut commands = index::look_up(names, entry);
    commands.push(fence::read(names, entry));
    let mut replies = link.ask(commands).await?;
    let fences = replies.pop().unwrap_or_default();
    let is_listed = |reply: &Value| !matches!(reply, Value::Nil | Value::ServerError(_));
    if !replies.iter().all(is_listed) {
        return Ok(Admission::Refused);
    }
    Ok(fence::judge_since_seed(&fences, entry.since))
}
