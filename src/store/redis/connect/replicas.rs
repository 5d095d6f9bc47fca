//! Waiting until replicas have what was written. A connection that waits does nothing else, so
//! that it is a connection of its own; what is written on it comes after everything before it.

use std::time::Duration;

use redis::{Pipeline, RedisError, Value};

use super::{
    connections::Connections,
    failure::Failure,
    timeouts::{Timeouts, with_timeout},
};

/// Nobody waits for longer; Redis takes no larger number than some.
const MAX_WAIT: Duration = Duration::from_secs(60 * 60);
/// What is written to wait for goes by itself.
const GONE_MS: u64 = 1000;

impl Connections {
    /// How many replicas have everything within this time; of a Cluster, how many of that primary
    /// which has the fewest. `name` is that of a key to write.
    pub(in crate::store::redis) async fn replicas(
        &self,
        name: &str,
        enough: u32,
        within: Duration,
    ) -> Result<u64, Failure> {
        let within = within.min(MAX_WAIT);
        let response = self.timeouts.response.saturating_add(within);
        let connection = self.servers.connect(Timeouts { response, ..self.timeouts }).await?;
        let ask = |name: &str| ask(name, enough, within);
        let fewest = async {
            match connection {
                #[cfg(feature = "redis-cluster")]
                super::connection::Connection::Cluster(routes) => {
                    let replies = routes.send_everywhere(name, ask).await?;
                    let counts = replies.iter().map(|replies| count(replies));
                    let fewest = counts.reduce(|one, other| Ok(one?.min(other?)));
                    fewest.unwrap_or_else(unexpected).map_err(Failure::from)
                }
                one => {
                    let replies = one.send(ask(name).cmd_iter().cloned().collect()).await?;
                    count(&replies).map_err(Failure::from)
                }
            }
        };
        with_timeout(response, fewest).await
    }
}

fn ask(name: &str, enough: u32, within: Duration) -> Pipeline {
    // a wait without a bound is what zero would mean
    let within = u64::try_from(within.as_millis()).unwrap_or(u64::MAX).max(1);
    let mut ask = Pipeline::with_capacity(2);
    ask.cmd("SET").arg(name).arg("").arg("PX").arg(GONE_MS);
    ask.cmd("WAIT").arg(enough).arg(within);
    ask
}

fn count(replies: &[Value]) -> Result<u64, RedisError> {
    match replies {
        [Value::ServerError(error), _] | [_, Value::ServerError(error)] => {
            Err(error.clone().into())
        }
        [_, Value::Int(count)] => u64::try_from(*count).or_else(|_| unexpected()),
        _ => unexpected(),
    }
}

fn unexpected<T>() -> Result<T, RedisError> {
    Err((redis::ErrorKind::Parse, "not a number of replicas").into())
}
