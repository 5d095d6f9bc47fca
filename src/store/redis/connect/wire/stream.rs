//! A connected socket, by TCP or of a file.

use std::{
    io,
    pin::pin,
    task::{Context, Poll},
};

use bytes::BytesMut;
use futures_util::future::select_ok;
use redis::{
    AsyncConnectionConfig, ConnectionAddr, ConnectionInfo, RedisError, aio::MultiplexedConnection,
};
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpStream, lookup_host},
};

pub(super) enum Stream {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

impl Stream {
    /// Connects and logs in.
    pub(super) async fn connect(info: &ConnectionInfo) -> Result<Self, RedisError> {
        match info.addr() {
            ConnectionAddr::Tcp(host, port) => {
                let attempts = lookup_host((host.as_str(), *port)).await?;
                let attempts: Vec<_> =
                    attempts.map(|address| Box::pin(TcpStream::connect(address))).collect();
                if attempts.is_empty() {
                    return Err(io::Error::from(io::ErrorKind::AddrNotAvailable).into());
                }
                let (stream, _) = select_ok(attempts).await?;
                // a request does not wait until the one before it was answered
                stream.set_nodelay(true)?;
                let stream = stream.into_std()?;
                log_in(info, TcpStream::from_std(stream.try_clone()?)?).await?;
                Ok(Self::Tcp(TcpStream::from_std(stream)?))
            }
            #[cfg(unix)]
            ConnectionAddr::Unix(path) => {
                let stream = UnixStream::connect(path).await?.into_std()?;
                log_in(info, UnixStream::from_std(stream.try_clone()?)?).await?;
                Ok(Self::Unix(UnixStream::from_std(stream)?))
            }
            _ => Err((redis::ErrorKind::Client, "not a plain connection").into()),
        }
    }

    /// Reads more into the buffer; nothing at the end.
    pub(super) fn poll_read(
        &mut self,
        into: &mut BytesMut,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(stream) => pin!(stream.read_buf(into)).poll(cx),
            #[cfg(unix)]
            Self::Unix(stream) => pin!(stream.read_buf(into)).poll(cx),
        }
    }

    /// Writes some of these bytes.
    pub(super) fn poll_write(
        &mut self,
        bytes: &[u8],
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(stream) => pin!(stream.write(bytes)).poll(cx),
            #[cfg(unix)]
            Self::Unix(stream) => pin!(stream.write(bytes)).poll(cx),
        }
    }
}

/// Logs in and selects the database, as the crate does it, by a second handle to the socket that is
/// gone afterwards.
async fn log_in(
    info: &ConnectionInfo,
    stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
) -> Result<(), RedisError> {
    let config =
        AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
    let settings = info.redis_settings();
    MultiplexedConnection::new_with_config(settings, stream, config).await.map(drop)
}
