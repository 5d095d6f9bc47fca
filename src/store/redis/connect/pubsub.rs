//! Connections for subscriptions, and whether the server that one is to is of use for that still.

use redis::aio::PubSub;
use tokio::runtime::Handle;

use super::{connections::Connections, failure::Failure};
#[cfg(feature = "redis-cluster")]
use super::{
    members::{Member, Topology},
    timeouts::with_timeout,
};

/// A connection for subscriptions.
pub(in crate::store::redis) struct PubSubConnection {
    pub(in crate::store::redis) connection: PubSub,
    pub(in crate::store::redis) subscribed_node: SubscribedNode,
}

/// Where a subscription is; on one server it is never lost.
#[derive(Debug, Default)]
pub(in crate::store::redis) struct SubscribedNode {
    #[cfg(feature = "redis-cluster")]
    member: Option<Member>,
    #[cfg(feature = "redis-cluster")]
    topology: Option<Topology>,
}

/// What has become of the servers since they were last looked at.
#[cfg_attr(not(feature = "redis-cluster"), allow(dead_code, reason = "one server stays"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store::redis) enum TopologyChange {
    /// Nothing, as far as is known.
    None,
    /// Keys or nodes have changed their places.
    Changed,
    /// The server that the subscription is to is no member of the Cluster any more.
    NodeLeft,
}

impl From<PubSub> for PubSubConnection {
    fn from(connection: PubSub) -> Self {
        Self { connection, subscribed_node: SubscribedNode::default() }
    }
}

#[cfg(feature = "redis-cluster")]
impl From<(PubSub, Member)> for PubSubConnection {
    fn from((connection, member): (PubSub, Member)) -> Self {
        Self {
            connection,
            subscribed_node: SubscribedNode { member: Some(member), topology: None },
        }
    }
}

impl Connections {
    /// A connection of the caller's own, for subscriptions.
    pub(in crate::store::redis) async fn pubsub(&self) -> Result<PubSubConnection, Failure> {
        Handle::try_current().map_err(|_| Failure::NoRuntime)?;
        #[cfg(feature = "redis-cluster")]
        if self.is_to_several() {
            let (_, connection) = self.connection().await?;
            return self.servers.member(connection, self.timeouts.connect).await.map(Into::into);
        }
        self.servers.pubsub(self.timeouts).await.map(Into::into)
    }

    /// Looks whether anything has changed around a subscription, as the node that holds this key
    /// sees it. No answer says nothing.
    #[cfg_attr(
        not(feature = "redis-cluster"),
        allow(clippy::unused_async, unused_variables, reason = "one server is always the same")
    )]
    pub(in crate::store::redis) async fn check_topology(
        &self,
        subscribed_node: &mut SubscribedNode,
        key: &str,
    ) -> TopologyChange {
        #[cfg(feature = "redis-cluster")]
        if let Some(member) = subscribed_node.member.clone()
            && let Some(now) = self.topology(key).await
        {
            let before = subscribed_node.topology.replace(now.clone());
            if before.is_some_and(|before| before != now) {
                return match self.has_member(&member).await {
                    Ok(false) => TopologyChange::NodeLeft,
                    _ => TopologyChange::Changed,
                };
            }
        }
        TopologyChange::None
    }

    #[cfg(feature = "redis-cluster")]
    async fn topology(&self, key: &str) -> Option<Topology> {
        let routes = self.connection().await.ok()?.1.routes()?;
        with_timeout(self.timeouts.response, routes.topology(key)).await.ok()
    }

    #[cfg(feature = "redis-cluster")]
    async fn has_member(&self, member: &Member) -> Result<bool, Failure> {
        let connection = self.connection().await?.1;
        with_timeout(self.timeouts.response, self.servers.has_member(connection, member)).await
    }
}
