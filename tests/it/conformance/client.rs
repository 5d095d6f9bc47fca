//! A client over a plain socket: one connection for each request.

use std::{
    io::{self, BufReader, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use crate::support::origin::{read_body, read_head, values};

/// An answer as it came.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub lines: Vec<String>,
    pub body: Vec<u8>,
}

impl Answer {
    /// The values of a field, in order.
    pub fn all(&self, name: &str) -> Vec<&str> {
        values(&self.lines, name)
    }
}

/// Sends a request and reads the answer.
pub fn send(
    to: SocketAddr,
    method: &str,
    target: &str,
    fields: &[String],
    content: &str,
) -> io::Result<Answer> {
    let stream = connect(to)?;
    write(&stream, method, target, fields, content)?;
    read(&mut BufReader::new(&stream), method)
}

/// A connection on which no answer is waited for without end.
pub fn connect(to: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(to)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Writes a request.
pub fn write(
    mut stream: &TcpStream,
    method: &str,
    target: &str,
    fields: &[String],
    content: &str,
) -> io::Result<()> {
    let mut lines = vec![format!("{method} {target} HTTP/1.1"), "Host: cache.example".to_owned()];
    lines.extend_from_slice(fields);
    if !content.is_empty() {
        lines.push(format!("Content-Length: {}", content.len()));
    }
    stream.write_all(format!("{}\r\n\r\n{content}", lines.join("\r\n")).as_bytes())
}

/// Reads the final answer to a request.
pub fn read(reader: &mut BufReader<&TcpStream>, method: &str) -> io::Result<Answer> {
    loop {
        let closed = || io::Error::other("the connection was closed without an answer");
        let (first, lines) = read_head(reader)?.ok_or_else(closed)?;
        let status = first.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(format!("no status: {first}")))?;
        if (100..200).contains(&status) {
            continue;
        }
        let body = if method == "HEAD" || matches!(status, 204 | 304) {
            Vec::new()
        } else {
            read_body(reader, &lines, true)?
        };
        return Ok(Answer { status, lines, body });
    }
}
