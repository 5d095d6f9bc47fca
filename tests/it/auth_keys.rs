//! No user gets the response of another: credentials, auth keys, and many users at once.

use actix_response_cache::{Auth, Credentials, ResponseCache};
use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    http::header::{AUTHORIZATION, COOKIE},
    test::TestRequest,
};
use futures_util::future::join_all;

use crate::support::{Origin, app, get, get_with, send, server::serve};

/// Returns the name of the user, so that a response of another user is recognised.
fn mirror(fields: &'static [(&'static str, &'static str)]) -> Origin {
    Origin::new(move |req, _| {
        let mut res = HttpResponse::Ok();
        for field in fields {
            res.append_header(*field);
        }
        res.body(who(req))
    })
}

fn who(req: &HttpRequest) -> String {
    let lines = [AUTHORIZATION, COOKIE].map(|name| {
        let lines = req.headers().get_all(name).map(|line| line.to_str().unwrap());
        lines.collect::<Vec<_>>().join("|")
    });
    lines.join(" & ")
}

fn bearer(token: &str) -> TestRequest {
    get_with("/", ("authorization", format!("Bearer {token}")))
}

fn cookie(cookie: &str) -> TestRequest {
    get_with("/", ("cookie", cookie.to_owned()))
}

#[actix_rt::test]
async fn credential_without_auth_key_bypasses_cache() {
    let app = app(&ResponseCache::memory(), &mirror(&[])).await;
    for (alice, bob, why) in [
        (bearer("alice"), bearer("bob"), "authorization"),
        (cookie("session=alice"), cookie("session=bob"), "cookie"),
    ] {
        for req in [alice, bob] {
            let seen = send(&app, req).await;
            assert_eq!(seen.word(), "BYPASS");
            let status = seen.field("cache-status");
            assert!(status.ends_with(&format!("detail={why}")), "{status}");
        }
    }
    let anonymous = send(&app, get("/")).await;
    assert_eq!((anonymous.word(), anonymous.text()), ("MISS", " & "));
    let alice = send(&app, bearer("alice")).await;
    assert_eq!(
        (alice.word(), alice.text()),
        ("BYPASS", "Bearer alice & "),
        "the anonymous answer is stored"
    );
}

#[actix_rt::test]
async fn public_response_is_shared_despite_credential() {
    for (control, bearers_share, cookies_share) in [
        ("public", true, true),
        ("s-maxage=60", true, true),
        ("must-revalidate, max-age=60", true, false), // RFC 9111 s.3.5 knows Authorization only
        ("max-age=60", false, false),
    ] {
        let origin = Origin::new(move |_, call| {
            HttpResponse::Ok().insert_header(("cache-control", control)).body(call.to_string())
        });
        let cache = ResponseCache::memory();
        let app = app(&cache, &origin).await;
        send(&app, bearer("alice")).await;
        let hit = send(&app, bearer("bob")).await.word() == "HIT";
        assert_eq!(hit, bearers_share, "{control}");
        cache.handle().unwrap().purge_all().await.unwrap();
        send(&app, cookie("session=alice")).await;
        let hit = send(&app, cookie("session=bob")).await.word() == "HIT";
        assert_eq!(hit, cookies_share, "{control}");
    }
}

#[actix_rt::test]
async fn ignored_cookies_are_no_credential() {
    let cache =
        ResponseCache::memory().credentials(Credentials::new().ignore_cookies(["_ga*", "theme"]));
    let app = app(&cache, &Origin::counting()).await;
    send(&app, cookie("_ga_123=x; theme=dark")).await;
    assert_eq!(send(&app, cookie("theme=light")).await.word(), "HIT");
    assert_eq!(send(&app, get("/")).await.word(), "HIT");
    assert_eq!(send(&app, cookie("theme=light; session=1")).await.word(), "BYPASS");
}

#[actix_rt::test]
async fn harmless_cookies_are_no_credential() {
    let app = app(
        &ResponseCache::memory().credentials(Credentials::new().cookies_are_harmless(true)),
        &Origin::counting(),
    )
    .await;
    send(&app, cookie("a=1")).await;
    assert_eq!(send(&app, cookie("b=2")).await.word(), "HIT");
    assert_eq!(send(&app, bearer("x")).await.word(), "BYPASS");
}

#[actix_rt::test]
async fn auth_status_separates_anonymous_from_authenticated() {
    let origin = Origin::new(|req, _| {
        HttpResponse::Ok().body(if who(req) == " & " { "log in" } else { "log out" })
    });
    let app = app(&ResponseCache::memory().vary_by_auth(Auth::Status), &origin).await;
    assert_eq!(send(&app, get("/")).await.text(), "log in");
    assert_eq!(send(&app, bearer("alice")).await.text(), "log out");
    for (req, text) in
        [(bearer("bob"), "log out"), (cookie("session=carol"), "log out"), (get("/"), "log in")]
    {
        let seen = send(&app, req).await;
        assert_eq!((seen.word(), seen.text()), ("HIT", text));
    }
    assert_eq!(origin.calls(), 2);
}

