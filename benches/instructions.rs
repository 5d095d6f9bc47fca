//! What `benches/instructions.sh` counts by callgrind: one kind of request, a number of times.
//! Called as `instructions <kind> <times> <client> [<bytes of the body>]`; the difference of two numbers
//! of times is free of what starting and ending cost. A client is `plain`, whose requests have no header
//! but `Host`, or `browser`. Redis runs in another process, whose instructions are not counted.

#![allow(missing_docs, unreachable_pub, clippy::expect_used, clippy::panic, reason = "a bench")]

use std::{
    env,
    future::{Ready, ready},
    hint::black_box,
    time::Duration,
};

use actix_http::Request;
use actix_response_cache::{Memory, Redis, ResponseCache, Responses, Rule, Tiered};
use actix_web::{
    App, Error, HttpResponse,
    body::MessageBody,
    dev::{ServiceFactory, ServiceRequest, ServiceResponse},
    http::{
        StatusCode,
        header::{HeaderMap, HeaderName, HeaderValue},
    },
    test::init_service,
    web,
};
use bytes::Bytes;
use metrics_util::debugging::DebuggingRecorder;
use test_support::redis::RedisServer;

mod support;

use support::{ask_all, bare_get, body, browser_request, plain_request};

/// Over how many URLs the requests of the kind `spread` are spread.
const SPREAD: u64 = 600;

fn main() {
    let arguments: Vec<_> = env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let [kind, times, client, length @ ..] = arguments.as_slice() else {
        return; // `cargo bench` runs every bench; this one is for the script
    };
    let times: u64 = times.parse().expect("a number of times");
    let request = if client == "browser" { browser_request } else { plain_request };
    let one_by_one = |uri: fn(u64) -> String| (0..times).map(move |n| vec![request(&uri(n))]);
    let same = one_by_one(|_| "/products/7".to_owned());
    let length = length.first().map_or(1024, |length| length.parse().expect("a length"));
    let body = body(length);
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
            // without an `ETag` of the cache's own
            "hit_untagged" => {
                let cache = ResponseCache::memory().responses(Responses::new().validators(false));
                ask_all(&init_service(app.wrap(cache)).await, same).await;
            }
            // under the last of ten rules
            "hit_rules" => {
                let app = init_service(app.wrap(ten_rules(ResponseCache::memory()))).await;
                ask_all(&app, same).await;
            }
            // while a recorder of the `metrics` facade is installed
            "hit_metrics" => {
                DebuggingRecorder::new().install().expect("there is no other recorder");
                let app = init_service(app.wrap(ResponseCache::memory())).await;
                ask_all(&app, same).await;
            }
            // of ever other URLs, which no worker remembers
            "spread" => {
                let app = init_service(app.wrap(ResponseCache::memory())).await;
                let uri = |n: u64| format!("/products/{}", n % SPREAD);
                ask_all(&app, (0..SPREAD).map(|n| vec![request(&uri(n))])).await;
                ask_all(&app, one_by_one(uri)).await;
            }
            "miss" => {
                let app = init_service(app.wrap(ResponseCache::memory())).await;
                ask_all(&app, one_by_one(|n| format!("/products/{n}"))).await;
                // what it costs to drop all that was stored is no part of a miss
                std::mem::forget(app);
            }
            "bypass" => {
                let app = init_service(app.wrap(ResponseCache::memory().exclude("/"))).await;
                ask_all(&app, same).await;
            }
            _ => over_redis(kind, app, &body, same).await,
        }
    });
}

/// Nine rules for other paths, and one for the requests.
fn ten_rules(cache: ResponseCache) -> ResponseCache {
    let rule = || Rule::new().ttl(Duration::from_secs(60));
    let others = (1..10).map(|n| format!("/section-{n}/{{id}}"));
    others
        .chain(["/products/{id}".to_owned()])
        .fold(cache, |cache, pattern| cache.rule(pattern, rule()))
}

/// The kinds of requests for which Redis is there.
async fn over_redis<T, B>(
    kind: &str,
    app: App<T>,
    body: &Bytes,
    requests: impl Iterator<Item = Vec<Request>>,
) where
    T: ServiceFactory<
            ServiceRequest,
            Config = (),
            Response = ServiceResponse<B>,
            Error = Error,
            InitError = (),
        > + 'static,
    B: MessageBody + 'static,
{
    let server = RedisServer::start();
    match kind {
        "redis_get" => {
            ask_all(&init_service(bare_get(&server.url(), body)).await, requests).await;
        }
        "redis_hit" => {
            let app = init_service(app.wrap(ResponseCache::new(patient(&server)))).await;
            ask_all(&app, requests).await;
        }
        "tiered_hit" => {
            let store = Tiered::new(Memory::new(), patient(&server));
            ask_all(&init_service(app.wrap(ResponseCache::new(store))).await, requests).await;
        }
        other => panic!("`{other}` is no kind of request"),
    }
}

/// Under callgrind everything takes fifty times as long.
fn patient(server: &RedisServer) -> Redis {
    let long = Duration::from_secs(10);
    Redis::new(server.url()).connect_timeout(long).response_timeout(long)
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
