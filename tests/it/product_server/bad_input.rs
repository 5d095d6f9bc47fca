//! What the product server refuses: JSON with the right status, and nothing stored.

use serde_json::json;

use super::{answer::answer, server::Server};

const JSON: &str = "application/json";

/// Method, path, content type, body; status, and a part of the message.
type Row = (&'static str, &'static str, &'static str, &'static str, u16, &'static str);

const TABLE: &[Row] = &[
    ("POST", "/products", JSON, "{\"name", 400, "EOF"),
    ("POST", "/products", JSON, "", 400, "EOF"),
    ("POST", "/products", JSON, "[]", 422, "invalid length"),
    ("POST", "/products", JSON, r#"{"name":"a","category":"b"}"#, 422, "price_cents"),
    ("POST", "/products", JSON, r#"{"name":1,"category":"b","price_cents":1}"#, 422, "string"),
    ("POST", "/products", JSON, r#"{"name":"a","category":"b","price_cents":1.5}"#, 422, "1.5"),
    ("POST", "/products", JSON, r#"{"name":"a","category":"b","price_cents":-1}"#, 422, "between"),
    ("POST", "/products", JSON, r#"{"name":" ","category":"b","price_cents":1}"#, 422, "`name`"),
    ("POST", "/products", JSON, r#"{"name":"a","category":"","price_cents":1}"#, 422, "`category`"),
    (
        "POST",
        "/products",
        JSON,
        r#"{"name":"a","category":"b","price_cents":1,"colour":"red"}"#,
        422,
        "`colour`",
    ),
    (
        "POST",
        "/products",
        JSON,
        r#"{"name":"a","category":"b","price_cents":1,"stock":-1}"#,
        422,
        "`stock`",
    ),
    (
        "POST",
        "/products",
        JSON,
        r#"{"name":"a","category":"b","price_cents":1,"stock":1000001}"#,
        422,
        "`stock`",
    ),
    ("POST", "/products", "text/plain", "{}", 415, "content type"),
    (
        "PUT",
        "/products/1",
        JSON,
        r#"{"id":2,"name":"a","category":"b","price_cents":1}"#,
        422,
        "`id` is 2",
    ),
    ("PUT", "/products/1", JSON, r#"{"name":"a","category":"b","price_cents":-1}"#, 422, "between"),
    ("PUT", "/products/x", JSON, r#"{"name":"a","category":"b","price_cents":1}"#, 400, "`x`"),
    ("PUT", "/products/999", JSON, r#"{"name":"a","category":"b","price_cents":1}"#, 404, "999"),
    ("DELETE", "/products/0", "", "", 400, "`0`"),
    ("DELETE", "/products/999", "", "", 404, "999"),
    ("GET", "/products/x", "", "", 400, "`x`"),
    ("GET", "/products/-1", "", "", 400, "`-1`"),
    ("GET", "/products/007", "", "", 400, "`007`"),
    ("GET", "/products/+7", "", "", 400, "`+7`"),
    ("GET", "/products/99999999999999999999", "", "", 400, "number of a product"),
    ("GET", "/products?page=0", "", "", 400, "nonzero"),
    ("GET", "/products?page=-1", "", "", 400, "invalid digit"),
    ("GET", "/products?page=x", "", "", 400, "invalid digit"),
    ("GET", "/products?page=1&page=2", "", "", 400, "duplicate field"),
    ("GET", "/products?per_page=101", "", "", 400, "per_page"),
    ("GET", "/nothing", "", "", 404, "/nothing"),
    ("GET", "/products/1/2", "", "", 404, "/products/1/2"),
    ("PATCH", "/products", "", "", 405, "GET, HEAD, POST"),
    ("POST", "/products/1", "", "", 405, "GET, HEAD, PUT, DELETE"),
    ("DELETE", "/users/me", "", "", 405, "GET, HEAD"),
    ("POST", "/", "", "", 405, "GET, HEAD"),
    ("DELETE", "/style.css", "", "", 405, "GET, HEAD"),
];

#[actix_rt::test]
async fn bad_input_gets_json_error_and_is_not_stored() {
    let server = Server::in_memory().await;
    for &(method, path, content_type, body, status, message) in TABLE {
        let mut request = server.request(method, path);
        if !content_type.is_empty() {
            request = request.content_type(content_type);
        }
        let refused = answer(request, body).await;
        let shown = format!("{method} {path} {body}: {refused:?}");
        assert_eq!(refused.status, status, "{shown}");
        assert_eq!(refused.field("content-type"), JSON, "{shown}");
        assert!(refused.json()["error"].as_str().unwrap().contains(message), "{shown}");
        assert_eq!(refused.field("allow").is_empty(), status != 405, "{shown}");
        assert!(!refused.verdict().contains("stored"), "{shown}");
    }
    let list = server.get("/products?per_page=100").await.json();
    assert_eq!(
        (&list["total"], &list["products"][0]["name"]),
        (&json!(36), &json!("Espresso cup"))
    );
}

#[actix_rt::test]
async fn oversized_input_is_refused() {
    let server = Server::in_memory().await;
    for (field, text, status) in [
        ("name", "x".repeat(101), 422),
        ("name", "ü".repeat(100), 201),
        ("name", "x".repeat(20_000), 413),
        ("description", "x".repeat(1_001), 422),
        ("description", "ü".repeat(1_000), 201),
    ] {
        let mut product = json!({ "name": "Kite", "category": "games", "price_cents": 1 });
        product[field] = json!(text);
        let answer = server.send("POST", "/products", &product).await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert_eq!(answer.json()["error"].is_string(), status != 201);
    }
}
