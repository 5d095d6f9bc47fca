//! Which bodies are stored: streams that end well, within the bound, at the length they state.

use actix_response_cache::{ResponseCache, Responses};
use actix_web::{
    App, HttpResponse,
    body::{MessageBody, SizedStream},
    dev::Service as _,
    test::init_service,
    web,
};
use bytes::Bytes;
use futures_util::stream;

use crate::support::{Origin, app, get, seen, send};

/// A body in chunks, which may end in an error.
fn chunks(chunks: &'static [&'static str], fails: bool) -> impl MessageBody {
    let good = chunks.iter().map(|chunk| Ok(Bytes::from_static(chunk.as_bytes())));
    let bad = fails.then(|| Err(std::io::Error::other("the database went away")));
    actix_web::body::BodyStream::new(stream::iter(good.chain(bad)))
}

#[actix_rt::test]
async fn streamed_body_is_stored() {
    let origin = Origin::new(|_, _| {
        HttpResponse::Ok().body(chunks(&["one, ", "two, ", "", "three"], false))
    });
    let app = app(&ResponseCache::memory(), &origin).await;
    let miss = send(&app, get("/")).await;
    let hit = send(&app, get("/")).await;
    assert_eq!((hit.word(), hit.text()), ("HIT", "one, two, three"));
    assert_eq!(miss.body, hit.body);
}

#[actix_rt::test]
async fn oversized_body_passes_whole() {
    let cache = ResponseCache::memory().responses(Responses::new().max_body(10));
    let origin = Origin::new(|req, _| match req.path() {
        "/exact" => HttpResponse::Ok().body("0123456789"),
        "/sized" => HttpResponse::Ok().body("0123456789a"),
        _ => HttpResponse::Ok().body(chunks(&["01234", "56789", "a", "bc"], false)),
    });
    let app = app(&cache, &origin).await;
    for (path, text, second) in [
        ("/exact", "0123456789", "HIT"),
        ("/sized", "0123456789a", "MISS"),
        ("/streamed", "0123456789abc", "MISS"),
    ] {
        assert_eq!(send(&app, get(path)).await.text(), text);
        let seen = send(&app, get(path)).await;
        assert_eq!((seen.word(), seen.text()), (second, text), "{path}");
    }
}

#[actix_rt::test]
async fn failed_body_is_not_stored_and_fails_for_client() {
    let origin = Origin::new(|_, _| HttpResponse::Ok().body(chunks(&["one", "two"], true)));
    let cache = ResponseCache::memory();
    let app = app(&cache, &origin).await;
    for _ in 0..2 {
        let res = app.call(get("/").to_request()).await.unwrap();
        assert_eq!(res.status(), 200);
        let error = seen(res).await.expect_err("the client sees the failure");
        assert!(format!("{:?}", error.into()).contains("the database went away"));
    }
    assert_eq!((origin.calls(), cache.handle().unwrap().stats().stores), (2, 0));
}

#[actix_rt::test]
async fn dropped_body_is_not_stored() {
    let origin = Origin::new(|_, _| HttpResponse::Ok().body(chunks(&["one", "two"], false)));
    let cache = ResponseCache::memory();
    let app = app(&cache, &origin).await;
    let res = app.call(get("/").to_request()).await.unwrap();
    let mut body = Box::pin(res.into_body());
    let first = std::future::poll_fn(|cx| body.as_mut().poll_next(cx)).await;
    assert!(first.is_some());
    drop(body);
    let stats = cache.handle().unwrap().stats();
    assert_eq!((stats.stores, stats.entries), (0, Some(0)));
    assert_eq!(send(&app, get("/")).await.word(), "MISS");
}

#[actix_rt::test]
async fn body_of_wrong_length_is_not_stored() {
    let origin = Origin::new(|req, _| {
        let stated = req.path().trim_start_matches('/').parse().unwrap();
        let body = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"12345"))]);
        HttpResponse::Ok().body(SizedStream::new(stated, body))
    });
    let app = app(&ResponseCache::memory(), &origin).await;
    for (path, second) in [("/5", "HIT"), ("/6", "MISS"), ("/4", "MISS")] {
        send(&app, get(path)).await;
        assert_eq!(send(&app, get(path)).await.word(), second, "{path}");
    }
}

#[actix_rt::test]
async fn any_inner_body_type_works() {
    async fn text() -> &'static str {
        "plain"
    }
    let cache = ResponseCache::memory();
    let resource = web::resource("/r").wrap(cache.clone()).route(web::get().to(text));
    let scope = web::scope("/s").wrap(cache.clone()).route("/x", web::get().to(text));
    let app = init_service(App::new().service(resource).service(scope)).await;
    for path in ["/r", "/s/x"] {
        assert_eq!(send(&app, get(path)).await.word(), "MISS", "{path}");
        let hit = send(&app, get(path)).await;
        assert_eq!((hit.word(), hit.text()), ("HIT", "plain"), "{path}");
    }
}
