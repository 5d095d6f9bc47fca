//! The product server's page, as a browser gets it, and the verdicts that it lists.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use super::{answer::answer, server::Server};

/// The page's text.
async fn page(server: &Server) -> String {
    let page = server.get("/").await;
    assert_eq!(page.status, 200);
    String::from_utf8(page.body.to_vec()).expect("UTF-8")
}

/// The rows of the page's table, the newest request first.
async fn rows(server: &Server) -> Vec<String> {
    let page = page(server).await;
    let (_, table) = page.split_once("<tbody>\n").expect("a table");
    let (rows, _) = table.split_once("</tbody>").expect("its end");
    rows.lines().map(str::to_owned).collect()
}

#[actix_rt::test]
async fn page_is_html_that_is_not_stored() {
    let server = Server::in_memory().await;
    for _ in 0..2 {
        let page = server.get("/").await;
        assert_eq!((page.status.as_u16(), page.verdict()), (200, "fwd=uri-miss; detail=no-store"));
        assert_eq!(page.field("content-type"), "text/html; charset=utf-8");
        assert_eq!(page.field("cache-control"), "no-store");
        let policy = page.field("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; style-src 'self'; "), "{policy}");
    }
    let head = answer(server.request("HEAD", "/"), "").await;
    assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
    assert_eq!(server.hit("/style.css").await.field("content-type"), "text/css; charset=utf-8");
    assert!(page(&server).await.contains("<a href=\"/_cache/\">"));
}

#[actix_rt::test]
async fn links_of_the_page_lead_somewhere() {
    let server = Server::in_memory().await;
    let page = page(&server).await;
    let links = page.split("href=\"/").skip(1).map(|rest| rest.split('"').next().unwrap());
    let links: Vec<_> = links.map(|link| format!("/{link}")).collect();
    assert_eq!(links.len(), 8, "{links:?}");
    for link in links {
        let expected = if ["/users/me", "/_cache/"].contains(&&*link) { 401 } else { 200 };
        assert_eq!(server.get(&link).await.status, expected, "{link}");
    }
}

#[actix_rt::test]
async fn page_lists_a_miss_and_a_hit_newest_first() {
    let server = Server::in_memory().await;
    let empty = rows(&server).await;
    assert!(empty.len() == 1 && empty[0].contains("No request yet"), "{empty:?}");
    server.get("/products/22").await;
    server.hit("/products/22").await;
    server.get("/style.css").await;
    let rows = rows(&server).await;
    assert!(rows.iter().all(|row| row.contains("<code>GET /products/22</code>")), "{rows:?}");
    assert!(rows.iter().all(|row| row.contains("<td>200</td>")), "{rows:?}");
    assert!(rows[0].contains("<code>actix-response-cache; hit; ttl="), "{rows:?}");
    let oldest = rows.last().unwrap();
    assert!(oldest.contains("<code>actix-response-cache; fwd=uri-miss; stored"), "{rows:?}");
}

#[actix_rt::test]
async fn page_lists_the_last_twenty_requests_and_cuts_long_ones() {
    let server = Server::in_memory().await;
    for id in 1..=24 {
        server.get(&format!("/products/{id}")).await;
    }
    server.get(&format!("/products?x={}", "a".repeat(300))).await;
    let rows = rows(&server).await;
    assert_eq!(rows.len(), 20, "{rows:?}");
    let cut = format!("<code>GET /products?x={}…</code>", "a".repeat(108));
    assert!(rows[0].contains(&cut), "{rows:?}");
    for (row, id) in rows[1..].iter().zip((6..=24).rev()) {
        assert!(row.contains(&format!("<code>GET /products/{id}</code>")), "{id}: {row}");
    }
}

#[actix_rt::test]
async fn page_escapes_what_clients_send() {
    let server = Server::in_memory().await;
    let refused = server.get("/products/%3Cscript%3E\"'&?x='y'&z=1").await;
    assert_eq!(refused.status, 400);
    let shown = "<code>GET /products/%3Cscript%3E&quot;&#39;&amp;?x=&#39;y&#39;&amp;z=1</code>";
    let rows = rows(&server).await;
    assert!(rows.len() == 1 && rows[0].contains(shown), "{rows:?}");

    // a raw `<` is no part of a target: such a request reaches no middleware
    let mut connection = TcpStream::connect(server.address()).await.unwrap();
    let raw = b"GET /products/1?x=<script> HTTP/1.1\r\nhost: shop.example\r\n\r\n";
    connection.write_all(raw).await.unwrap();
    let mut start = [0; 12];
    let read = timeout(Duration::from_secs(20), connection.read_exact(&mut start)).await;
    read.expect("it answers in time").unwrap();
    assert_eq!(&start, b"HTTP/1.1 400");
    assert!(!page(&server).await.contains("<script"));
}
