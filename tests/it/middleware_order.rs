//! Other middleware inside and outside of the cache: each pair behaves as the table of the guide's page says.

use std::rc::Rc;

use actix_cors::Cors;
use actix_response_cache::{Auth, CacheHints, Compliance, ResponseCache};
use actix_session::{Session, SessionMiddleware, storage::CookieSessionStore};
use actix_web::{
    App, Error, HttpMessage as _, HttpRequest, HttpResponse,
    cookie::Key,
    dev::Service,
    error::ErrorUnauthorized,
    middleware::{Compress, Logger, NormalizePath},
    test::init_service,
    web,
};

use crate::support::{Origin, Seen, TestApp, get, get_with, send};

fn gzipped(uri: &str) -> actix_web::test::TestRequest {
    get_with(uri, ("accept-encoding", "gzip"))
}

fn long_text() -> Origin {
    Origin::new(|_, _| {
        HttpResponse::Ok().content_type("text/plain").body("long text ".repeat(1000))
    })
}

fn is_gzip(seen: &Seen) -> bool {
    seen.field("content-encoding") == "gzip" && seen.body.starts_with(&[0x1f, 0x8b])
}

#[actix_rt::test]
async fn compress_inside_stores_one_entry_per_encoding() {
    let origin = long_text();
    let app = init_service(
        App::new()
            .wrap(Compress::default())
            .wrap(ResponseCache::memory())
            .default_service(origin.route()),
    )
    .await;
    for word in ["MISS", "HIT"] {
        let packed = send(&app, gzipped("/")).await;
        assert_eq!((packed.word(), is_gzip(&packed)), (word, true));
        let plain = send(&app, get("/")).await;
        assert_eq!((plain.word(), plain.text()), (word, "long text ".repeat(1000).as_str()));
    }
    assert_eq!(origin.calls(), 2);
}

#[actix_rt::test]
async fn compress_outside_compresses_every_response() {
    let origin = long_text();
    let app = init_service(
        App::new()
            .wrap(ResponseCache::memory())
            .wrap(Compress::default())
            .default_service(origin.route()),
    )
    .await;
    for word in ["MISS", "HIT"] {
        let packed = send(&app, gzipped("/")).await;
        assert_eq!((packed.word(), is_gzip(&packed)), (word, true));
    }
    let plain = send(&app, get("/")).await;
    assert_eq!((plain.word(), plain.text()), ("HIT", "long text ".repeat(1000).as_str()));
    assert_eq!(origin.calls(), 1);
}

#[actix_rt::test]
async fn logger_works_in_either_order() {
    for inside in [true, false] {
        let origin = Origin::counting();
        let cache = ResponseCache::memory();
        let app: Rc<dyn Probe> = if inside {
            let app =
                App::new().wrap(Logger::default()).wrap(cache).default_service(origin.route());
            Rc::new(Probed(init_service(app).await))
        } else {
            let app =
                App::new().wrap(cache).wrap(Logger::default()).default_service(origin.route());
            Rc::new(Probed(init_service(app).await))
        };
        assert_eq!(app.words("/").await, ["MISS", "HIT"], "inside: {inside}");
    }
}

/// An app of any type.
trait Probe {
    fn words(
        &self,
        path: &'static str,
    ) -> futures_util::future::LocalBoxFuture<'_, [&'static str; 2]>;
}

struct Probed<S>(S);

impl<S: TestApp> Probe for Probed<S> {
    fn words(
        &self,
        path: &'static str,
    ) -> futures_util::future::LocalBoxFuture<'_, [&'static str; 2]> {
        Box::pin(async move {
            [send(&self.0, get(path)).await.word(), send(&self.0, get(path)).await.word()]
        })
    }
}

