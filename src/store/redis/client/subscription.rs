//! Subscriptions to announcements, and what becomes of the servers around them.

use redis::aio::{PubSubSink, PubSubStream};

use super::RedisClient;
use crate::store::redis::{
    connect::{Seat, Subscriber, Surroundings},
    names::Names,
};

/// A subscription to announcements.
pub(in crate::store::redis) struct Subscription {
    pub(in crate::store::redis) sink: PubSubSink,
    pub(in crate::store::redis) stream: PubSubStream,
    pub(in crate::store::redis) seat: Seat,
    /// Whether it is to the process's own channel too.
    pub(in crate::store::redis) has_own: bool,
}

impl RedisClient {
    /// A subscription to the channels of these names.
    pub(in crate::store::redis) async fn subscribe(
        &self,
        names: &Names,
        own: &str,
    ) -> Option<Subscription> {
        let Subscriber { connection, seat } = self.connections.subscriber().await.ok()?;
        let (mut sink, stream) = connection.split();
        sink.subscribe(names.channel()).await.ok()?;
        // a user may be permitted the one channel and not the other
        let has_own = sink.subscribe(own).await.is_ok();
        Some(Subscription { sink, stream, seat, has_own })
    }

    /// Looks whether servers have changed around a subscription.
    pub(in crate::store::redis) async fn look_around(
        &self,
        seat: &mut Seat,
        names: &Names,
    ) -> Surroundings {
        self.connections.look_around(seat, &names.clock()).await
    }

    /// Waits until another server is known to be the primary; for many ways to servers forever.
    pub(in crate::store::redis) async fn replaced(&self) {
        self.connections.replaced().await;
    }
}
