//! Stale responses that are validated with the handler and brought up to date.

use std::time::Duration;

use actix_response_cache::{Clock, Compliance, ResponseCache};
use actix_service::Service as _;
use actix_web::{
    App, HttpRequest, HttpResponse, HttpResponseBuilder, http::StatusCode, test::init_service, web,
};

use crate::support::{Origin, SECOND, app, get, get_with, request, send};

fn condition(req: &HttpRequest) -> Option<&str> {
    req.headers().get("if-none-match").map(|value| value.to_str().unwrap())
}

/// Fresh for 10 s, with an entity tag; answers 304 to a condition that holds.
fn validating(tag: &'static str) -> impl Fn(&HttpRequest, usize) -> HttpResponse + Send + Sync {
    move |req, call| {
        let ok = condition(req) == Some(tag);
        let mut res: HttpResponseBuilder =
            if ok { HttpResponse::NotModified() } else { HttpResponse::Ok() };
        res.insert_header(("etag", tag));
        res.insert_header(("cache-control", "max-age=10"));
        res.insert_header(("x-call", call));
        if ok { res.finish() } else { res.body(format!("answer {call}")) }
    }
}

#[actix_rt::test]
async fn not_modified_updates_stored_response() {
    let (clock, origin) = (Clock::manual(), Origin::new(validating("\"v1\"")));
    let app = app(&ResponseCache::memory().clock(clock.clone()), &origin).await;
    send(&app, get("/")).await;
    clock.advance(10 * SECOND);
    let validated = send(&app, get("/")).await;
    assert_eq!((validated.status.as_u16(), validated.text()), (200, "answer 1"));
    assert_eq!((validated.field("x-call").as_str(), origin.calls()), ("2", 2));
    assert_eq!(
        validated.field("cache-status"),
        "actix-response-cache; fwd=stale; fwd-status=304; stored"
    );
    clock.advance(9 * SECOND);
    let hit = send(&app, get("/")).await;
    assert_eq!((hit.word(), hit.text(), hit.field("age").as_str()), ("HIT", "answer 1", "9"));
    assert_eq!(hit.field("x-call"), "2");
}

#[actix_rt::test]
async fn changed_response_replaces_stored_one() {
    let clock = Clock::manual();
    let origin = Origin::new(|req, call| {
        let tag = if call == 1 { "\"v1\"" } else { "\"v2\"" };
        validating(tag)(req, call)
    });
    let app = app(&ResponseCache::memory().clock(clock.clone()), &origin).await;
    send(&app, get("/")).await;
    clock.advance(10 * SECOND);
    assert_eq!(send(&app, get("/")).await.text(), "answer 2");
    assert_eq!(send(&app, get("/")).await.text(), "answer 2");
}

#[actix_rt::test]
async fn client_condition_is_answered_from_validated_response() {
    let (clock, origin) = (Clock::manual(), Origin::new(validating("\"v1\"")));
    let app = app(&ResponseCache::memory().clock(clock.clone()), &origin).await;
    send(&app, get("/")).await;
    clock.advance(10 * SECOND);
    let known = send(&app, get_with("/", ("if-none-match", "\"v1\""))).await;
    assert_eq!((known.status.as_u16(), known.body.len(), origin.calls()), (304, 0, 2));
    clock.advance(10 * SECOND);
    let unknown = send(&app, get_with("/", ("if-none-match", "\"v0\""))).await;
    assert_eq!((unknown.status.as_u16(), unknown.text()), (200, "answer 1"));
    clock.advance(10 * SECOND);
    let part = send(&app, get_with("/", ("range", "bytes=0-5"))).await;
    assert_eq!((part.status.as_u16(), part.text(), origin.calls()), (206, "answer", 4));
}

#[actix_rt::test]
async fn not_modified_for_other_response_is_repeated_without_conditions() {
    let clock = Clock::manual();
    let origin = Origin::new(|req, call| match condition(req) {
        Some(_) => HttpResponse::NotModified().insert_header(("etag", "\"other\"")).finish(),
        None => HttpResponse::Ok().insert_header(("etag", "\"v\"")).body(format!("answer {call}")),
    });
    let cache = ResponseCache::memory().clock(clock.clone());
    let resource = web::resource("/{a}/{b}").route(origin.route());
    let app =
        init_service(App::new().service(web::scope("/s").service(resource)).wrap(cache)).await;
    send(&app, get("/s/1/2")).await;
    clock.advance(60 * SECOND);
    let again = send(&app, get("/s/1/2")).await;
    assert_eq!((again.status.as_u16(), again.text(), origin.calls()), (200, "answer 3", 3));
}

