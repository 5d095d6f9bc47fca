//! What a process publishes for itself to hear, with each look at the clock. A subscription that is
//! alive and hears nothing of it is of no use: it is to a server that is no part of the Cluster any
//! more, or behind something that passes no messages on. Without purges, nothing else shows.
//!
//! Each process has a channel of its own for that, so that a beat costs one message whatever the size
//! of the fleet.

use redis::{Cmd, Value};

use super::message;

/// The beats over one subscription.
#[derive(Debug, Default)]
pub(super) struct Beats {
    /// The channel; `None` where it may not be subscribed to.
    channel: Option<String>,
    sent: u64,
    heard: u64,
}

impl Beats {
    pub(super) fn over(channel: Option<String>) -> Self {
        Self { channel, ..Self::default() }
    }

    /// Publishes the next beat, where it could be heard.
    pub(super) fn next(&mut self) -> Option<Cmd> {
        let channel = self.channel.as_ref()?;
        self.sent += 1;
        let mut publish = redis::cmd("PUBLISH");
        publish.arg(channel).arg(message::beat(self.sent));
        Some(publish)
    }

    /// This beat was heard.
    pub(super) const fn hear(&mut self, number: u64) {
        self.heard = number;
    }

    /// Whether the last beat has been heard.
    pub(super) const fn is_heard(&self) -> bool {
        self.channel.is_some() && self.heard == self.sent
    }
}

/// Whether the replies to [`Beats::next`] say that it is on its way: a user may not be permitted to
/// publish, or the node that should may be away.
pub(super) fn is_published(replies: Option<&[Value]>) -> bool {
    matches!(replies, Some([Value::Int(_)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_beat_is_heard_or_not() {
        let mut beats = Beats::over(Some("own".to_owned()));
        for number in 1..3 {
            assert!(beats.next().is_some() && !beats.is_heard());
            beats.hear(number);
            assert!(beats.is_heard());
        }
        assert!(beats.next().is_some());
        beats.hear(2);
        assert!(!beats.is_heard(), "that was the one before");
    }

    #[test]
    fn without_a_channel_nothing_is_sent_or_heard() {
        let mut beats = Beats::default();
        assert!(beats.next().is_none() && !beats.is_heard());
    }
}
