//! The primary of a service, as sentinels know it. They are asked for every new connection, so
//! that a failover is followed once the old connection is gone. Each connection on the way has the
//! time to connect for itself.

use std::{fmt, sync::Arc, time::Duration};

use futures_util::{
    StreamExt as _,
    future::{self, FutureExt as _},
};
use redis::{
    Client, ConnectionInfo, ErrorKind, RedisError, Value, aio::MultiplexedConnection,
    sentinel::SentinelClient,
};
use tokio::sync::Mutex;

use super::{
    access::Access,
    dial,
    failure::Failure,
    timeouts::{Timeouts, with_timeout},
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
    pub(super) fn identity(&self) -> String {
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
        let no_url = || ServersError::new("Redis::sentinel", "no URL is given");
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
        self.server().map_or(0, |server| server.redis_settings().db())
    }

    /// What the servers have in common; what a client of sentinels was made with it does not tell.
    pub(super) fn server(&self) -> Option<&ConnectionInfo> {
        match self {
            Self::Named { server, .. } => Some(server.get_connection_info()),
            Self::Client(_) => None,
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

    /// A connection to the present primary. All sentinels are asked at once, as one that is gone may
    /// take all the time there is; the first that names a server which is a primary is right.
    pub(super) async fn connect(
        &self,
        timeouts: Timeouts,
    ) -> Result<(MultiplexedConnection, Primary), Failure> {
        match self {
            Self::Named { service, sentinels, server } => {
                let asked =
                    sentinels.iter().map(|one| named(one, service, server, timeouts).boxed());
                future::select_ok(asked).await.map(|(named, _)| named)
            }
            Self::Client(client) => {
                let client = client.primary(timeouts).await?;
                let connection = dial::to(&client, timeouts.connect).await?;
                Ok((connection, Primary { client, sentinel: None }))
            }
        }
    }

    /// A client for the present primary.
    pub(super) async fn primary(&self, timeouts: Timeouts) -> Result<Client, Failure> {
        match self {
            Self::Named { .. } => self.connect(timeouts).await.map(|(_, primary)| primary.client),
            Self::Client(client) => client.primary(timeouts).await,
        }
    }

    /// Whether another server than this is the primary by now. The sentinel that named it is asked
    /// over the connection that there is, and all of them anew where that does not answer.
    pub(super) async fn is_replaced(&self, primary: &Primary, timeouts: Timeouts) -> bool {
        if let (Self::Named { service, .. }, Some(sentinel)) = (self, &primary.sentinel)
            && let Ok(now) =
                with_timeout(timeouts.response, address(sentinel.clone(), service)).await
        {
            return at(&now) != primary.address();
        }
        let now = self.primary(timeouts).await;
        now.is_ok_and(|client| client.get_connection_info().addr().to_string() != primary.address())
    }
}

/// The primary that a connection is to.
#[derive(Clone)]
pub(super) struct Primary {
    client: Client,
    /// A connection to the sentinel that named it, kept to be asked again.
    sentinel: Option<MultiplexedConnection>,
}

impl Primary {
    pub(super) fn address(&self) -> String {
        self.client.get_connection_info().addr().to_string()
    }
}

impl SharedClient {
    /// It asks the sentinels one after the other, over connections of its own.
    async fn primary(&self, timeouts: Timeouts) -> Result<Client, Failure> {
        let ask = async { self.0.lock().await.async_get_client().await };
        with_timeout(timeouts.connect.saturating_add(timeouts.response), ask).await
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
                            let connection = dial::unbounded(sentinel).await?;
                            Ok(at(&address(connection, service).await?))
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

/// Listens to a sentinel until it announces another primary in a message that begins with `service`,
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

/// A connection to the server that this sentinel names, if it is a primary.
async fn named(
    sentinel: &Client,
    service: &str,
    server: &Client,
    timeouts: Timeouts,
) -> Result<(MultiplexedConnection, Primary), Failure> {
    let sentinel = dial::to(sentinel, timeouts.connect).await?;
    let (host, port) = with_timeout(timeouts.response, address(sentinel.clone(), service)).await?;
    let client = Client::open(url::moved(server.get_connection_info(), host, port))?;
    let mut connection = dial::to(&client, timeouts.connect).await?;
    let ask = redis::cmd("ROLE");
    match with_timeout(timeouts.response, connection.send_packed_command(&ask)).await? {
        Value::Array(role) if is_primary(&role) => {}
        // who may not ask believes the sentinel
        Value::ServerError(error) if error.code() == "NOPERM" => {}
        _ => {
            let problem = "the server that a sentinel named is no primary";
            return Err(RedisError::from((ErrorKind::Io, problem)).into());
        }
    }
    Ok((connection, Primary { client, sentinel: Some(sentinel) }))
}

/// The address that this sentinel names.
async fn address(
    mut sentinel: MultiplexedConnection,
    service: &str,
) -> Result<(String, u16), RedisError> {
    let mut ask = redis::cmd("SENTINEL");
    ask.arg("GET-MASTER-ADDR-BY-NAME").arg(service);
    let reply = sentinel.send_packed_command(&ask).await?;
    let named: Option<(String, u16)> = redis::from_redis_value(reply)?;
    let problem = "the sentinels do not know the service";
    named.ok_or_else(|| (ErrorKind::MasterNameNotFoundBySentinel, problem).into())
}

fn at((host, port): &(String, u16)) -> String {
    format!("{host}:{port}")
}

fn is_primary(role: &[Value]) -> bool {
    match role.first() {
        Some(Value::BulkString(role)) => role == b"master",
        Some(Value::SimpleString(role)) => role == "master",
        _ => false,
    }
}