#[actix_rt::test]
async fn request_kept_by_handler_cannot_be_repeated_and_fails_nothing() {
    let clock = Clock::manual();
    let kept = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
    let handler = {
        let kept = std::rc::Rc::clone(&kept);
        move |req: HttpRequest| {
            let tag = if condition(&req).is_some() { "\"other\"" } else { "\"v1\"" };
            let mut res = match condition(&req) {
                Some(_) => HttpResponse::NotModified(),
                None => HttpResponse::Ok(),
            };
            res.insert_header(("etag", tag));
            let res = if tag == "\"v1\"" { res.body("stored") } else { res.finish() };
            kept.borrow_mut().push(req);
            async move { res }
        }
    };
    let cache = ResponseCache::memory().clock(clock.clone());
    let app = init_service(App::new().wrap(cache).route("/", web::get().to(handler))).await;
    send(&app, get("/")).await;
    kept.borrow_mut().clear();
    clock.advance(60 * SECOND);
    let seen = send(&app, get("/")).await;
    assert_eq!((seen.status.as_u16(), seen.text()), (200, "stored"));
}

#[actix_rt::test]
async fn request_held_outside_is_answered() {
    let clock = Clock::manual();
    let origin = Origin::new(validating("\"v1\""));
    let resource = web::resource("/")
        .wrap(ResponseCache::memory().clock(clock.clone()))
        .wrap_fn(|req, service| {
            let held = req.request().clone();
            let answer = service.call(req);
            async move {
                let answer = answer.await;
                drop(held);
                answer
            }
        })
        .route(origin.route());
    let app = init_service(App::new().service(resource)).await;
    send(&app, get("/")).await;
    clock.advance(10 * SECOND);
    let seen = send(&app, get("/")).await;
    assert_eq!((seen.status.as_u16(), seen.text()), (200, "answer 2"));
}

#[actix_rt::test]
async fn no_cache_response_is_validated_each_time() {
    let origin = Origin::new(|req, call| {
        let mut res = validating("\"v1\"")(req, call);
        let no_cache = actix_web::http::header::HeaderValue::from_static("no-cache");
        res.headers_mut().insert(actix_web::http::header::CACHE_CONTROL, no_cache);
        res
    });
    let app = app(&ResponseCache::memory(), &origin).await;
    for call in 1..4 {
        let seen = send(&app, get("/")).await;
        assert_eq!((seen.text(), origin.calls()), ("answer 1", call));
    }
}

#[actix_rt::test]
async fn head_updates_or_invalidates_stored_get() {
    for (tag, stays) in [("\"v1\"", true), ("\"v2\"", false)] {
        let clock = Clock::manual();
        let origin = Origin::new(move |req, call| {
            let tag = if req.method() == "HEAD" { tag } else { "\"v1\"" };
            validating(tag)(req, call)
        });
        let app = app(&ResponseCache::memory().clock(clock.clone()), &origin).await;
        send(&app, get("/")).await;
        clock.advance(10 * SECOND);
        send(&app, request("HEAD", "/")).await;
        let seen = send(&app, get("/")).await;
        assert_eq!((seen.word(), origin.calls()), if stays { ("HIT", 2) } else { ("MISS", 3) });
    }
}

#[actix_rt::test]
async fn head_without_validator_updates_nothing() {
    // a HEAD that tells no validator proves nothing: it ends the stored GET or leaves it stale
    for body in ["12345", "123456", ""] {
        let clock = Clock::manual();
        let origin = Origin::new(move |req, _| {
            let body = if req.method() == "HEAD" { body } else { "12345" };
            HttpResponse::Ok()
                .insert_header(("cache-control", "max-age=10, stale-if-error=60"))
                .body(body)
        });
        let app = app(&ResponseCache::memory().clock(clock.clone()), &origin).await;
        send(&app, get("/")).await;
        clock.advance(10 * SECOND);
        send(&app, request("HEAD", "/")).await;
        let seen = send(&app, get("/")).await;
        assert_eq!((seen.word(), origin.calls()), ("MISS", 3), "{body}");
    }
}

