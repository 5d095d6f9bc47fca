//! Connections for subscriptions, and whether the server that one is to is of use for that still.

use redis::aio::PubSub;
use tokio::runtime::Handle;

#[cfg(feature = "redis-cluster")]
use super::{
    bounds::bounded,
    members::{Member, Topology},
};
use super::{connections::Connections, failure::Failure};

/// A connection for subscriptions.
pub(in crate::store::redis) struct Subscriber {
    pub(in crate::store::redis) connection: PubSub,
    pub(in crate::store::redis) seat: Seat,
}

/// Where a subscription is; on one server it is never lost.
#[derive(Debug, Default)]
pub(in crate::store::redis) struct Seat {
    #[cfg(feature = "redis-cluster")]
    member: Option<Member>,
    #[cfg(feature = "redis-cluster")]
    topology: Option<Topology>,
}

/// What has become of the servers since they were last looked at.
#[cfg_attr(not(feature = "redis-cluster"), allow(dead_code, reason = "one server stays"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store::redis) enum Surroundings {
    /// Nothing, as far as is known.
    Same,
    /// Keys or nodes have changed their places.
    Changed,
    /// The server that the subscription is to is no member of the Cluster any more.
    Left,
}

impl From<PubSub> for Subscriber {
    fn from(connection: PubSub) -> Self {
        Self { connection, seat: Seat::default() }
    }
}

#[cfg(feature = "redis-cluster")]
impl From<(PubSub, Member)> for Subscriber {
    fn from((connection, member): (PubSub, Member)) -> Self {
        Self { connection, seat: Seat { member: Some(member), topology: None } }
    }
}

impl Connections {
    /// A connection of the caller's own, for subscriptions.
    pub(in crate::store::redis) async fn subscriber(&self) -> Result<Subscriber, Failure> {
        Handle::try_current().map_err(|_| Failure::NoRuntime)?;
        #[cfg(feature = "redis-cluster")]
        if self.is_to_several() {
            let (_, connection) = self.connection().await?;
            return self.servers.member(connection, self.bounds.connect).await.map(Into::into);
        }
        self.servers.subscriber(self.bounds).await.map(Into::into)
    }

    /// Looks whether anything has changed around a subscription, as the node that holds this key
    /// sees it. No answer says nothing.
    #[cfg_attr(
        not(feature = "redis-cluster"),
        allow(clippy::unused_async, unused_variables, reason = "one server is always the same")
    )]
    pub(in crate::store::redis) async fn look_around(
        &self,
        seat: &mut Seat,
        key: &str,
    ) -> Surroundings {
        #[cfg(feature = "redis-cluster")]
        if let Some(member) = seat.member.clone()
            && let Some(now) = self.topology(key).await
        {
            let before = seat.topology.replace(now.clone());
            if before.is_some_and(|before| before != now) {
                return match self.has_member(&member).await {
                    Ok(false) => Surroundings::Left,
                    _ => Surroundings::Changed,
                };
            }
        }
        Surroundings::Same
    }

    #[cfg(feature = "redis-cluster")]
    async fn topology(&self, key: &str) -> Option<Topology> {
        let routes = self.connection().await.ok()?.1.routes()?;
        bounded(self.bounds.operate, routes.topology(key)).await.ok()
    }

    #[cfg(feature = "redis-cluster")]
    async fn has_member(&self, member: &Member) -> Result<bool, Failure> {
        let connection = self.connection().await?.1;
        bounded(self.bounds.operate, self.servers.has_member(connection, member)).await
    }
}
