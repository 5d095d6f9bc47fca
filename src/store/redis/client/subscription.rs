//! Subscriptions to announcements, and what becomes of the servers around them.

use redis::aio::{PubSubSink, PubSubStream};

use super::RedisClient;
use crate::store::redis::{
    connect::{PubSubConnection, SubscribedNode, TopologyChange},
    names::Names,
};

/// A subscription to announcements.
pub(in crate::store::redis) struct Subscription {
    pub(in crate::store::redis) sink: PubSubSink,
    pub(in crate::store::redis) stream: PubSubStream,
    pub(in crate::store::redis) subscribed_node: SubscribedNode,
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
        let PubSubConnection { connection, subscribed_node } =
            self.connections.pubsub().await.ok()?;
        let (mut sink, stream) = connection.split();
        sink.subscribe(names.channel()).await.ok()?;
        // a user may be permitted the one channel and not the other
        let has_own = sink.subscribe(own).await.is_ok();
        Some(Subscription { sink, stream, subscribed_node, has_own })
    }

    /// Looks whether servers have changed around a subscription.
    pub(in crate::store::redis) async fn check_topology(
        &self,
        subscribed_node: &mut SubscribedNode,
        names: &Names,
    ) -> TopologyChange {
        self.connections.check_topology(subscribed_node, names.clock()).await
    }

    /// Waits until another server is known to be the primary; for many ways to servers forever.
    pub(in crate::store::redis) async fn replaced(&self) {
        self.connections.replaced().await;
    }
}
