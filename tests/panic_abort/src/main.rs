//! Requests that a middleware outside of the cache holds, in a program that a panic ends: stale
//! responses are validated by their next client, and nothing panics.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use actix_response_cache::{Clock, ResponseCache};
use actix_web::{
    App, Error, HttpRequest, HttpResponse,
    body::{MessageBody, to_bytes},
    dev::{Service, ServiceRequest, ServiceResponse},
    middleware::{Next, from_fn},
    test::{TestRequest, init_service},
    web,
};

const MINUTE: Duration = Duration::from_secs(61);

/// Holds the request while the handler runs, and for a while after it was answered.
async fn hold(
    req: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let held: HttpRequest = req.request().clone();
    let res = next.call(req).await;
    actix_rt::spawn(async move {
        actix_rt::time::sleep(Duration::from_millis(20)).await;
        drop(held);
    });
    res
}

async fn body<S, B>(app: &S, condition: Option<&str>) -> (u16, String)
where
    S: Service<actix_http::Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    let mut req = TestRequest::get().uri("/item");
    if let Some(condition) = condition {
        req = req.insert_header(("if-none-match", condition));
    }
    let res = app.call(req.to_request()).await.expect("the service answers");
    let status = res.status().as_u16();
    let bytes = to_bytes(res.into_body()).await.unwrap_or_else(|_| panic!("the body failed"));
    (status, String::from_utf8_lossy(&bytes).into_owned())
}

#[actix_rt::main]
async fn main() {
    let clock = Clock::manual();
    let cache = ResponseCache::memory().clock(clock.clone()).stale_while_revalidate(60 * MINUTE);
    let warnings = cache.check().await.expect("the settings are good").warnings;
    assert!(warnings.iter().any(|text| text.contains("panic")), "{warnings:?}");
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let route = web::get().to(move || {
        let call = counted.fetch_add(1, Ordering::SeqCst) + 1;
        async move {
            HttpResponse::Ok().insert_header(("etag", format!("\"{call}\""))).body(call.to_string())
        }
    });
    let item = web::resource("/item").route(route).wrap(cache.clone()).wrap(from_fn(hold));
    let app = init_service(App::new().service(item)).await;
    assert_eq!(body(&app, None).await, (200, "1".to_owned()));
    assert_eq!(body(&app, Some("\"1\"")).await.0, 304, "a hit answers conditions");
    for round in 2..6 {
        clock.advance(MINUTE);
        assert_eq!(body(&app, Some("\"0\"")).await, (200, round.to_string()), "never stale");
        assert_eq!(body(&app, None).await, (200, round.to_string()), "a hit");
    }
    cache.handle().expect("the settings are good").settle().await;
    assert_eq!(calls.load(Ordering::SeqCst), 5);
    println!("all requests were answered, and nothing panicked");
}
