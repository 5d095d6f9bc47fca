//! The description of the admin scope for programs, held against what the scope answers.

use std::collections::BTreeSet;

use actix_response_cache::{AdminToken, ResponseCache};
use actix_web::{App, test::init_service};
use serde_json::Value;

use crate::support::{Origin, TestApp, get, request, send};

const TOKEN: &str = "a-token-that-is-long-enough";

async fn app() -> impl TestApp {
    let cache = ResponseCache::memory();
    let admin = cache.admin("/_cache", AdminToken::new(TOKEN).unwrap());
    let origin = Origin::counting();
    init_service(App::new().service(admin).default_service(origin.route()).wrap(cache)).await
}

async fn json(app: &impl TestApp, method: &str, path: &str, body: &str) -> Value {
    let req = request(method, &format!("/_cache{path}"))
        .insert_header(("authorization", format!("Bearer {TOKEN}")))
        .set_payload(body.to_owned());
    let seen = send(app, req).await;
    assert!(seen.field("content-type").starts_with("application/json"), "{path}");
    serde_json::from_slice(&seen.body).expect("JSON")
}

/// Follows a reference into the description.
fn resolved<'d>(document: &'d Value, schema: &'d Value) -> &'d Value {
    match schema["$ref"].as_str() {
        Some(name) => document.pointer(name.trim_start_matches('#')).expect(name),
        None => schema,
    }
}

fn is_of_type(value: &Value, name: &str) -> bool {
    match name {
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        _ => panic!("{name}"),
    }
}

/// Asserts that a value is as its schema says, and has nothing that the schema leaves out.
fn check(document: &Value, schema: &Value, value: &Value, place: &str) {
    let schema = resolved(document, schema);
    let types = match &schema["type"] {
        Value::String(name) => vec![name.as_str()],
        Value::Array(names) => names.iter().map(|name| name.as_str().unwrap()).collect(),
        other => panic!("{place}: {other}"),
    };
    assert!(types.iter().any(|name| is_of_type(value, name)), "{place}: {types:?}, is {value}");
    if let (Some(properties), Some(fields)) = (schema["properties"].as_object(), value.as_object())
    {
        let required = schema["required"].as_array().into_iter().flatten();
        for name in required.map(|name| name.as_str().unwrap()) {
            assert!(fields.contains_key(name), "{place}: no {name}");
        }
        if !place.ends_with("_times") {
            let undescribed: Vec<_> =
                fields.keys().filter(|name| !properties.contains_key(*name)).collect();
            assert!(undescribed.is_empty(), "{place}: {undescribed:?}");
        }
        for (name, field) in fields.iter().filter(|(name, _)| properties.contains_key(*name)) {
            check(document, &properties[name], field, &format!("{place}.{name}"));
        }
    }
    if let (Some(items), Some(values)) = (schema.get("items"), value.as_array()) {
        for value in values {
            check(document, items, value, place);
        }
    }
}

#[actix_rt::test]
async fn json_of_each_route_is_as_described() {
    let app = app().await;
    for req in
        [get("/a"), get("/a"), request("PUT", "/a"), get("/b").insert_header(("cookie", "a=b"))]
    {
        send(&app, req).await;
    }
    let document = json(&app, "GET", "/openapi.json", "").await;
    let schema = "/responses/200/content/application~1json/schema";
    let mut checked = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        if let Some(schema) = operations["get"].pointer(schema) {
            let value = json(&app, "GET", path, "").await;
            check(&document, schema, &value, path);
            checked.insert(path.as_str());
        }
    }
    assert!(
        checked.is_superset(
            &[
                "/stats",
                "/timeline",
                "/audit",
                "/top",
                "/examples",
                "/entries",
                "/flights",
                "/fleet"
            ]
            .into()
        )
    );
    for (path, body) in [
        ("/purge/preview", "{\"all\": true}"),
        ("/purge", "{\"all\": true}"),
        ("/switch", "{\"on\": true}"),
        ("/refresh", "{\"urls\": [\"no url\"], \"headers\": {\"a\": \"b\"}, \"at_most\": 1}"),
    ] {
        let value = json(&app, "POST", path, body).await;
        let schema = document["paths"][path]["post"].pointer(schema).expect(path);
        check(&document, schema, &value, path);
    }
}

#[actix_rt::test]
async fn every_reason_of_a_refusal_is_described() {
    let app = app().await;
    let document = json(&app, "GET", "/openapi.json", "").await;
    let reasons = document.pointer("/components/schemas/Error/properties/reason/enum").unwrap();
    for (body, reason) in [
        ("{", "bad-json"),
        ("{}", "no-target"),
        ("{\"path\": \"/a\", \"group\": \"g\"}", "many-targets"),
        ("{\"group\": \"\"}", "empty-group"),
        ("{\"path\": \"a\"}", "bad-target"),
    ] {
        let refusal = json(&app, "POST", "/purge", body).await;
        assert_eq!(refusal["reason"], reason, "{body}");
        assert!(reasons.as_array().unwrap().contains(&refusal["reason"]), "{body}");
    }
    let refusal = json(&app, "POST", "/explain", "{\"url\": \"no url\"}").await;
    assert_eq!(refusal["reason"], "bad-inquiry");
    assert!(reasons.as_array().unwrap().contains(&refusal["reason"]));
    for (path, reason) in [
        ("/nothing", "not-found"),
        ("/entries?limit=1000", "bad-query"),
        ("/entries?x=1", "bad-query"),
    ] {
        assert_eq!(json(&app, "GET", path, "").await["reason"], reason);
        assert!(reasons.as_array().unwrap().contains(&Value::from(reason)));
    }
}

#[actix_rt::test]
async fn request_is_explained_as_json() {
    let app = app().await;
    let body = "{\"url\": \"http://localhost:8080/private\", \"headers\": {\"cookie\": \"a=b\"}}";
    let explained = json(&app, "POST", "/explain", body).await;
    assert!(explained.is_object() && explained.get("error").is_none(), "{explained}");
}

#[actix_rt::test]
async fn a_reader_of_openapi_understands_the_description() {
    let req =
        get("/_cache/openapi.json").insert_header(("authorization", format!("Bearer {TOKEN}")));
    let seen = send(&app().await, req).await;
    let spec = oas3::from_json(seen.text()).expect("OpenAPI 3.1");
    let named: Vec<_> =
        spec.operations().map(|(path, method, _)| format!("{method} {path}")).collect();
    for route in
        ["GET /stats", "POST /purge", "POST /purge/preview", "POST /explain", "GET /entries"]
    {
        assert!(named.iter().any(|name| name == route), "{route} is not among {named:?}");
    }
}
