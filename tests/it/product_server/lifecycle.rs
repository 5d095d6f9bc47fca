//! How the product server starts and stops, runs beside others, and does without its Redis.

use std::time::{Duration, Instant};

use rusqlite::Connection;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use super::{
    product,
    server::{Server, fleet, refused},
};

/// A shop as the first version of the example made it, before products had a description and a
/// stock.
const FIRST_VERSION: &str = "
    CREATE TABLE products (
        id          INTEGER PRIMARY KEY AUTOINCREMENT,
        name        TEXT    NOT NULL,
        category    TEXT    NOT NULL,
        price_cents INTEGER NOT NULL CHECK (price_cents >= 0)
    ) STRICT;
    CREATE TABLE order_lines (
        order_id   INTEGER NOT NULL,
        product_id INTEGER NOT NULL,
        PRIMARY KEY (order_id, product_id)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE users (
        token TEXT PRIMARY KEY,
        name  TEXT NOT NULL,
        email TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    INSERT INTO products (name, category, price_cents) VALUES ('Oil lamp', 'kitchen', 3200);
";

#[actix_rt::test]
async fn sigterm_completes_running_requests() {
    for mut server in Server::each().await {
        let body = product("Marbles", 300).to_string();
        let mut connection = TcpStream::connect(server.address()).await.unwrap();
        let head = format!(
            "POST /products HTTP/1.1\r\nhost: shop.example\r\ncontent-type: application/json\r\n\
             content-length: {}\r\nexpect: 100-continue\r\n\r\n",
            body.len()
        );
        connection.write_all(head.as_bytes()).await.unwrap();
        // the server asks for the body: the request is under way
        let mut asked = [0; 25];
        connection.read_exact(&mut asked).await.unwrap();
        assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");

        server.terminate().await;
        server.logged("starting graceful shutdown").await;
        connection.write_all(body.as_bytes()).await.unwrap();
        let mut answer = String::new();
        let read = timeout(Duration::from_secs(20), connection.read_to_string(&mut answer)).await;
        read.expect("the connection ends in time").unwrap();
        assert!(answer.starts_with("HTTP/1.1 201 Created\r\n"), "{answer}");
        let end =
            r#""name":"Marbles","description":"","category":"games","price_cents":300,"stock":0}"#;
        assert!(answer.ends_with(end), "{answer}");
        assert!(server.ended().await.success());
    }
}

#[actix_rt::test]
async fn sigterm_does_not_wait_for_idle_clients() {
    for mut server in Server::each().await {
        server.hit("/products/1").await;
        server.terminate().await;
        assert!(server.ended().await.success());
    }
}

#[actix_rt::test]
async fn change_is_seen_by_next_request_to_other_process() {
    let (redis, folder) = fleet();
    let (url, file) = (redis.url(), folder.path().join("shop.db"));
    let arguments = ["--redis", &url, "--db", file.to_str().unwrap()];
    let (one, other) = tokio::join!(Server::start(&arguments), Server::start(&arguments));
    for (server, fellow, price) in [(&one, &other, 4500), (&other, &one, 4600)] {
        for path in ["/products/22", "/products?category=games"] {
            server.hit(path).await;
            assert!(fellow.get(path).await.is_hit(), "what one stores the other has: {path}");
        }
        let put = server.send("PUT", "/products/22", &product("Chess set", price)).await;
        assert_eq!(put.status, 200);
        let next = fellow.get("/products/22").await;
        assert_eq!((next.is_hit(), &next.json()["price_cents"]), (false, &json!(price)));
        let list = fellow.get("/products?category=games").await;
        assert_eq!(
            (list.is_hit(), &list.json()["products"][0]["price_cents"]),
            (false, &json!(price))
        );
    }
}

#[actix_rt::test]
async fn change_is_announced_to_memory_of_other_process() {
    let (redis, folder) = fleet();
    let (url, file) = (redis.url(), folder.path().join("shop.db"));
    let arguments = ["--redis", &url, "--tiered", "--db", file.to_str().unwrap()];
    let (one, other) = tokio::join!(Server::start(&arguments), Server::start(&arguments));
    for (server, fellow, price) in [(&one, &other, 4500), (&other, &one, 4600)] {
        server.hit("/products/22").await;
        fellow.hit("/products/22").await;
        let put = server.send("PUT", "/products/22", &product("Chess set", price)).await;
        assert_eq!(put.status, 200);
        let changed = Instant::now();
        while fellow.get("/products/22").await.json()["price_cents"] != json!(price) {
            assert!(changed.elapsed() < Duration::from_secs(5), "an old price");
        }
    }
}

#[actix_rt::test]
async fn database_file_keeps_products_and_new_database_starts_empty() {
    let (redis, folder) = fleet();
    let (url, file) = (redis.url(), folder.path().join("shop.db"));
    let kept = ["--redis", &url, "--db", file.to_str().unwrap()];
    {
        let server = Server::start(&kept).await;
        server.send("PUT", "/products/22", &product("Chess set", 1)).await;
        server.hit("/products/22").await;
    }
    {
        let again = Server::start(&kept).await.get("/products/22").await;
        assert_eq!((again.is_hit(), &again.json()["price_cents"]), (true, &json!(1)));
    }
    let new = Server::start(&["--redis", &url]).await.get("/products/22").await;
    assert_eq!((new.is_hit(), &new.json()["price_cents"]), (false, &json!(4900)));
}

#[actix_rt::test]
async fn first_version_file_gets_later_columns() {
    let (redis, folder) = fleet();
    let (url, file) = (redis.url(), folder.path().join("shop.db"));
    let arguments = ["--redis", &url, "--db", file.to_str().unwrap()];
    Connection::open(&file).unwrap().execute_batch(FIRST_VERSION).unwrap();
    // what Redis has of another database is gone with the change of this one
    Server::start(&arguments[..2]).await.hit("/products/1").await;

    let mut lamp = json!({
        "id": 1,
        "name": "Oil lamp",
        "description": "",
        "category": "kitchen",
        "price_cents": 3200,
        "stock": 0,
    });
    {
        // both find the file as it was, and one of them changes it
        let (one, other) = tokio::join!(Server::start(&arguments), Server::start(&arguments));
        for server in [&one, &other] {
            assert_eq!(server.get("/products/1").await.json(), lamp);
        }
        lamp["description"] = json!("Brass");
        lamp["stock"] = json!(3);
        assert_eq!(one.send("PUT", "/products/1", &lamp).await.status, 200);
        assert_eq!(other.hit("/products/1").await.json(), lamp);
    }
    let again = Server::start(&arguments).await.get("/products/1").await;
    assert_eq!((again.is_hit(), again.json()), (true, lamp));
}

#[actix_rt::test]
async fn server_works_without_redis() {
    let mut server = Server::with_redis().await;
    server.hit("/products/22").await;
    server.redis.as_mut().unwrap().kill();
    for price in [4500, 4600] {
        let put = server.send("PUT", "/products/22", &product("Chess set", price)).await;
        assert_eq!(put.status, 200);
        let next = server.get("/products/22").await;
        assert_eq!((next.status.as_u16(), &next.json()["price_cents"]), (200, &json!(price)));
    }
    server.terminate().await;
    assert!(server.ended().await.success());
}

#[actix_rt::test]
async fn unusable_settings_are_reported_at_start() {
    let said = refused(&["--redis", "http://user:hunter2@127.0.0.1"]).await;
    assert!(said.contains("redis") && !said.contains("hunter2"), "{said}");
    let said = refused(&["--db", "/no/such/folder/shop.db"]).await;
    assert!(said.contains("/no/such/folder/shop.db"), "{said}");
    let said = refused(&["--ttl", "soon"]).await;
    assert!(said.contains("--ttl"), "{said}");
}
