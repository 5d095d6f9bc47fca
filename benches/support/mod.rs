//! What the benches share: an app is asked over and over, and only its answers are timed.

#![allow(dead_code, clippy::indexing_slicing, reason = "each bench uses some of it")]

use std::{
    rc::Rc,
    time::{Duration, Instant},
};

use actix_http::Request;
use actix_web::{
    App, Error, HttpResponse,
    body::{MessageBody, to_bytes},
    dev::{Service, ServiceFactory, ServiceRequest, ServiceResponse},
    test::TestRequest,
    web,
};
use bytes::Bytes;
use tokio::sync::OnceCell;

pub mod http;
pub mod load;

/// Lengths of bodies, in bytes, with their names.
pub const SIZES: [(usize, &str); 2] = [(1024, "1 KiB"), (100 * 1024, "100 KiB")];

/// How many requests are made before the first of them is sent.
const BATCH: usize = 256;

/// A body of this length.
pub fn body(length: usize) -> Bytes {
    vec![b'x'; length].into()
}

/// A request with no more headers than it must have, as load generators send it.
pub fn plain_request(uri: &str) -> Request {
    TestRequest::get().uri(uri).insert_header(("host", "shop.example")).to_request()
}

/// A request as a browser sends it, without cookies.
pub fn browser_request(uri: &str) -> Request {
    TestRequest::get()
        .uri(uri)
        .insert_header(("host", "shop.example"))
        .insert_header(("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101"))
        .insert_header(("accept", "text/html,application/xhtml+xml,*/*;q=0.8"))
        .insert_header(("accept-language", "en-US,en;q=0.5"))
        .insert_header(("accept-encoding", "gzip, deflate, br"))
        .to_request()
}

/// What a hit in Redis is measured by: a handler that makes one `GET` and answers what it gets. The
/// connection is the calling runtime's own.
pub fn bare_get(
    url: &str,
    body: &Bytes,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse,
        Error = Error,
        InitError = (),
    > + use<>,
> {
    let client = redis::Client::open(url).expect("a URL");
    let name = format!("bare:{}", body.len());
    let mut setting = client.get_connection().expect("it answers");
    let () = redis::cmd("SET").arg(&name).arg(&body[..]).query(&mut setting).expect("it is stored");
    let connection = Rc::new(OnceCell::new());
    let handler = move || {
        let (client, connection) = (client.clone(), Rc::clone(&connection));
        let mut get = redis::cmd("GET");
        get.arg(&name);
        async move {
            let made = connection.get_or_try_init(|| client.get_multiplexed_async_connection());
            let mut connection = made.await.expect("it answers").clone();
            let body: Vec<u8> = get.query_async(&mut connection).await.expect("it is there");
            HttpResponse::Ok().content_type("text/html").body(body)
        }
    };
    App::new().route("/products/{id}", web::get().to(handler))
}

/// Asks `times` times and says how long the answers took, their bodies read to the end. Requests
/// are made beforehand, as a server's reading of them is not what is compared.
pub async fn ask<S, B>(app: &S, times: u64, uri: impl Fn(u64) -> String) -> Duration
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    ask_all(app, batches(times, |n| browser_request(&uri(n)))).await
}

/// The same for batches of requests.
pub async fn ask_all<S, B>(app: &S, batches: impl Iterator<Item = Vec<Request>>) -> Duration
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    let mut taken = Duration::ZERO;
    for requests in batches {
        let start = Instant::now();
        for request in requests {
            answer(app, request).await;
        }
        taken += start.elapsed();
    }
    taken
}

/// Requests, made some hundred at a time.
pub fn batches(times: u64, request: impl Fn(u64) -> Request) -> impl Iterator<Item = Vec<Request>> {
    let numbers = (0..times).step_by(BATCH);
    numbers.map(move |from| {
        let batch = from..times.min(from + BATCH as u64);
        batch.map(&request).collect()
    })
}

/// One answer, its body read to the end.
#[inline(never)]
async fn answer<S, B>(app: &S, request: Request)
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    let res = app.call(request).await.expect("an answer");
    assert!(res.status().is_success());
    let body = to_bytes(res.into_body()).await;
    assert!(body.is_ok_and(|body| body.len() >= 1024));
}
