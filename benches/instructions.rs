//! What `benches/instructions.sh` counts by callgrind: one kind of request, a number of times.
//! Called as `instructions <kind> <times> <client>`; the difference of two numbers of times is free of
//! what starting and ending cost. A client is `plain`, whose requests have no header but `Host`, or
//! `browser`.

#![allow(missing_docs, unreachable_pub, clippy::expect_used, clippy::panic, reason = "a bench")]

use std::{
    env,
    future::{Ready, ready},
    hint::black_box,
};

use actix_response_cache::ResponseCache;
use actix_web::{
    App, Error, HttpResponse,
    dev::{ServiceRequest, ServiceResponse},
    http::{
        StatusCode,
        header::{HeaderMap, HeaderName, HeaderValue},
    },
    test::init_service,
    web,
};
use bytes::Bytes;

mod support;

use support::{ask_all, body, browser_request, plain_request};

fn main() {
    let arguments: Vec<_> = env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let [kind, times, client] = arguments.as_slice() else {
        return; // `cargo bench` runs every bench; this one is for the script
    };
    let times: u64 = times.parse().expect("a number of times");
    let request = if client == "browser" { browser_request } else { plain_request };
    let one_by_one = |uri: fn(u64) -> String| (0..times).map(move |n| vec![request(&uri(n))]);
    let same = one_by_one(|_| "/products/7".to_owned());
    let body = body(1024);
    let constant = body.clone();
    let handler = move || {
        let body = constant.clone();
        async move { HttpResponse::Ok().content_type("text/html").body(body) }
    };
    let app = App::new().route("/products/{id}", web::get().to(handler));
    actix_rt::System::new().block_on(async {
        match kind.as_str() {
            // the requests alone, which every other kind builds too
            "none" => same.for_each(|batch| drop(black_box(batch))),
            "bare" => drop(ask_all(&init_service(app).await, same).await),
            "least" => {
                let (fields, body) = (six_fields(), body.clone());
                let app = app.wrap_fn(move |req, _| at_once(req, &fields, &body));
                ask_all(&init_service(app).await, same).await;
            }
            "hit" => {
                let app = init_service(app.wrap(ResponseCache::memory())).await;
                ask_all(&app, same).await;
            }
            "miss" => {
                let app = init_service(app.wrap(ResponseCache::memory())).await;
                ask_all(&app, one_by_one(|n| format!("/products/{n}"))).await;
            }
            "bypass" => {
                let app = init_service(app.wrap(ResponseCache::memory().exclude("/"))).await;
                ask_all(&app, same).await;
            }
            other => panic!("`{other}` is none of none, bare, least, hit, miss, bypass"),
        }
    });
}

/// The least that a middleware can do inside actix-web: it answers with what it keeps.
fn at_once(
    req: ServiceRequest,
    fields: &HeaderMap,
    body: &Bytes,
) -> Ready<Result<ServiceResponse<Bytes>, Error>> {
    let mut res = HttpResponse::with_body(StatusCode::OK, body.clone());
    *res.headers_mut() = fields.clone();
    ready(Ok(req.into_response(res)))
}

fn six_fields() -> HeaderMap {
    let fields = [
        ("content-type", "text/html"),
        ("date", "Sun, 06 Nov 1994 08:49:37 GMT"),
        ("cache-control", "max-age=60"),
        ("etag", "\"7\""),
        ("age", "1"),
        ("cache-status", "actix-response-cache; hit; ttl=59"),
    ];
    let fields = fields
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
    fields.into_iter().collect()
}
