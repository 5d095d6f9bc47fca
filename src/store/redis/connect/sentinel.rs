//! The primary of a service, as sentinels know it. They are asked for every new connection, so
//! that a failover is followed once the old connection is gone.

use std::{fmt, sync::Arc, time::Duration};

use futures_util::{
    StreamExt as _,
    future::{self, FutureExt as _},
};
use redis::{Client, Cmd, ConnectionInfo, ErrorKind, RedisError, Value, sentinel::SentinelClient};
use tokio::sync::Mutex;

use super::{
    access::Access,
    connection,
    url::{self, ServersError},
};

/// How to find the primary.
pub(super) enum Sentinel {
    Named {
        service: String,
        sentinels: Vec<Client>,
        /// What is the same for every server: login, database, protocol, TLS.
        server: Box<Client>,
    },
    Client(SharedClient),
}

/// A client of the `redis` crate: it asks one question at a time.
#[derive(Clone)]
pub(super) struct SharedClient(Arc<Mutex<SentinelClient>>);

impl SharedClient {
    /// Something that no other client has.
    pub(super) fn place(&self) -> String {
        format!("{:p}", Arc::as_ptr(&self.0))
    }
}

impl From<SentinelClient> for SharedClient {
    fn from(client: SentinelClient) -> Self {
        Self(Arc::new(Mutex::new(client)))
    }
}

impl From<SharedClient> for Sentinel {
    fn from(client: SharedClient) -> Self {
        Self::Client(client)
    }
}

impl fmt::Debug for SharedClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SentinelClient")
    }
}

impl Sentinel {
    pub(super) fn new(
        service: String,
        infos: Vec<ConnectionInfo>,
        access: &Access,
    ) -> Result<Self, ServersError> {
        let no_url = || ServersError::new("redis_sentinel", "no URL is given");
        let server = access.client(infos.first().cloned().ok_or_else(no_url)?)?.into();
        // the URLs' own login is the sentinels', and a sentinel has no databases
        let mut access = access.clone();
        access.login = None;
        let sentinels = infos.into_iter().map(|info| {
            let settings = info.redis_settings().clone().set_db(0);
            access.client(info.set_redis_settings(settings))
        });
        Ok(Self::Named { service, sentinels: sentinels.collect::<Result<_, _>>()?, server })
    }

    pub(super) fn database(&self) -> i64 {
        match self {
            Self::Named { server, .. } => server.get_connection_info().redis_settings().db(),
            Self::Client(_) => 0,
        }
    }

    pub(super) fn address(&self) -> String {
        match self {
            Self::Named { service, sentinels, .. } => {
                let addresses = sentinels.iter().map(|client| client.get_connection_info().addr());
                let addresses: Vec<String> = addresses.map(ToString::to_string).collect();
                format!("{service} by sentinels {}", addresses.join(", "))
            }
            Self::Client(_) => "a SentinelClient's".to_owned(),
        }
    }

    /// A client for the present primary. All sentinels are asked at once, as one that is gone may
    /// take all the time there is; the first that names a server which is a primary is right.
    pub(super) async fn primary(&self) -> Result<Client, RedisError> {
        match self {
            Self::Named { service, sentinels, server } => {
                let asked = sentinels.iter().map(|one| named(one, service, server).boxed());
                future::select_ok(asked).await.map(|(client, _)| client)
            }
            Self::Client(client) => client.0.lock().await.async_get_client().await,
        }
    }
}

/// How long to leave sentinels alone before they are listened to, at first and after a failure.
const PAUSE: Duration = Duration::from_millis(250);

impl Sentinel {
    /// Waits until a sentinel says that another server than this is the primary.
    ///
    /// The old one may be there for seconds more, and take what is written as if nothing had
    /// happened, until it is made a replica of the new one and loses it.
    pub(super) async fn replaced(&self, primary: &str) {
        loop {
            tokio::time::sleep(PAUSE).await;
            let told = match self {
                Self::Named { service, sentinels, .. } => {
                    let each = sentinels.iter().map(|sentinel| {
                        let now = async {
                            let (host, port) = address(sentinel, service).await?;
                            Ok(format!("{host}:{port}"))
                        };
                        told(sentinel, format!("{service} "), now, primary).boxed()
                    });
                    future::select_ok(each).await.map(drop)
                }
                Self::Client(client) => client.replaced(primary).await,
            };
            if told.is_ok() {
                return;
            }
        }
    }
}

impl SharedClient {
    /// As above. Which service is meant is not known: any change counts.
    async fn replaced(&self, primary: &str) -> Result<(), RedisError> {
        let sentinel = self.0.lock().await.async_get_sentinel_client().await?;
        let now = async {
            let client = self.0.lock().await.async_get_client().await?;
            Ok(client.get_connection_info().addr().to_string())
        };
        told(&sentinel, String::new(), now, primary).await
    }
}

/// Listens to a sentinel until it tells of another primary in a message that begins with `service`,
/// or has told of one before, as `now` shows.
async fn told(
    sentinel: &Client,
    service: String,
    now: impl Future<Output = Result<String, RedisError>>,
    primary: &str,
) -> Result<(), RedisError> {
    let mut subscriber = sentinel.get_async_pubsub().await?;
    subscriber.subscribe("+switch-master").await?;
    if now.await? != primary {
        return Ok(());
    }
    let mut messages = subscriber.on_message();
    while let Some(message) = messages.next().await {
        if message.get_payload_bytes().starts_with(service.as_bytes()) {
            return Ok(());
        }
    }
    Err((ErrorKind::Io, "the sentinel is gone").into())
}

/// The server that this sentinel names, if it is a primary.
async fn named(sentinel: &Client, service: &str, server: &Client) -> Result<Client, RedisError> {
    let (host, port) = address(sentinel, service).await?;
    let client = Client::open(url::moved(server.get_connection_info(), host, port))?;
    match answer(&client, &redis::cmd("ROLE")).await? {
        Value::Array(role) if is_primary(&role) => Ok(client),
        // who may not ask believes the sentinel
        Value::ServerError(error) if error.code() == "NOPERM" => Ok(client),
        _ => Err((ErrorKind::Io, "the server that a sentinel named is no primary").into()),
    }
}

/// The address that this sentinel names.
async fn address(sentinel: &Client, service: &str) -> Result<(String, u16), RedisError> {
    let mut ask = redis::cmd("SENTINEL");
    ask.arg("GET-MASTER-ADDR-BY-NAME").arg(service);
    let named: Option<(String, u16)> = redis::from_redis_value(answer(sentinel, &ask).await?)?;
    let problem = "the sentinels do not know the service";
    named.ok_or_else(|| (ErrorKind::MasterNameNotFoundBySentinel, problem).into())
}

fn is_primary(role: &[Value]) -> bool {
    match role.first() {
        Some(Value::BulkString(role)) => role == b"master",
        Some(Value::SimpleString(role)) => role == "master",
        _ => false,
    }
}

async fn answer(client: &Client, question: &Cmd) -> Result<Value, RedisError> {
    connection::to(client).await?.send_packed_command(question).await
}
