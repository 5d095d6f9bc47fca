//! `stale-if-error`: a stale response is served in place of a handler that fails.

use actix_response_cache::{Clock, ResponseCache};
use actix_service::Service as _;
use actix_web::{
    App, HttpResponse, error::ErrorInternalServerError, http::StatusCode, test::init_service,
};

use crate::support::{Origin, SECOND, app, get, request, send, send_or_error};

/// Answers once, then fails with this status, or with an error where there is none.
async fn after_failure(
    control: &'static str,
    status: Option<u16>,
    cache: ResponseCache,
) -> (u16, String, String) {
    let clock = Clock::manual();
    let origin = Origin::new(move |_, call| match (call, status) {
        (1, _) => HttpResponse::Ok().insert_header(("cache-control", control)).body("stored"),
        (_, Some(status)) => {
            HttpResponse::build(StatusCode::from_u16(status).unwrap()).body("failed")
        }
        (_, None) => HttpResponse::Ok().body("the middleware below fails instead"),
    });
    let app = init_service(
        App::new()
            .wrap_fn({
                let origin = origin.clone();
                move |req, service| {
                    let fails = status.is_none() && origin.calls() > 0;
                    let answer = service.call(req);
                    async move {
                        if fails { Err(ErrorInternalServerError("failed")) } else { answer.await }
                    }
                }
            })
            .wrap(cache.clock(clock.clone()))
            .default_service(origin.route()),
    )
    .await;
    send(&app, get("/")).await;
    clock.advance(20 * SECOND);
    let seen = send_or_error(&app, get("/")).await;
    (seen.status.as_u16(), seen.text().to_owned(), seen.field("cache-status"))
}

#[actix_rt::test]
async fn stale_is_served_when_handler_fails() {
    let plain = ResponseCache::memory;
    let stored = |told: &str| (200, "stored".to_owned(), format!("actix-response-cache; {told}"));
    let window = "max-age=10, stale-if-error=60";
    for status in [500, 502, 503, 504] {
        let expected = stored(&format!("fwd=stale; fwd-status={status}"));
        assert_eq!(after_failure(window, Some(status), plain()).await, expected);
    }
    assert_eq!(after_failure(window, None, plain()).await, stored("fwd=stale"));
    let by_setting = plain().stale_if_error(60 * SECOND);
    assert_eq!(after_failure("max-age=10", Some(503), by_setting).await.1, "stored");
}

#[actix_rt::test]
async fn stale_is_not_served_where_directive_or_window_forbids() {
    let permissive = || ResponseCache::memory().stale_if_error(60 * SECOND);
    for control in [
        "max-age=10, must-revalidate, stale-if-error=60",
        "max-age=10, proxy-revalidate, stale-if-error=60",
        "s-maxage=10, stale-if-error=60",
        "max-age=10, stale-if-error=5",
    ] {
        let (status, text, _) = after_failure(control, Some(503), permissive()).await;
        assert_eq!((status, text.as_str()), (503, "failed"), "{control}");
    }
    // a failure that is no failure of the handler's is the answer
    let (status, ..) =
        after_failure("max-age=10, stale-if-error=60", Some(404), permissive()).await;
    assert_eq!(status, 404);
    let (status, ..) = after_failure("max-age=10", Some(503), ResponseCache::memory()).await;
    assert_eq!(status, 503, "not by default");
}

#[actix_rt::test]
async fn stale_is_served_for_head_when_handler_fails() {
    let clock = Clock::manual();
    let origin = Origin::new(|_, call| match call {
        1 => HttpResponse::Ok()
            .insert_header(("cache-control", "max-age=10, stale-if-error=60"))
            .body("0123456789"),
        _ => HttpResponse::ServiceUnavailable().finish(),
    });
    let app = app(&ResponseCache::memory().clock(clock.clone()), &origin).await;
    send(&app, get("/")).await;
    clock.advance(20 * SECOND);
    let head = request("HEAD", "/").insert_header(("range", "bytes=0-1"));
    let seen = send(&app, head).await;
    assert_eq!((seen.status.as_u16(), seen.body.len()), (200, 0));
}
