//! The product server as a user runs it: the compiled example over HTTP, in memory and with Redis.

#![cfg(unix)]

mod admin;
mod answer;
mod bad_input;
mod history;
mod home;
mod lifecycle;
mod page;
pub mod server;

use futures_util::future::join_all;
use serde_json::{Value, json};

use answer::answer;
use server::Server;

fn product(name: &str, price_cents: i64) -> Value {
    json!({ "name": name, "category": "games", "price_cents": price_cents })
}

#[actix_rt::test]
async fn put_turns_hit_into_miss() {
    for server in Server::each().await {
        let miss = server.get("/products/22").await;
        assert_eq!((miss.status.as_u16(), miss.verdict()), (200, "fwd=uri-miss; stored"));
        assert_eq!(miss.field("age"), "");
        let hit = server.hit("/products/22").await;
        assert_eq!((hit.status, &hit.body), (miss.status, &miss.body));
        assert_eq!(hit.field("content-type"), "application/json");
        assert!(hit.field("age").parse::<u64>().unwrap() < 60);

        let put = server.send("PUT", "/products/22", &product("Chess set", 4500)).await;
        assert_eq!(put.status, 200);
        let next = server.get("/products/22").await;
        assert!(!next.is_hit(), "{next:?}");
        assert_eq!(next.json()["price_cents"], 4500);
        assert_eq!(server.hit("/products/22").await.body, next.body);
        server.logged(r#""GET /products/22 HTTP/1.1" 200 "#).await;
        server.logged("actix-response-cache; hit; ttl=").await;
    }
}

#[actix_rt::test]
async fn put_accepts_what_get_gives() {
    for server in Server::each().await {
        let got = server.hit("/products/22").await;
        let request = server.request("PUT", "/products/22").content_type("application/json");
        let put = answer(request, got.body.clone()).await;
        assert_eq!((put.status.as_u16(), &put.body), (200, &got.body));
        let next = server.get("/products/22").await;
        assert_eq!((next.is_hit(), &next.body), (false, &got.body));
    }
}

#[actix_rt::test]
async fn new_product_gets_a_new_number_and_keeps_the_rest() {
    let server = Server::in_memory().await;
    let first = server.get("/products/1").await.json();
    let mut marbles = json!({
        "id": 1,
        "name": "Marbles",
        "description": "Glass; twenty in a bag.",
        "category": "games",
        "price_cents": 300,
        "stock": 1_000_000,
    });
    let created = server.send("POST", "/products", &marbles).await;
    marbles["id"] = json!(37);
    assert_eq!((created.status.as_u16(), created.json()), (201, marbles.clone()));
    assert_eq!(server.get("/products/37").await.json(), marbles);
    assert_eq!(server.get("/products/1").await.json(), first);

    // a PUT replaces all of it
    let put = server.send("PUT", "/products/37", &product("Marbles", 300)).await;
    marbles["description"] = json!("");
    marbles["stock"] = json!(0);
    assert_eq!((put.status.as_u16(), put.json()), (200, marbles));
}

#[actix_rt::test]
async fn head_is_answered_with_and_without_stored_get() {
    for server in Server::each().await {
        for stored in [false, true] {
            if stored {
                server.hit("/products/1").await;
            }
            let head = answer(server.request("HEAD", "/products/1"), "").await;
            assert_eq!((head.status.as_u16(), head.is_hit()), (200, stored));
            assert!(head.body.is_empty());
        }
    }
}

#[actix_rt::test]
async fn lists_show_every_change() {
    for server in Server::each().await {
        let lists = ["/products?per_page=100", "/products?category=games", "/products"];
        let mut total = server.get(lists[0]).await.json()["total"].as_u64().unwrap();
        let mut changed = async |method: &str, path: &str, change: i64| {
            for list in lists {
                server.hit(list).await;
            }
            let answer = server.send(method, path, &product("Marbles", 300)).await;
            assert!(answer.status.is_success(), "{method} {path}: {answer:?}");
            total = total.checked_add_signed(change).unwrap();
            for list in lists {
                let next = server.get(list).await;
                assert!(!next.is_hit(), "{method} {path}, {list}: {next:?}");
            }
            assert_eq!(server.get(lists[0]).await.json()["total"], total, "{method} {path}");
            answer
        };
        let created = changed("POST", "/products", 1).await;
        let location = created.field("location").to_owned();
        changed("PUT", &location, 0).await;
        changed("DELETE", &location, -1).await;
        assert_eq!(server.get(&location).await.status, 404);
    }
}

#[actix_rt::test]
async fn failed_change_purges_nothing() {
    for server in Server::each().await {
        for path in ["/products", "/products/3"] {
            server.hit(path).await;
        }
        assert_eq!(server.send("PUT", "/products/3", &product("", 1)).await.status, 422);
        assert_eq!(server.send("PUT", "/products/999", &product("Kite", 1)).await.status, 404);
        assert_eq!(server.send("DELETE", "/products/999", &Value::Null).await.status, 404);
        for path in ["/products", "/products/3"] {
            assert!(server.get(path).await.is_hit(), "{path}");
        }
    }
}

#[actix_rt::test]
async fn query_order_and_unknown_parameters_make_no_new_entry() {
    for server in Server::each().await {
        let first = server.hit("/products?page=1&per_page=5").await;
        let second = server.hit("/products?page=2&per_page=5").await;
        let games = server.hit("/products?category=games").await;
        assert_ne!(first.body, second.body);
        assert_ne!(first.body, games.body);
        for same in ["/products?per_page=5&page=2", "/products?page=2&per_page=5&utm_source=x"] {
            let answer = server.get(same).await;
            assert_eq!((answer.is_hit(), &answer.body), (true, &second.body), "{same}");
        }
    }
}

#[actix_rt::test]
async fn not_found_is_stored_briefly_and_purged_on_creation() {
    for server in Server::each().await {
        let total = server.get("/products").await.json()["total"].as_u64().unwrap();
        let next = format!("/products/{}", total + 1);
        let missing = server.hit(&next).await;
        assert_eq!(missing.status, 404);
        let left = missing.verdict().strip_prefix("hit; ttl=").unwrap().parse::<u64>();
        assert!(left.unwrap() < 5, "{missing:?}");
        let created = server.send("POST", "/products", &product("Marbles", 300)).await;
        assert_eq!((created.status.as_u16(), created.field("location")), (201, next.as_str()));
        let found = server.get(&next).await;
        assert_eq!((found.status.as_u16(), found.is_hit()), (200, false));
        assert_eq!(found.json()["name"], "Marbles");
    }
}

#[actix_rt::test]
async fn users_do_not_see_each_other() {
    for server in Server::each().await {
        let users = [("alice-token", "Alice"), ("bob-token", "Bob")];
        let asked = users.iter().cycle().take(40).map(async |(token, name)| {
            let answer = server.get_as("/users/me", token).await;
            assert_eq!((answer.status.as_u16(), &answer.json()["name"]), (200, &json!(name)));
            assert_eq!(answer.verdict(), "fwd=bypass; detail=excluded");
        });
        join_all(asked).await;
        let stranger = server.get("/users/me").await;
        assert_eq!((stranger.status.as_u16(), stranger.is_hit()), (401, false));
        assert!(stranger.field("www-authenticate").starts_with("Bearer"));
    }
}

#[actix_rt::test]
async fn credential_keeps_request_out_of_shared_cache() {
    for server in Server::each().await {
        let shared = server.hit("/products/5").await;
        let own = server.get_as("/products/5", "alice-token").await;
        assert_eq!((own.verdict(), &own.body), ("fwd=bypass; detail=authorization", &shared.body));
    }
}

#[actix_rt::test]
async fn report_is_counted_once() {
    for server in Server::each().await {
        let counted = server.get("/reports/bought-together").await;
        assert_eq!(counted.json().as_array().unwrap().len(), 10);
        let hit = server.hit("/reports/bought-together").await;
        assert_eq!(hit.body, counted.body);
        assert_eq!(hit.field("cache-control"), "public, max-age=600");
    }
}