#[actix_rt::test]
async fn per_credential_key_separates_users() {
    type Ask = (fn() -> TestRequest, &'static str);
    let app = app(&ResponseCache::memory().vary_by_auth(Auth::PerCredential), &mirror(&[])).await;
    let two_lines = || bearer("alice").append_header(("authorization", "Bearer bob"));
    let one_line = || bearer("alice, Bearer bob");
    let everybody: [Ask; 6] = [
        (|| get("/"), " & "),
        (|| bearer("alice"), "Bearer alice & "),
        (|| bearer("bob"), "Bearer bob & "),
        (|| cookie("session=alice"), " & session=alice"),
        (|| cookie("session=bob"), " & session=bob"),
        (|| cookie("session=alice").append_header(("authorization", "x")), "x & session=alice"),
    ];
    for word in ["MISS", "HIT"] {
        for (req, text) in everybody {
            let seen = send(&app, req()).await;
            assert_eq!((seen.word(), seen.text()), (word, text));
        }
        assert_eq!(send(&app, two_lines()).await.text(), "Bearer alice|Bearer bob & ");
        assert_eq!(send(&app, one_line()).await.text(), "Bearer alice, Bearer bob & ");
    }
}

#[actix_rt::test]
async fn credential_can_be_one_cookie_or_one_header() {
    let by_cookie = ResponseCache::memory().vary_by_auth(Auth::cookie("session"));
    let app = app(&by_cookie, &mirror(&[])).await;
    send(&app, cookie("session=alice; x=1")).await;
    assert_eq!(send(&app, cookie("y=2; session=alice")).await.word(), "HIT");
    assert_eq!(send(&app, cookie("session=bob")).await.word(), "MISS");
    assert_eq!(
        send(&app, cookie("session=bob").append_header(("authorization", "x"))).await.word(),
        "BYPASS"
    );

    let by_field = Auth::header("x-api-key").unwrap();
    let app =
        crate::support::app(&ResponseCache::memory().vary_by_auth(by_field), &Origin::counting())
            .await;
    let key = |key: &'static str| get_with("/", ("x-api-key", key));
    send(&app, key("a")).await;
    assert_eq!(send(&app, key("a")).await.word(), "HIT");
    assert_eq!(send(&app, key("b")).await.word(), "MISS");
    assert_eq!(send(&app, key("a").append_header(("cookie", "session=1"))).await.word(), "BYPASS");
    assert!(Auth::header("not a name").is_err());
}

#[actix_rt::test]
async fn auth_function_separates_users() {
    let cache = ResponseCache::memory().vary_by_auth(Auth::from_fn(|req| {
        let tenant = req.headers().get("x-tenant")?.to_str().ok()?;
        Some(tenant.to_owned())
    }));
    let app = app(&cache, &Origin::counting()).await;
    let tenant = |tenant: &'static str| {
        get_with("/", ("x-tenant", tenant)).append_header(("authorization", "Bearer x"))
    };
    send(&app, tenant("acme")).await;
    assert_eq!(send(&app, tenant("acme")).await.word(), "HIT");
    assert_eq!(send(&app, tenant("other")).await.word(), "MISS");
    assert_eq!(send(&app, tenant("")).await.word(), "MISS", "empty is not absent");
    let nobody = send(&app, get("/")).await;
    assert_eq!(nobody.field("cache-status"), "actix-response-cache; fwd=bypass; detail=no-key");
}

#[actix_rt::test]
async fn private_response_is_never_stored() {
    let origin = mirror(&[("cache-control", "private, max-age=60")]);
    for cache in [
        ResponseCache::memory(),
        ResponseCache::memory().vary_by_auth(Auth::Status),
        ResponseCache::memory().credentials(Credentials::new().cookies_are_harmless(true)),
    ] {
        let app = app(&cache, &origin).await;
        send(&app, cookie("session=alice")).await;
        assert_eq!(send(&app, cookie("session=bob")).await.text(), " & session=bob");
    }
}

#[actix_rt::test]
async fn concurrent_users_each_get_their_own_response() {
    let cache = ResponseCache::memory().vary_by_auth(Auth::PerCredential);
    let served = cache.clone();
    let server = HttpServer::new(move || {
        let origin = Origin::new(|req, _| HttpResponse::Ok().body(who(req)));
        App::new().wrap(served.clone()).default_service(origin.route())
    })
    .workers(2);
    let (address, handle) = serve(server);
    let url = format!("http://{address}/");

    let client = awc::Client::default();
    let ask = |user: usize| {
        let (client, url) = (&client, &url);
        async move {
            let token = format!("Bearer user-{}", user % 20);
            let mut res =
                client.get(url).insert_header((AUTHORIZATION, token.clone())).send().await.unwrap();
            let text = res.body().await.unwrap();
            assert_eq!(text, format!("{token} & "), "another user's answer");
        }
    };
    for _ in 0..10 {
        join_all((0..100).map(ask)).await;
    }
    let stats = cache.handle().unwrap().stats();
    assert_eq!(stats.requests(), 1000);
    assert!(stats.hits > 800, "{stats:?}");
    handle.stop(false).await;
}