#[actix_rt::test]
async fn normalize_path_outside_shares_one_entry() {
    let route = |origin: &Origin| web::resource("/a/b").route(origin.route());
    let (outside, inside) = (Origin::counting(), Origin::counting());
    let app = init_service(
        App::new()
            .wrap(ResponseCache::memory())
            .wrap(NormalizePath::trim())
            .service(route(&outside)),
    )
    .await;
    assert_eq!(send(&app, get("/a//b/")).await.word(), "MISS");
    assert_eq!(send(&app, get("/a/b")).await.word(), "HIT");

    let app = init_service(
        App::new()
            .wrap(NormalizePath::trim())
            .wrap(ResponseCache::memory())
            .service(route(&inside)),
    )
    .await;
    for path in ["/a//b/", "/a/b"] {
        assert_eq!(send(&app, get(path)).await.word(), "MISS", "{path}");
        assert_eq!(send(&app, get(path)).await.word(), "HIT", "{path}");
    }
}

fn cors() -> Cors {
    Cors::default()
        .allowed_origin("https://a.example")
        .allowed_origin("https://b.example")
        .allow_any_method()
}

async fn allowed(app: &impl TestApp, origin: &'static str) -> (String, &'static str) {
    let seen = send(app, get_with("/", ("origin", origin))).await;
    (seen.field("access-control-allow-origin"), seen.word())
}

#[actix_rt::test]
async fn cors_outside_serves_each_origin_from_an_entry_of_its_own_or_one_for_all() {
    let (a, b) = ("https://a.example", "https://b.example");
    for (cache, [first_of_a, first_of_b]) in [
        (ResponseCache::memory(), ["MISS", "MISS"]),
        (
            ResponseCache::memory().compliance(Compliance::careful().vary_by_origin(false)),
            ["HIT", "HIT"],
        ),
        (
            ResponseCache::memory()
                .compliance(Compliance::careful().vary_by_origin(false).vary_by_origin(true)),
            ["MISS", "MISS"],
        ),
    ] {
        let app = init_service(
            App::new().wrap(cache).wrap(cors()).default_service(Origin::counting().route()),
        )
        .await;
        send(&app, get("/")).await;
        assert_eq!(allowed(&app, a).await, (a.to_owned(), first_of_a));
        assert_eq!(allowed(&app, b).await, (b.to_owned(), first_of_b));
        assert_eq!(allowed(&app, a).await, (a.to_owned(), "HIT"));
    }
}

#[actix_rt::test]
async fn refused_origin_does_not_affect_allowed_origin() {
    // CORS by hand, with a list of origins and without `Vary`
    let by_hand = || {
        Origin::new(|req, _| {
            let origin =
                req.headers().get("origin").filter(|origin| *origin == "https://a.example");
            let mut res = HttpResponse::Ok();
            origin.map(|origin| res.insert_header(("access-control-allow-origin", origin.clone())));
            res.finish()
        })
    };
    let (a, evil) = ("https://a.example", "https://evil.example");
    for order in [[evil, a], [a, evil]] {
        let app = crate::support::app(&ResponseCache::memory(), &by_hand()).await;
        for word in ["MISS", "HIT"] {
            for origin in order {
                let expected = if origin == a { a } else { "" };
                assert_eq!(allowed(&app, origin).await, (expected.to_owned(), word));
            }
        }
    }
}

#[actix_rt::test]
async fn cors_inside_separates_origins() {
    let app = init_service(
        App::new()
            .wrap(cors())
            .wrap(ResponseCache::memory())
            .default_service(Origin::counting().route()),
    )
    .await;
    // filled by a request without Origin, whose answer has no CORS fields
    assert_eq!(send(&app, get("/")).await.field("access-control-allow-origin"), "");
    let (a, b) = ("https://a.example", "https://b.example");
    for word in ["MISS", "HIT"] {
        assert_eq!(allowed(&app, a).await, (a.to_owned(), word));
        assert_eq!(allowed(&app, b).await, (b.to_owned(), word));
    }
}

