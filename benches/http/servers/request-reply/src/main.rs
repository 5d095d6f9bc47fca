//! `actix-request-reply-cache` before the handler of `bench-actix`: `bench-request-reply PORT SIZE
//! REDIS-URL`, one worker.

use std::{
    env, io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use actix_request_reply_cache::RedisCacheMiddlewareBuilder;
use actix_web::{
    App, HttpResponse, HttpServer,
    http::header::{CACHE_CONTROL, ContentType},
    web::{self, Bytes},
};

#[actix_web::main]
async fn main() -> io::Result<()> {
    let args: Vec<String> = env::args().skip(1).collect();
    let [port, size, redis] = args.as_slice() else {
        return Err(io::Error::other("usage: bench-request-reply PORT SIZE REDIS-URL"));
    };
    let port: u16 = port.parse().map_err(io::Error::other)?;
    let body = Bytes::from(vec![b'x'; size.parse().map_err(io::Error::other)?]);
    let redis = redis.clone();
    let calls = Arc::new(AtomicU64::new(0));
    HttpServer::new(move || {
        let (body, counted, calls) = (body.clone(), Arc::clone(&calls), Arc::clone(&calls));
        let product = move || {
            counted.fetch_add(1, Ordering::Relaxed);
            let body = body.clone();
            async move {
                HttpResponse::Ok()
                    .insert_header(ContentType::html())
                    .insert_header((CACHE_CONTROL, "max-age=86400"))
                    .body(body)
            }
        };
        let report = move || {
            let calls = calls.load(Ordering::Relaxed).to_string();
            async move { HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).body(calls) }
        };
        // it asks no response's Cache-Control, so the path that counts is named
        let cache = RedisCacheMiddlewareBuilder::new(redis.as_str())
            .ttl(86_400)
            .cache_if(|context| context.path != "/calls")
            .build();
        App::new()
            .wrap(cache)
            .route("/products/{id}", web::get().to(product))
            .route("/calls", web::get().to(report))
    })
    .workers(1)
    .bind(("127.0.0.1", port))?
    .run()
    .await
}
