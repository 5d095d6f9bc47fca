//! Which application uses a prefix. Two that see the same hosts and paths and have one prefix on one
//! Redis answer with each other's responses; so each leaves a mark of its configuration there, and
//! says when it finds another's.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use redis::Value;

use super::{client::RedisClient, names::Names};

/// How long a mark is kept after its last process started, in seconds.
const KEPT_FOR_S: u64 = 30 * 24 * 60 * 60;

/// The configuration of this process.
#[derive(Debug)]
pub(super) struct Configuration {
    own: String,
    has_warned: AtomicBool,
}

impl Configuration {
    pub(super) fn new(own: &str) -> Arc<Self> {
        Arc::new(Self { own: own.to_owned(), has_warned: AtomicBool::new(false) })
    }

    /// Leaves the mark, and returns a warning where another configuration's was there. A server that
    /// does not answer, or does not permit it, says nothing.
    pub(super) async fn compare(&self, client: &RedisClient, names: &Names) -> Option<String> {
        if self.own.is_empty() {
            return None;
        }
        let mut exchange = redis::cmd("SET");
        exchange.arg(names.configuration()).arg(&self.own).arg("GET").arg("EX").arg(KEPT_FOR_S);
        let replies = client.send_untracked(vec![exchange]).await?;
        let Some(Value::BulkString(found)) = replies.first() else { return None };
        (found.as_slice() != self.own.as_bytes()).then(|| {
            format!(
                "the prefix `{}` is used by another configuration too: if that is another \
                 application, it answers with this one's responses, and each needs a prefix of its \
                 own. While a new version is being deployed this is as it should be",
                names.prefix()
            )
        })
    }

    /// Compares, and tells the log once.
    pub(super) async fn check(&self, client: &RedisClient, names: &Names) {
        if let Some(warning) = self.compare(client, names).await
            && !self.has_warned.swap(true, Ordering::Relaxed)
        {
            tracing::warn!(address = client.address(), "response cache: {warning}");
        }
    }
}
