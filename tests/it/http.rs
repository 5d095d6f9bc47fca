//! Over real HTTP: what a client on a socket sees, to the byte.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use actix_response_cache::ResponseCache;
use actix_web::{App, HttpResponse, HttpServer, body::BodyStream, dev::ServerHandle, web};
use bytes::Bytes;
use futures_util::stream;

use crate::support::server;

fn serve(cache: ResponseCache) -> (SocketAddr, ServerHandle) {
    let server = HttpServer::new(move || {
        let chunked = || async {
            let chunks =
                ["one ", "two ", "three"].map(|chunk| Ok::<_, std::io::Error>(Bytes::from(chunk)));
            HttpResponse::Ok().body(BodyStream::new(stream::iter(chunks)))
        };
        let broken = || async {
            let chunks = [Ok(Bytes::from("one ")), Err(std::io::Error::other("gone"))];
            HttpResponse::Ok().body(BodyStream::new(stream::iter(chunks)))
        };
        App::new()
            .wrap(cache.clone())
            .route("/whole", web::route().to(async || "the whole text"))
            .route("/chunked", web::get().to(chunked))
            .route("/broken", web::get().to(broken))
            .route("/empty", web::get().to(async || HttpResponse::NoContent()))
    })
    .workers(1);
    server::serve(server)
}

/// Sends bytes on a connection of its own and reads to the connection's end.
async fn exchange(address: SocketAddr, request: String) -> String {
    let read = move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut text = Vec::new();
        // a connection that is cut is an answer too
        let _ = stream.read_to_end(&mut text);
        String::from_utf8(text).unwrap()
    };
    actix_rt::task::spawn_blocking(read).await.unwrap()
}

async fn ask(address: SocketAddr, method: &str, path: &str) -> (String, String) {
    let request = format!("{method} {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    let text = exchange(address, request).await;
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    (head.to_ascii_lowercase(), body.to_owned())
}

#[actix_rt::test]
async fn hit_has_content_length_instead_of_chunks() {
    let (address, server) = serve(ResponseCache::memory());
    let (head, body) = ask(address, "GET", "/chunked").await;
    assert!(head.contains("transfer-encoding: chunked") && body.ends_with("0\r\n\r\n"), "{head}");
    let (head, body) = ask(address, "GET", "/chunked").await;
    assert!(head.contains("; hit;") && head.contains("content-length: 13"), "{head}");
    assert_eq!((body.as_str(), head.contains("transfer-encoding")), ("one two three", false));
    assert_eq!(head.matches("\r\ndate: ").count(), 1, "{head}");
    server.stop(true).await;
}

#[actix_rt::test]
async fn head_has_content_length_and_no_body() {
    let (address, server) = serve(ResponseCache::memory());
    ask(address, "GET", "/whole").await;
    let (head, body) = ask(address, "HEAD", "/whole").await;
    assert!(head.contains("; hit;") && head.contains("content-length: 14"), "{head}");
    assert_eq!(body, "");
    ask(address, "GET", "/empty").await;
    let (head, body) = ask(address, "GET", "/empty").await;
    assert!(head.starts_with("http/1.1 204") && head.contains("; hit;"), "{head}");
    assert_eq!(body, "");
    server.stop(true).await;
}

#[actix_rt::test]
async fn broken_body_closes_connection() {
    let request = || "GET /broken HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n".to_owned();
    let (bare, bare_server) = serve(ResponseCache::memory().exclude("/broken"));
    let without = exchange(bare, request()).await;
    let cache = ResponseCache::memory();
    let (address, server) = serve(cache.clone());
    for _ in 0..2 {
        let with = exchange(address, request()).await;
        assert!(!with.ends_with("0\r\n\r\n"), "the body must not look whole: {with:?}");
        let body = |text: &str| text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
        assert_eq!(body(&with), body(&without));
    }
    let stats = cache.handle().unwrap().stats();
    assert_eq!((stats.stores, stats.misses), (0, 2));
    server.stop(true).await;
    bare_server.stop(true).await;
}

#[actix_rt::test]
async fn get_with_body_smuggles_no_request() {
    let cache = ResponseCache::memory();
    let (address, server) = serve(cache.clone());
    ask(address, "GET", "/whole").await;
    // the body looks like a request; it must be read as a body, also with the cache
    let smuggled = "GET /chunked HTTP/1.1\r\nhost: a\r\n\r\n";
    let request = format!(
        "GET /whole HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n{smuggled}\
         GET /empty HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
        smuggled.len()
    );
    let text = exchange(address, request).await.to_ascii_lowercase();
    assert_eq!(text.matches("http/1.1 ").count(), 2, "{text}");
    assert!(text.contains("detail=request-body") && text.contains("http/1.1 204"), "{text}");
    server.stop(true).await;
}

#[actix_rt::test]
async fn workers_share_one_memory_store() {
    let cache = ResponseCache::memory();
    let served = cache.clone();
    let server = HttpServer::new(move || {
        App::new().wrap(served.clone()).route("/", web::get().to(async || "x"))
    })
    .workers(4);
    let (address, handle) = server::serve(server);
    for _ in 0..20 {
        ask(address, "GET", "/").await;
    }
    let stats = cache.handle().unwrap().stats();
    assert_eq!((stats.stores, stats.hits), (1, 19));
    handle.stop(true).await;
}