#[actix_rt::test]
async fn ranges_are_served_from_stored_response() {
    let origin = Origin::new(|_, _| {
        HttpResponse::Ok()
            .insert_header(("etag", "\"v1\""))
            .insert_header(("content-type", "text/plain"))
            .body("0123456789")
    });
    let app = app(&ResponseCache::memory(), &origin).await;
    send(&app, get("/")).await;
    for (range, status, text, content_range) in [
        ("bytes=0-3", 206, "0123", "bytes 0-3/10"),
        ("bytes=7-", 206, "789", "bytes 7-9/10"),
        ("bytes=-2", 206, "89", "bytes 8-9/10"),
        ("bytes=5-100", 206, "56789", "bytes 5-9/10"),
        ("bytes=10-", 416, "", "bytes */10"),
        ("bytes=4-2", 200, "0123456789", ""),
        ("lines=1-2", 200, "0123456789", ""),
        ("bytes=x", 200, "0123456789", ""),
    ] {
        let seen = send(&app, get_with("/", ("range", range))).await;
        assert_eq!((seen.status.as_u16(), seen.text()), (status, text), "{range}");
        assert_eq!(
            (seen.field("content-range").as_str(), seen.word()),
            (content_range, "HIT"),
            "{range}"
        );
    }
    let several = send(&app, get_with("/", ("range", "bytes=0-1,5-6"))).await;
    assert_eq!(several.status, 206);
    let kind = several.field("content-type");
    let boundary = kind.strip_prefix("multipart/byteranges; boundary=").expect("a boundary");
    let expected = format!(
        "--{boundary}\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-1/10\r\n\r\n01\r\n\
         --{boundary}\r\nContent-Type: text/plain\r\nContent-Range: bytes 5-6/10\r\n\r\n56\r\n\
         --{boundary}--\r\n"
    );
    assert_eq!(several.text(), expected);
    let if_range =
        |tag: &'static str| get_with("/", ("range", "bytes=0-1")).insert_header(("if-range", tag));
    assert_eq!(send(&app, if_range("\"v1\"")).await.status, 206);
    assert_eq!(send(&app, if_range("\"v0\"")).await.status, 200);
    let head = request("HEAD", "/").insert_header(("range", "bytes=0-1"));
    assert_eq!(send(&app, head).await.status, 200);
    assert_eq!(origin.calls(), 1);
}

#[actix_rt::test]
async fn request_directives_are_obeyed_only_when_enabled() {
    let ask = |control: &'static str| get_with("/", ("cache-control", control));
    let obeying =
        ResponseCache::memory().compliance(Compliance::careful().request_directives(true));
    for (cache, word) in [(ResponseCache::memory(), "HIT"), (obeying, "MISS")] {
        let clock = Clock::manual();
        let app = app(&cache.clock(clock.clone()), &Origin::counting()).await;
        for control in ["no-cache", "max-age=0", "min-fresh=100"] {
            send(&app, get("/")).await;
            clock.advance(SECOND);
            assert_eq!(send(&app, ask(control)).await.word(), word, "{control}");
        }
        clock.advance(65 * SECOND);
        let stale = send(&app, ask("max-stale=10")).await;
        assert_eq!(stale.word(), if word == "HIT" { "MISS" } else { "STALE" });
    }
}

#[actix_rt::test]
async fn targeted_header_wins_and_is_stripped() {
    let fields: &[_] = &[
        ("app-cache-control", "max-age=100"),
        ("cdn-cache-control", "max-age=1"),
        ("cache-control", "no-store"),
        ("etag", "\"v1\""),
    ];
    let clock = Clock::manual();
    let app =
        app(&ResponseCache::memory().clock(clock.clone()), &Origin::with_fields(fields)).await;
    let miss = send(&app, get("/")).await;
    clock.advance(99 * SECOND);
    let hit = send(&app, get("/")).await;
    assert_eq!((miss.word(), hit.word()), ("MISS", "HIT"));
    for seen in [miss, hit] {
        assert_eq!(seen.field("app-cache-control"), "");
        assert_eq!(seen.field("cdn-cache-control"), "max-age=1");
        assert_eq!(seen.field("cache-control"), "no-store");
    }
    let to_the_letter = ResponseCache::memory().compliance(Compliance::strict());
    let app = crate::support::app(&to_the_letter, &Origin::with_fields(fields)).await;
    send(&app, get("/")).await;
    let hit = send(&app, get("/")).await;
    assert_eq!((hit.word(), hit.field("cdn-cache-control").as_str()), ("HIT", "max-age=1"));
}

#[actix_rt::test]
async fn surrogate_keys_are_groups_when_enabled() {
    let fields: &[_] = &[("surrogate-key", "a b"), ("cache-tag", "c, d")];
    let cache = ResponseCache::memory().compliance(Compliance::careful().surrogate_keys(true));
    let app = app(&cache, &Origin::with_fields(fields)).await;
    for group in ["a", "b", "c", "d"] {
        let seen = send(&app, get("/")).await;
        assert_eq!((seen.field("surrogate-key"), seen.field("cache-tag")), Default::default());
        assert_eq!(
            cache.handle().unwrap().counted().purge_group(group).await.unwrap().entries,
            Some(1),
            "{group}"
        );
    }
}

