//! A message that a process publishes for itself with each check of the clock. A subscription that is
//! alive and receives no heartbeat is of no use: it is to a server that is no part of the Cluster any
//! more, or behind something that passes no messages on. Without purges nothing else shows it.
//!
//! Each process has a channel of its own for that, so that a heartbeat costs one message whatever the
//! size of the fleet.

use redis::{Cmd, Value};

use super::message;

/// The heartbeats over one subscription.
#[derive(Debug, Default)]
pub(super) struct Heartbeats {
    /// The channel; `None` where it may not be subscribed to.
    channel: Option<String>,
    sent: u64,
    received: u64,
}

impl Heartbeats {
    pub(super) fn over(channel: Option<String>) -> Self {
        Self { channel, ..Self::default() }
    }

    /// Publishes the next one, where it could be received.
    pub(super) fn next(&mut self) -> Option<Cmd> {
        let channel = self.channel.as_ref()?;
        self.sent += 1;
        let mut publish = redis::cmd("PUBLISH");
        publish.arg(channel).arg(message::heartbeat(self.sent));
        Some(publish)
    }

    /// The one with this number was received.
    pub(super) const fn receive(&mut self, number: u64) {
        self.received = number;
    }

    /// Whether the last one has been received.
    pub(super) const fn is_received(&self) -> bool {
        self.channel.is_some() && self.received == self.sent
    }
}

/// Whether the replies to [`Heartbeats::next`] say that it is on its way: a user may not be permitted to
/// publish, or the node that should may be away.
pub(super) fn is_published(replies: Option<&[Value]>) -> bool {
    matches!(replies, Some([Value::Int(_)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_heartbeat_is_received_or_not() {
        let mut heartbeats = Heartbeats::over(Some("own".to_owned()));
        for number in 1..3 {
            assert!(heartbeats.next().is_some() && !heartbeats.is_received());
            heartbeats.receive(number);
            assert!(heartbeats.is_received());
        }
        assert!(heartbeats.next().is_some());
        heartbeats.receive(2);
        assert!(!heartbeats.is_received(), "that was the one before");
    }

    #[test]
    fn without_a_channel_nothing_is_sent_or_received() {
        let mut heartbeats = Heartbeats::default();
        assert!(heartbeats.next().is_none() && !heartbeats.is_received());
    }
}
