//! The product server's admin scope, as an operator uses it.

use serde_json::{Value, json};

use super::server::Server;

#[actix_rt::test]
async fn admin_scope_needs_token() {
    let server = Server::in_memory().await;
    server.hit("/products/7").await;
    for path in ["/_cache/stats", "/_cache/purge", "/_cache/nothing"] {
        for answer in [server.get(path).await, server.get_as(path, "alice-token").await] {
            assert_eq!((answer.status.as_u16(), answer.is_hit()), (401, false), "{path}");
            assert!(answer.json()["error"].is_string(), "{path}");
        }
    }
    let purge = server.send("POST", "/_cache/purge", &json!({ "all": true })).await;
    assert_eq!(purge.status, 401);
    assert!(server.get("/products/7").await.is_hit());
}

#[actix_rt::test]
async fn operator_purges_named_targets() {
    for server in Server::each().await {
        let stored = ["/products", "/products?page=2", "/products/7", "/products/8"];
        let table: [(Value, &[&str]); 6] = [
            (json!({ "url": "/products?page=2" }), &stored[1..2]),
            (json!({ "path": "/products" }), &stored[..2]),
            (json!({ "prefix": "/products" }), &stored),
            (json!({ "group": "products" }), &stored[..2]),
            (json!({ "group": "product:7" }), &stored[2..3]),
            (json!({ "all": true }), &stored),
        ];
        for (what, gone) in table {
            for path in stored {
                server.hit(path).await;
            }
            let answer = server.admin("POST", "/_cache/purge", &what).await;
            assert_eq!(
                (answer.status.as_u16(), answer.json()),
                (200, json!({ "purged": gone.len() }))
            );
            for path in stored {
                let answer = server.get(path).await;
                assert_eq!(answer.is_hit(), !gone.contains(&path), "{what} {path}: {answer:?}");
            }
        }
    }
}

#[actix_rt::test]
async fn operator_reads_statistics() {
    for server in Server::each().await {
        server.get("/products/1").await;
        server.hit("/products/1").await;
        let answer = server.admin("GET", "/_cache/stats", &Value::Null).await;
        assert_eq!((answer.status.as_u16(), answer.field("cache-control")), (200, "no-store"));
        let stats = answer.json();
        for name in ["hits", "misses", "stores"] {
            assert!(stats[name].as_u64().unwrap() >= 1, "{name}: {stats}");
        }
    }
}

#[actix_rt::test]
async fn operator_switches_cache_off_and_on() {
    for server in Server::each().await {
        server.hit("/products/1").await;
        for (on, verdict) in [(false, "fwd=bypass; detail=disabled"), (true, "hit; ttl=")] {
            let answer = server.admin("POST", "/_cache/switch", &json!({ "on": on })).await;
            assert_eq!((answer.status.as_u16(), answer.json()), (200, json!({ "on": on })));
            let answer = server.get("/products/1").await;
            assert!(answer.verdict().starts_with(verdict), "{answer:?}");
        }
    }
}
