//! Handlers say how their responses are cached. Run it, then `curl -i localhost:8080/stock/7` twice: it is
//! fresh here for five seconds, while browsers ask each time. `/` is not declared, and so not stored.

use std::time::Duration;

use actix_response_cache::{CacheHints, Cached, ClientCache, ResponseCache, Rule};
use actix_web::{App, HttpServer, Responder, dev::HttpServiceFactory, web};

async fn stock(id: web::Path<u32>, hints: CacheHints) -> impl Responder {
    hints.policy("short").group(format!("product:{id}"));
    format!("{} of product {id}\n", *id * 3)
}

async fn products() -> impl Responder {
    Cached::new(web::Json(["tea", "coffee"])).ttl(Duration::from_secs(30)).groups(["products"])
}

fn cache() -> ResponseCache {
    let short = Rule::new().ttl(Duration::from_secs(5)).client_cache(ClientCache::public());
    ResponseCache::memory().only_declared(true).policy("short", short)
}

fn shop() -> impl HttpServiceFactory {
    web::scope("")
        .route("/", web::get().to(async || "not declared\n"))
        .route("/products", web::get().to(products))
        .route("/stock/{id}", web::get().to(stock))
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let cache = cache();
    HttpServer::new(move || App::new().service(shop()).wrap(cache.clone()))
        .bind(("127.0.0.1", 8080))?
        .run()
        .await
}

#[cfg(test)]
mod tests {
    use actix_web::test::{TestRequest, call_service, init_service};

    #[actix_web::test]
    async fn only_what_handlers_declare_is_stored() {
        let app = actix_web::App::new().service(super::shop()).wrap(super::cache());
        let app = init_service(app).await;
        for (path, is_stored) in [("/", false), ("/products", true), ("/stock/7", true)] {
            call_service(&app, TestRequest::with_uri(path).to_request()).await;
            let res = call_service(&app, TestRequest::with_uri(path).to_request()).await;
            let status = res.headers().get("cache-status").expect("the cache's word");
            assert_eq!(status.to_str().expect("text").contains("hit"), is_stored, "{path}");
        }
    }
}
