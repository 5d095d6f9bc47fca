//! The exchange of a hit.

use super::{RedisClient, error};
use crate::{
    clock::Stopwatch,
    store::{
        budget,
        error::StoreError,
        redis::connect::{EntryRead, Failure, Reply},
    },
};

impl RedisClient {
    /// The begin of a value and the time; otherwise as [`send`](Self::send).
    pub(in crate::store::redis) async fn read_entry(
        &self,
        read: EntryRead<'_>,
    ) -> Result<[Reply; 2], StoreError> {
        let Some(connection) = self.connections.plain().filter(|_| self.has_whole_budget()) else {
            // boxed, as a hit would carry the room for it along
            let exchange = async { self.track_read(self.connections.read_entry(read).await) };
            return Box::pin(self.within_budget(exchange)).await;
        };
        self.admit()?;
        let begun = Stopwatch::start();
        let replies = match connection.begin_read(&read) {
            Ok(replies) => Ok(replies.await),
            Err(failure) => Err(failure),
        };
        let replies = self.track_read(connection.received(replies));
        self.spend(begun.elapsed(), replies.is_ok());
        replies
    }

    fn track_read(&self, replies: Result<[Reply; 2], Failure>) -> Result<[Reply; 2], StoreError> {
        self.track(replies.map_err(error::classify).and_then(|replies| {
            self.check_errors(replies.iter().filter_map(Reply::value))?;
            Ok(replies)
        }))
    }

    fn has_whole_budget(&self) -> bool {
        let whole = self.connections.bound();
        budget::left_of(whole) == whole
    }
}
