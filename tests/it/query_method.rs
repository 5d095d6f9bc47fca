//! The QUERY method, and `No-Vary-Search`.

use actix_response_cache::{Compliance, ResponseCache};
use actix_web::{App, HttpRequest, HttpResponse, test::TestRequest, test::init_service, web};

use crate::support::{Origin, app, get, request, send};

async fn echo(req: HttpRequest, body: web::Bytes) -> HttpResponse {
    let mut answer = format!("{} ", req.method()).into_bytes();
    answer.extend_from_slice(&body);
    HttpResponse::Ok().insert_header(("cache-control", "max-age=60")).body(answer)
}

fn query(body: impl Into<String>) -> TestRequest {
    let body = body.into();
    request("QUERY", "/search")
        .insert_header(("content-type", "application/sql"))
        .insert_header(("content-length", body.len()))
        .set_payload(body)
}

#[actix_rt::test]
async fn query_body_is_in_the_key() {
    let cache = ResponseCache::memory().compliance(Compliance::careful().query_method(true));
    let app = init_service(App::new().wrap(cache.clone()).default_service(web::to(echo))).await;
    for word in ["MISS", "HIT"] {
        for body in ["select 1", "select 2", ""] {
            let seen = send(&app, query(body)).await;
            assert_eq!((seen.word(), seen.text()), (word, format!("QUERY {body}").as_str()));
        }
    }
    let other_kind = query("select 1").insert_header(("content-type", "text/plain"));
    assert_eq!(send(&app, other_kind).await.word(), "MISS");
    assert_eq!(send(&app, get("/search")).await.text(), "GET ", "a GET has no part in it");
    let stats = cache.handle().unwrap().stats();
    assert_eq!((stats.hits, stats.misses, stats.purges), (3, 5, 0), "a QUERY changes nothing");
}

#[actix_rt::test]
async fn query_with_long_body_passes_unchanged() {
    let cache = ResponseCache::memory().compliance(Compliance::careful().query_method(true));
    let config = web::PayloadConfig::new(1 << 20);
    let app = App::new().app_data(config).wrap(cache).default_service(web::to(echo));
    let app = init_service(app).await;
    for length in [64 * 1024, 64 * 1024 + 1, 200_000] {
        let body = "x".repeat(length);
        send(&app, query(body.clone())).await;
        let seen = send(&app, query(body)).await;
        let expected = if length > 64 * 1024 { "BYPASS" } else { "HIT" };
        assert_eq!((seen.word(), seen.body.len()), (expected, length + 6));
    }
}

#[actix_rt::test]
async fn no_vary_search_shares_entries() {
    let origin = Origin::with_fields(&[("no-vary-search", "params=(\"utm\"), key-order")]);
    let cache = ResponseCache::memory();
    let app = app(&cache, &origin).await;
    assert_eq!(send(&app, get("/p?b=2&a=1&utm=x")).await.word(), "MISS");
    for uri in ["/p?a=1&b=2", "/p?utm=y&b=2&a=1", "/p?b=%32&a=1"] {
        assert_eq!(send(&app, get(uri)).await.word(), "HIT", "{uri}");
    }
    for uri in ["/p?a=1&b=3", "/p", "/q?a=1&b=2"] {
        assert_eq!(send(&app, get(uri)).await.word(), "MISS", "{uri}");
    }
    let other_host = TestRequest::get().uri("/p?a=1&b=2").insert_header(("host", "other"));
    assert_eq!(send(&app, other_host).await.word(), "MISS");
    assert_eq!(
        cache.handle().unwrap().counted().purge_url("/p?utm=z&a=1&b=2").await.unwrap().entries,
        Some(2)
    );
}