#[actix_rt::test]
async fn cors_headers_without_vary_are_separated_by_origin() {
    let echo = Origin::new(|req, _| {
        let origin = req.headers().get("origin").cloned();
        let mut res = HttpResponse::Ok();
        origin.map(|origin| res.insert_header(("access-control-allow-origin", origin)));
        res.finish()
    });
    let app = crate::support::app(&ResponseCache::memory(), &echo).await;
    for word in ["MISS", "HIT"] {
        for origin in ["https://a.example", "https://b.example"] {
            assert_eq!(allowed(&app, origin).await, (origin.to_owned(), word));
        }
    }
}

fn sessions() -> SessionMiddleware<CookieSessionStore> {
    SessionMiddleware::new(CookieSessionStore::default(), Key::from(&[7; 64]))
}

async fn visit(session: Session) -> Result<String, Error> {
    let visits = session.get::<u32>("visits")?.unwrap_or(0) + 1;
    session.insert("visits", visits)?;
    Ok(visits.to_string())
}

#[actix_rt::test]
async fn sessions_in_either_order_are_not_shared() {
    for inside in [true, false] {
        let app = App::new();
        let cache = ResponseCache::memory();
        let app: Rc<dyn Visits> = if inside {
            let app = app.wrap(sessions()).wrap(cache).route("/", web::get().to(visit));
            Rc::new(Probed(init_service(app).await))
        } else {
            let app = app.wrap(cache).wrap(sessions()).route("/", web::get().to(visit));
            Rc::new(Probed(init_service(app).await))
        };
        let (text, cookie) = app.visit(None).await;
        assert_eq!(text, "1");
        assert_eq!(app.visit(Some(cookie)).await.0, "2", "inside: {inside}");
    }
}

/// An app with sessions.
trait Visits {
    /// What a visitor with this cookie sees, and the cookie that is set.
    fn visit(
        &self,
        cookie: Option<String>,
    ) -> futures_util::future::LocalBoxFuture<'_, (String, String)>;
}

impl<S: TestApp> Visits for Probed<S> {
    fn visit(
        &self,
        cookie: Option<String>,
    ) -> futures_util::future::LocalBoxFuture<'_, (String, String)> {
        Box::pin(async move {
            let mut req = get("/");
            if let Some(cookie) = cookie {
                req = req.insert_header(("cookie", cookie));
            }
            let seen = send(&self.0, req).await;
            let cookie = seen.all("set-cookie").pop().unwrap_or_default();
            let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
            (seen.text().to_owned(), cookie)
        })
    }
}

#[actix_rt::test]
async fn check_outside_sees_every_request_and_check_inside_only_misses() {
    let check = |req: &actix_web::dev::ServiceRequest| {
        let admitted = req.headers().contains_key("x-admitted");
        if admitted { Ok(()) } else { Err(ErrorUnauthorized("who are you?")) }
    };
    let origin = Origin::counting();
    let app = init_service(
        App::new()
            .wrap(ResponseCache::memory())
            .wrap_fn(move |req, service| {
                let checked = check(&req).map(|()| service.call(req));
                async move { checked?.await }
            })
            .default_service(origin.route()),
    )
    .await;
    let admitted = || get_with("/", ("x-admitted", "1")).to_request();
    assert!(app.call(admitted()).await.is_ok());
    assert!(app.call(admitted()).await.is_ok());
    assert!(app.call(get("/").to_request()).await.is_err(), "a stored answer, and still checked");
    assert_eq!(origin.calls(), 1);

    let app = init_service(
        App::new()
            .wrap_fn(move |req, service| {
                let checked = check(&req).map(|()| service.call(req));
                async move { checked?.await }
            })
            .wrap(ResponseCache::memory())
            .default_service(origin.route()),
    )
    .await;
    assert!(app.call(admitted()).await.is_ok());
    let unchecked = send(&app, get("/")).await;
    assert_eq!(unchecked.word(), "HIT", "why the first lines of the documentation warn of this");
}

