//! How often the cache allocates memory for a request, and how large its futures are: both are bounded,
//! as they are a good part of what a request costs.

use actix_http::Request;
use actix_response_cache::ResponseCache;
use actix_service::Transform;
use actix_web::{
    App, Error, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{Service, ServiceRequest, ServiceResponse},
    rt::System,
    test::{TestRequest, init_service},
    web,
};
use allocation_counter::measure;

use crate::support::TestApp;

/// An app with this cache, if there is one.
async fn app(cache: Option<ResponseCache>) -> impl TestApp {
    let page = || async { HttpResponse::Ok().content_type("text/html").body("a page") };
    let cache = actix_web::middleware::Condition::new(
        cache.is_some(),
        cache.unwrap_or_else(ResponseCache::memory),
    );
    init_service(App::new().route("/{page}", web::get().to(page)).wrap(cache)).await
}

/// How often one request allocates, after a few like it, until its body has been read.
fn allocations(cache: Option<ResponseCache>, request: impl Fn(usize) -> Request) -> u64 {
    let system = System::new();
    let app = system.block_on(app(cache));
    let send = |request| {
        system.block_on(async {
            let res = app.call(request).await.unwrap();
            assert!(res.status().is_success());
            res.into_body().try_into_bytes().unwrap_or_default()
        })
    };
    (0..100).for_each(|n| drop(send(request(n))));
    let last = request(100);
    let mut body = None;
    let counted = measure(|| body = Some(send(last)));
    assert_eq!(body.unwrap(), "a page");
    counted.count_total
}

fn same(_: usize) -> Request {
    TestRequest::get().uri("/page").insert_header(("host", "shop.example")).to_request()
}

#[test]
fn hit_allocates_less_than_a_constant_handler() {
    let constant = allocations(None, same);
    let hit = allocations(Some(ResponseCache::memory()), same);
    assert!(hit <= 2 && hit < constant, "{hit} allocations, {constant} of a constant handler");
}

#[test]
fn bypass_allocates_once() {
    let constant = allocations(None, same);
    let bypass = allocations(Some(ResponseCache::memory().exclude("/page")), same);
    assert!(bypass <= constant + 1, "{} allocations more", bypass - constant);
}

#[test]
fn miss_allocates_a_bounded_number_of_times() {
    let constant = allocations(None, same);
    let miss = allocations(Some(ResponseCache::memory()), |n| {
        TestRequest::get()
            .uri(&format!("/{n}"))
            .insert_header(("host", "shop.example"))
            .to_request()
    });
    assert!(miss <= constant + 30, "{} allocations more", miss - constant);
}

/// The size of what the cache makes of a handler's future, and of a response.
fn sizes<S>(_: &S) -> (usize, usize)
where
    S: Service<ServiceRequest, Response = ServiceResponse<BoxBody>, Error = Error> + 'static,
{
    type Wrapped<S> = <ResponseCache as Transform<S, ServiceRequest>>::Transform;
    (
        size_of::<<Wrapped<S> as Service<ServiceRequest>>::Future>(),
        size_of::<<Wrapped<S> as Service<ServiceRequest>>::Response>(),
    )
}

#[test]
fn futures_and_responses_are_small() {
    let handler = actix_service::fn_service(|req: ServiceRequest| {
        std::future::ready(Ok::<_, Error>(req.into_response(HttpResponse::Ok().finish())))
    });
    let bare = size_of::<std::future::Ready<Result<ServiceResponse, Error>>>();
    let (future, response) = sizes(&handler);
    assert!(response <= size_of::<ServiceResponse>() + 32, "a response of {response} bytes");
    assert!(future <= response.max(bare) + 32, "a future of {future} bytes");
}
