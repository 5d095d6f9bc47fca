//! `Origin`: where requests go, over a connection for each.

use std::{str::FromStr, time::Duration};

use actix_web::{http::Uri, rt};
use bytes::Bytes;
use hyper::{
    Request, Response,
    body::{Body, Incoming},
    client::conn::http1,
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time::timeout};

use super::{failure::Failure, forward::BoxError};

/// The origin of all responses.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    host: String,
    port: u16,
    patience: Duration,
}

impl Origin {
    /// This origin, which has so much time until its response begins.
    pub(crate) fn within(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// The value of `Host` for a client that has sent none.
    pub(super) fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Sends a request and waits until the response begins.
    ///
    /// The connection is a new one: the origin may close an idle one at any time, and a request
    /// that was lost on it could not be told from one that was acted upon. Nothing is sent twice.
    pub(super) async fn send<B>(&self, request: Request<B>) -> Result<Response<Incoming>, Failure>
    where
        B: Body<Data = Bytes, Error: Into<BoxError>> + 'static,
    {
        timeout(self.patience, self.exchange(request)).await.unwrap_or(Err(Failure::TimedOut))
    }

    async fn exchange<B>(&self, request: Request<B>) -> Result<Response<Incoming>, Failure>
    where
        B: Body<Data = Bytes, Error: Into<BoxError>> + 'static,
    {
        let address = (self.host.trim_matches(['[', ']']), self.port);
        let stream = TcpStream::connect(address).await.map_err(Failure::Unreachable)?;
        stream.set_nodelay(true).map_err(Failure::Unreachable)?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // it ends with the response, or when nobody waits for that any more; what goes wrong on it
        // is told to who waits
        rt::spawn(connection);
        Ok(sender.send_request(request).await?)
    }
}

impl FromStr for Origin {
    type Err = &'static str;

    fn from_str(url: &str) -> Result<Self, Self::Err> {
        let url: Uri = url.parse().map_err(|_| "not a URL")?;
        if url.scheme_str() != Some("http") {
            return Err("not a URL that begins with http://");
        }
        if url.path() != "/" || url.query().is_some() {
            return Err("an origin is a host and a port, without a path");
        }
        let host = url.host().ok_or("a URL without a host")?.to_owned();
        Ok(Self { host, port: url.port_u16().unwrap_or(80), patience: Duration::MAX })
    }
}