#[actix_rt::test]
async fn resumed_download_through_compression_keeps_its_bytes() {
    for content_type in ["text/plain", "application/octet-stream"] {
        let origin = Origin::new(move |_, _| {
            let mut res = HttpResponse::Ok();
            res.insert_header(("etag", "\"v1\"")).insert_header(("content-type", content_type));
            res.body("long text ".repeat(1000))
        });
        let app = init_service(
            App::new()
                .wrap(ResponseCache::memory())
                .wrap(Compress::default())
                .default_service(origin.route()),
        )
        .await;
        assert!(is_gzip(&send(&app, gzipped("/")).await));
        let resumed = || gzipped("/").insert_header(("range", "bytes=10-19"));
        for req in [resumed(), resumed().insert_header(("if-range", "\"v1\""))] {
            let seen = send(&app, req).await;
            assert_eq!((seen.status.as_u16(), is_gzip(&seen)), (200, true), "{content_type}");
        }
        for identity in [None, Some("identity"), Some("identity;q=1, *;q=0")] {
            let mut req = get_with("/", ("range", "bytes=10-19"));
            if let Some(accepted) = identity {
                req = req.insert_header(("accept-encoding", accepted));
            }
            let part = send(&app, req).await;
            assert_eq!((part.status.as_u16(), part.text()), (206, "long text "), "{identity:?}");
        }
    }
}

/// A form with a token of the visitor's session.
async fn form(session: Session) -> Result<String, Error> {
    let token = session.get::<u64>("token")?.unwrap_or_else(|| fastrand::u64(..));
    session.insert("token", token)?;
    tokio::task::yield_now().await;
    Ok(token.to_string())
}

/// The same, kept out of the cache.
async fn form_kept_out(session: Session, hints: CacheHints) -> Result<String, Error> {
    hints.no_store();
    form(session).await
}

#[actix_rt::test]
async fn handler_keeps_form_with_token_out_of_cache() {
    let app = App::new()
        .route("/form", web::get().to(form_kept_out))
        .wrap(ResponseCache::memory())
        .wrap(sessions());
    let app = init_service(app).await;
    let (first, second) = (send(&app, get("/form")).await, send(&app, get("/form")).await);
    assert_ne!(first.text(), second.text(), "each visitor has a token of their own");
    assert_eq!(second.word(), "MISS");
    assert!(!second.all("set-cookie").is_empty());
}

#[actix_rt::test]
async fn form_with_token_is_not_stored_with_sessions_inside() {
    let app = App::new()
        .route("/form", web::get().to(form))
        .wrap(sessions())
        .wrap(ResponseCache::memory());
    let app = init_service(app).await;
    let (first, second) = (send(&app, get("/form")).await, send(&app, get("/form")).await);
    assert_ne!(first.text(), second.text());
    assert!(second.field("cache-status").ends_with("detail=set-cookie"));
}

#[actix_rt::test]
async fn user_known_outside_is_in_key_by_function() {
    #[derive(Clone)]
    struct User(String);

    async fn page(req: HttpRequest) -> String {
        req.extensions().get::<User>().map_or("nobody".to_owned(), |user| user.0.clone())
    }
    let app = |cache: ResponseCache| {
        let app = App::new().route("/", web::get().to(page)).wrap(cache);
        init_service(app.wrap_fn(|req, service| {
            let user = req.headers().get("x-badge").map(|badge| badge.to_str().unwrap().to_owned());
            user.map(|user| req.extensions_mut().insert(User(user)));
            service.call(req)
        }))
    };
    let by = |user: &'static str| get_with("/", ("x-badge", user));
    // the cache sees no extensions: why the documentation warns of this
    let unaware = app(ResponseCache::memory()).await;
    send(&unaware, by("alice")).await;
    assert_eq!(send(&unaware, by("bob")).await.text(), "alice");
    let by_user = Auth::from_fn(|req| Some(req.extensions().get::<User>()?.0.clone()));
    let cured = app(ResponseCache::memory().vary_by_auth(by_user)).await;
    for word in ["MISS", "HIT"] {
        for user in ["alice", "bob"] {
            let seen = send(&cured, by(user)).await;
            assert_eq!((seen.text(), seen.word()), (user, word));
        }
        assert_eq!(send(&cured, get("/")).await.word(), "BYPASS", "who is not known");
    }
}
