//! A second look at an entry that was read while not all purges of its time are known: the fences
//! that concern it are asked for.

use redis::Value;

use super::fence::{self, Admission, Reading};
use crate::{
    entry::Entry,
    store::{
        error::StoreError,
        redis::{client::RedisClient, index, names::Names},
    },
};

/// What purges have left of an entry, and up to which number they count.
pub(in crate::store::redis) async fn look(
    client: &RedisClient,
    names: &Names,
    entry: &Entry,
) -> Result<(Admission, u64), StoreError> {
    let mut commands = index::look_up(names, entry);
    commands.push(fence::read(names, entry));
    let mut replies = client.ask(commands).await?;
    let fences = replies.pop().unwrap_or_default();
    let Some(reading) = Reading::of(&fences) else { return Ok((Admission::Refused, 0)) };
    let is_listed = |reply: &Value| !matches!(reply, Value::Nil | Value::ServerError(_));
    if reading.needs_index(entry.since) && !replies.iter().all(is_listed) {
        return Ok((Admission::Refused, reading.now));
    }
    Ok((reading.of_entry(entry.since), reading.now))
}
