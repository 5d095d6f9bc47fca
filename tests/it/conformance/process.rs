//! The compiled proxy as a process of its own: faithful forwarding, and an origin that fails.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use super::client::{self, Answer, connect, read, write};
use crate::support::origin::RawOrigin;

/// The proxy and the origin behind it.
struct Process {
    child: Child,
    address: SocketAddr,
    origin: RawOrigin,
}

impl Process {
    fn start() -> Self {
        let origin = RawOrigin::start();
        let url = origin.url();
        Self::before(origin, &url)
    }

    fn before(origin: RawOrigin, url: &str) -> Self {
        let mut child = Command::new(program())
            .args(["--port", "0", "--workers", "1", "--timeout", "0.5", "--origin", url])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").expect("an address");
        Self { address: address.parse().unwrap(), child, origin }
    }

    /// What the client gets when the origin sends these bytes.
    fn get(&self, method: &str, path: &str, reply: &str) -> Answer {
        let reply = reply.replace('\n', "\r\n").into_bytes();
        self.origin.play(path, Box::new(move |_| reply.clone()));
        client::send(self.address, method, path, &[], "").expect("an answer")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // it may have ended by itself
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `target/debug/deps/it-…` stands beside `target/debug/examples`.
fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let program = test.ancestors().nth(2).unwrap().join("examples/caching_proxy");
    assert!(program.is_file(), "build it first: cargo build --example caching_proxy");
    program
}

#[test]
fn any_status_passes_with_its_headers() {
    let proxy = Process::start();
    for status in [200, 201, 299, 300, 301, 404, 499, 500, 502, 599, 999] {
        let reply = format!(
            "HTTP/1.1 {status} Odd\nA: 2\nA: 1\nDate: Sun, 06 Nov 1994 08:49:37 GMT\n\
             ETag: \"x\"\nConnection: hop\nHop: 1\nLocation: /away\nContent-Length: 2\n\nhi"
        );
        let answer = proxy.get("GET", &format!("/{status}"), &reply);
        assert_eq!((answer.status, answer.body.as_slice()), (status, b"hi".as_slice()));
        assert_eq!(answer.all("a"), ["2", "1"]);
        assert_eq!(answer.all("date"), ["Sun, 06 Nov 1994 08:49:37 GMT"]);
        assert_eq!(answer.all("etag"), ["\"x\""]);
        assert_eq!(answer.all("location"), ["/away"]);
        assert!(answer.all("hop").is_empty() && answer.all("age").is_empty());
    }
}

#[test]
fn bodies_pass_in_any_framing() {
    let proxy = Process::start();
    let chunked = "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n3\nabc\n2\nde\n0\n\n";
    assert_eq!(proxy.get("GET", "/chunked", chunked).body, b"abcde");
    let sized = "HTTP/1.1 200 OK\nContent-Encoding: gzip\nContent-Length: 5\n\nabcde";
    let answer = proxy.get("GET", "/sized", sized);
    assert_eq!((answer.body.as_slice(), answer.all("content-length")), (&b"abcde"[..], vec!["5"]));
    assert_eq!(answer.all("content-encoding"), ["gzip"]);
    let head = proxy.get("HEAD", "/head", "HTTP/1.1 200 OK\nContent-Length: 5\nA: b\n\n");
    assert_eq!((head.all("content-length"), head.all("a")), (vec!["5"], vec!["b"]));
    let hints = "HTTP/1.1 103 Early Hints\nLink: <a>\n\nHTTP/1.1 200 OK\nContent-Length: 1\n\na";
    let answer = proxy.get("GET", "/hints", hints);
    assert_eq!((answer.status, answer.body.as_slice()), (200, b"a".as_slice()));
    assert!(answer.all("link").is_empty());
}

#[test]
fn failing_origin_is_a_gateway_error() {
    let proxy = Process::start();
    assert_eq!(proxy.get("GET", "/closed", "").status, 502);
    assert_eq!(proxy.get("GET", "/garbage", "what is this\n\n").status, 502);
    assert_eq!(proxy.get("GET", "/waiting", "HTTP/1.1 ").status, 504);
    assert_eq!(proxy.origin.requests("/closed").len(), 1, "nothing is sent twice");
    let nobody = Process::before(RawOrigin::start(), "http://127.0.0.1:1");
    assert_eq!(client::send(nobody.address, "GET", "/", &[], "").unwrap().status, 502);
}

#[test]
fn connection_carries_many_requests() {
    let proxy = Process::start();
    let reply = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 2\r\n\r\nhi";
    proxy.origin.play("/kept", Box::new(|_| reply.to_vec()));
    let stream = connect(proxy.address).unwrap();
    let mut reader = BufReader::new(&stream);
    for method in ["GET", "GET", "HEAD", "POST", "GET", "GET"] {
        write(&stream, method, "/kept", &[], "").unwrap();
        let answer = read(&mut reader, method).unwrap();
        assert_eq!((answer.status, answer.all("content-length")), (200, vec!["2"]));
    }
    let methods: Vec<_> = proxy.origin.requests("/kept").into_iter().map(|r| r.method).collect();
    assert_eq!(methods, ["GET", "POST", "GET"]);
}

#[test]
fn request_reaches_origin_unchanged() {
    let proxy = Process::start();
    proxy.origin.play("/up", Box::new(|_| b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()));
    let fields = ["Content-Type: text/x", "B: 2", "B: 1"].map(ToOwned::to_owned);
    let content = "x".repeat(100_000);
    for method in ["POST", "PUT", "PATCH", "FOO"] {
        let answer = client::send(proxy.address, method, "/up?a=%20;b", &fields, &content).unwrap();
        assert_eq!(answer.status, 204);
    }
    for request in proxy.origin.requests("/up") {
        assert_eq!((request.target.as_str(), request.body.len()), ("/up?a=%20;b", 100_000));
        assert_eq!(request.all("b"), ["2", "1"]);
        assert_eq!(request.all("host"), ["cache.example"]);
        assert!(request.all("accept-encoding").is_empty() && request.all("user-agent").is_empty());
    }
}
