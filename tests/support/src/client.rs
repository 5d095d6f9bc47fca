//! A client on a socket: one connection, one request at a time. Dropped, it is gone at once.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::{
    Request, Response, StatusCode,
    body::Incoming,
    client::conn::http1::{SendRequest, handshake},
    header::HeaderMap,
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, task::JoinHandle};

/// A connection.
pub struct Client {
    sender: SendRequest<Empty<Bytes>>,
    connection: JoinHandle<()>,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub fields: HeaderMap,
    pub body: Bytes,
}

impl Client {
    pub async fn connect(server: SocketAddr) -> Self {
        let stream = TcpStream::connect(server).await.expect("the server listens");
        stream.set_nodelay(true).expect("an open socket");
        // a close is a reset, so that the server knows at once
        stream.set_zero_linger().expect("an open socket");
        let (sender, connection) = handshake(TokioIo::new(stream)).await.expect("a connection");
        let connection = tokio::spawn(async move { drop(connection.await) });
        Self { sender, connection }
    }

    /// Sends a request and reads the head of its answer.
    pub async fn begin(
        &mut self,
        request: Request<Empty<Bytes>>,
    ) -> hyper::Result<Response<Incoming>> {
        self.sender.ready().await?;
        self.sender.send_request(request).await
    }

    /// Sends a request and reads its answer to the end.
    pub async fn send(&mut self, request: Request<Empty<Bytes>>) -> hyper::Result<Answer> {
        let (head, body) = self.begin(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(Answer { status: head.status, fields: head.headers, body })
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

impl Answer {
    /// The value of a field; empty where there is none.
    pub fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("text")
    }
}

/// A GET of this path with these fields.
pub fn get(path: &str, fields: &[(&str, &str)]) -> Request<Empty<Bytes>> {
    request("GET", path, fields)
}

/// A request with this method.
pub fn request(method: &str, path: &str, fields: &[(&str, &str)]) -> Request<Empty<Bytes>> {
    let request = Request::builder().method(method).uri(path).header("host", "shop.example");
    let request =
        fields.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    request.body(Empty::new()).expect("a request")
}