#[actix_rt::test]
async fn strict_compliance_switches_take_effect() {
    let stored = async |cache: ResponseCache, status: u16, fields: &'static [(&str, &str)]| {
        let origin = Origin::new(move |_, _| {
            let mut res = HttpResponse::build(StatusCode::from_u16(status).unwrap());
            for field in fields {
                res.append_header(*field);
            }
            res.body("x")
        });
        let app = app(&cache, &origin).await;
        send(&app, get("/")).await;
        send(&app, get("/")).await.word() == "HIT"
    };
    let set_cookie: &[_] = &[("cache-control", "max-age=60"), ("set-cookie", "a=b")];
    let modified: &[_] = &[("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT")];
    let letter = || ResponseCache::memory().compliance(Compliance::strict());
    assert!(!stored(letter(), 200, &[]).await, "no default lifetime");
    assert!(stored(letter(), 200, modified).await, "heuristic");
    assert!(stored(letter(), 200, set_cookie).await);
    assert!(stored(letter(), 299, &[("cache-control", "max-age=60")]).await);
    assert!(stored(letter(), 500, &[("cache-control", "max-age=60")]).await);
    let without_ttl = || ResponseCache::memory().ttl(Duration::ZERO);
    assert!(!stored(without_ttl(), 200, modified).await);
    assert!(
        stored(
            without_ttl().compliance(Compliance::careful().heuristic_freshness(true)),
            200,
            modified
        )
        .await
    );
    assert!(
        stored(
            without_ttl().compliance(Compliance::careful().store_set_cookie(true)),
            200,
            set_cookie
        )
        .await
    );
    assert!(!stored(without_ttl(), 299, &[("cache-control", "max-age=60")]).await);
    assert!(
        stored(
            without_ttl().compliance(Compliance::careful().any_status(true)),
            299,
            &[("cache-control", "max-age=60")]
        )
        .await
    );
}

#[actix_rt::test]
async fn client_cache_settings_do_not_change_storing() {
    use actix_response_cache::ClientCache;
    for client in [
        ClientCache::private().max_age(300 * SECOND),
        ClientCache::no_store(),
        ClientCache::public().max_age(300 * SECOND),
        ClientCache::public().max_age(300 * SECOND).replace(true),
    ] {
        let clock = Clock::manual();
        let origin = Origin::new(|req, call| match condition(req) {
            Some(_) => HttpResponse::NotModified().insert_header(("etag", "\"v1\"")).finish(),
            None => {
                HttpResponse::Ok().insert_header(("etag", "\"v1\"")).body(format!("answer {call}"))
            }
        });
        let cache = ResponseCache::memory().clock(clock.clone()).client_cache(client);
        let app = app(&cache, &origin).await;
        let told = send(&app, get("/")).await.field("cache-control");
        for round in 2..5 {
            clock.advance(60 * SECOND);
            let validated = send(&app, get("/")).await;
            assert_eq!((validated.text(), origin.calls()), ("answer 1", round));
            clock.advance(SECOND);
            let hit = send(&app, get("/")).await;
            assert_eq!((hit.word(), hit.field("cache-control")), ("HIT", told.clone()));
            let known = send(&app, get_with("/", ("if-none-match", "\"v1\""))).await;
            assert_eq!((known.status.as_u16(), known.field("cache-control")), (304, told.clone()));
        }
    }
}

#[actix_rt::test]
async fn preconditions_go_to_handler_despite_stored_entry() {
    let clock = Clock::manual();
    let origin = Origin::new(|req, _| {
        let tag = "\"v2\"";
        let fails = |name: &str, expected: &str| {
            req.headers().get(name).is_some_and(|value| value.to_str().unwrap() != expected)
        };
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        if fails("if-match", tag) || fails("if-unmodified-since", date) {
            return HttpResponse::PreconditionFailed().finish();
        }
        if condition(req) == Some(tag) {
            return HttpResponse::NotModified().insert_header(("etag", tag)).finish();
        }
        HttpResponse::Ok()
            .insert_header(("etag", tag))
            .insert_header(("cache-control", "max-age=10, stale-while-revalidate=60"))
            .body("whole")
    });
    let app = app(&ResponseCache::memory().clock(clock.clone()), &origin).await;
    let holds = || get_with("/", ("if-match", "\"v2\""));
    let preconditions = || {
        let date = "Mon, 07 Nov 1994 08:49:37 GMT";
        [get_with("/", ("if-match", "\"v1\"")), get_with("/", ("if-unmodified-since", date))]
    };
    for stage in ["cold", "fresh", "while revalidating", "stale"] {
        for req in preconditions() {
            assert_eq!(send(&app, req).await.status.as_u16(), 412, "{stage}");
        }
        // the client's own conditions reach the handler beside it
        let both = holds().insert_header(("if-none-match", "\"v2\""));
        if stage != "cold" {
            assert_eq!(send(&app, both).await.status.as_u16(), 304, "{stage}");
        }
        match stage {
            "cold" => drop(send(&app, get("/")).await),
            "fresh" => clock.advance(15 * SECOND),
            _ => clock.advance(300 * SECOND),
        }
    }
}
