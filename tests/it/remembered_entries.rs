//! Entries that a worker uses often, and remembers: a hit on one is the same as a hit on any other, and
//! whatever ends an entry ends what is remembered of it.

use actix_response_cache::{Clock, Compliance, Purge, ResponseCache, Rule};
use actix_web::{App, HttpResponse, http::StatusCode, test::init_service};

use crate::support::{
    Origin, SECOND, Seen, TestApp, app, get, get_with, redis::RedisServer, request, send, settle,
    until_async,
};

/// After how many hits an entry is remembered for sure.
const OFTEN: usize = 5;

/// Asks often; the last answer.
async fn often(app: &impl TestApp, uri: &str) -> Seen {
    for _ in 0..OFTEN {
        send(app, get(uri)).await;
    }
    let seen = send(app, get(uri)).await;
    assert_eq!(seen.word(), "HIT", "{uri}");
    seen
}

#[actix_rt::test]
async fn purge_of_any_kind_ends_remembered_entry() {
    let url = "/p/7?x=1";
    for purge in [
        Purge::url(url),
        Purge::url("http://shop.example/p/7?x=1"),
        Purge::path("/p/7"),
        Purge::prefix("/p"),
        Purge::group("p:7"),
        Purge::all(),
    ] {
        let cache = ResponseCache::memory().rule("/p/{id}", Rule::new().groups(["p:{id}"]));
        let origin = Origin::counting();
        // two workers, of which each remembers the entry
        let (one, other) = (app(&cache, &origin).await, app(&cache, &origin).await);
        assert_eq!(often(&one, url).await.text(), "answer 1");
        assert_eq!(often(&other, url).await.text(), "answer 1");
        cache.handle().unwrap().purge(&purge).await.unwrap();
        let seen = send(&one, get(url)).await;
        assert_eq!((seen.word(), seen.text()), ("MISS", "answer 2"), "{purge:?}");
        assert_eq!(send(&other, get(url)).await.text(), "answer 2", "{purge:?}");
        assert_eq!(often(&one, url).await.text(), "answer 2", "{purge:?}");
    }
}

#[actix_rt::test]
async fn soft_purge_ends_freshness_of_remembered_entry() {
    let cache = ResponseCache::memory().stale_while_revalidate(30 * SECOND);
    let origin = Origin::counting();
    let app = app(&cache, &origin).await;
    often(&app, "/").await;
    cache.handle().unwrap().soft().purge_all().await.unwrap();
    let seen = send(&app, get("/")).await;
    assert_eq!((seen.word(), seen.text()), ("STALE", "answer 1"));
    settle(&cache).await;
    assert_eq!(often(&app, "/").await.text(), "answer 2");
}

#[actix_rt::test]
async fn unsafe_request_ends_remembered_entry() {
    let cache = ResponseCache::memory();
    let app = app(&cache, &Origin::counting()).await;
    often(&app, "/a").await;
    send(&app, request("PUT", "/a")).await;
    assert_eq!(send(&app, get("/a")).await.word(), "MISS");
}

#[actix_rt::test]
async fn newer_response_takes_the_place_of_remembered_one() {
    let compliance = Compliance::careful().request_directives(true);
    let cache = ResponseCache::memory().compliance(compliance);
    let origin = Origin::counting();
    let (one, other) = (app(&cache, &origin).await, app(&cache, &origin).await);
    often(&one, "/").await;
    often(&other, "/").await;
    send(&other, get_with("/", ("cache-control", "no-cache"))).await;
    assert_eq!(send(&one, get("/")).await.text(), "answer 2");
    assert_eq!(send(&other, get("/")).await.text(), "answer 2");
}

#[actix_rt::test]
async fn remembered_entry_ages_and_expires() {
    let clock = Clock::manual();
    let cache = ResponseCache::memory().ttl(10 * SECOND).clock(clock.clone());
    let app = app(&cache, &Origin::counting()).await;
    often(&app, "/").await;
    clock.advance(4 * SECOND);
    let seen = send(&app, get("/")).await;
    let status = seen.all("cache-status");
    assert_eq!((seen.field("age").as_str(), status.len()), ("4", 1));
    assert!(status[0].ends_with("hit; ttl=6"), "{status:?}");
    clock.advance(6 * SECOND);
    assert_eq!(send(&app, get("/")).await.text(), "answer 2");
}

#[actix_rt::test]
async fn remembered_entry_is_the_whole_response_in_every_form() {
    let origin = Origin::new(|_, _| {
        HttpResponse::Accepted()
            .status(StatusCode::OK)
            .insert_header(("etag", "\"1\""))
            .insert_header(("age", "3"))
            .append_header(("link", "<a>"))
            .append_header(("link", "<b>"))
            .append_header(("x-own", "1"))
            .append_header(("app-cache-control", "max-age=60"))
            .body("0123456789")
    });
    let app = app(&ResponseCache::memory().clock(Clock::manual()), &origin).await;
    send(&app, get("/")).await;
    let first = send(&app, get("/")).await;
    let hit = often(&app, "/").await;
    let sorted = |seen: &Seen| {
        let fields = seen.fields.iter().filter(|(name, _)| name.as_str() != "date");
        let mut fields: Vec<_> = fields.map(|field| format!("{field:?}")).collect();
        fields.sort();
        (seen.status, fields, seen.body.clone())
    };
    assert_eq!(sorted(&hit), sorted(&first));
    assert_eq!(hit.all("link"), ["<a>", "<b>"]);
    assert_eq!((hit.field("age").as_str(), hit.all("app-cache-control").len()), ("3", 0));
    let known = send(&app, get_with("/", ("if-none-match", "\"1\""))).await;
    assert_eq!((known.status.as_u16(), known.body.len()), (304, 0));
    let part = send(&app, get_with("/", ("range", "bytes=2-4"))).await;
    assert_eq!((part.status.as_u16(), part.text()), (206, "234"));
    let head = send(&app, request("HEAD", "/")).await;
    assert_eq!((head.word(), head.body.len()), ("HIT", 0));
    assert_eq!(origin.calls(), 1);
}

#[actix_rt::test]
async fn remembered_entry_answers_its_own_requests_only() {
    let cache = ResponseCache::memory().exclude("/private");
    let origin = Origin::counting();
    let app = app(&cache, &origin).await;
    for uri in ["/a?x=1", "/a?x=2", "/a?", "/a", "/a/", "/A"] {
        often(&app, uri).await;
    }
    assert_eq!(origin.calls(), 6);
    let mut texts = Vec::new();
    for uri in ["/a?x=1", "/a?x=2", "/a?", "/a", "/a/", "/A"] {
        texts.push(send(&app, get(uri)).await.text().to_owned());
    }
    assert_eq!(texts, (1..=6).map(|n| format!("answer {n}")).collect::<Vec<_>>());
    let other_host = get("/a").insert_header(("host", "other.example"));
    assert_eq!(send(&app, other_host).await.text(), "answer 7");
    for field in [
        ("authorization", "Basic x"),
        ("cookie", "session=1"),
        ("x-api-key", "1"),
        ("x-forwarded-host", "evil.example"),
        ("upgrade", "websocket"),
        ("x-http-method-override", "DELETE"),
    ] {
        assert_ne!(send(&app, get_with("/a", field)).await.word(), "HIT", "{field:?}");
    }
    let two_hosts = get("/a").append_header(("host", "shop.example"));
    assert_ne!(send(&app, two_hosts).await.word(), "HIT");
    assert_eq!(send(&app, get_with("/a", ("origin", "https://a.example"))).await.word(), "MISS");
}

#[actix_rt::test]
async fn disabled_cache_serves_no_remembered_entry() {
    let cache = ResponseCache::memory();
    let app = app(&cache, &Origin::counting()).await;
    often(&app, "/").await;
    cache.handle().unwrap().set_enabled(false);
    let seen = send(&app, get("/")).await;
    assert_eq!((seen.word(), seen.text()), ("BYPASS", "answer 2"));
    cache.handle().unwrap().set_enabled(true);
    assert_eq!(send(&app, get("/")).await.text(), "answer 1");
}

#[actix_rt::test]
async fn cache_inside_another_reports_remembered_hits_to_it() {
    let (outer, inner) = (ResponseCache::memory().exclude("/a"), ResponseCache::memory());
    let origin = Origin::counting();
    let app = init_service(
        App::new().wrap(inner.clone()).wrap(outer.clone()).default_service(origin.route()),
    )
    .await;
    let seen = often(&app, "/a").await;
    assert_eq!((seen.text(), seen.all("cache-status").len()), ("answer 1", 1));
    let hits = |cache: &ResponseCache| cache.handle().unwrap().stats().hits;
    assert_eq!((hits(&inner), hits(&outer)), (OFTEN as u64, 0));
    let bypassed = outer.handle().unwrap().stats().bypassed();
    assert_eq!(bypassed, OFTEN as u64 + 1);
}

#[actix_rt::test]
async fn query_rule_learned_later_ends_remembered_entries() {
    let origin = Origin::new(|req, call| {
        let mut res = HttpResponse::Ok();
        if req.query_string() == "b" {
            res.insert_header(("no-vary-search", "params"));
        }
        res.body(format!("answer {call}"))
    });
    let app = app(&ResponseCache::memory(), &origin).await;
    often(&app, "/s?a").await;
    assert_eq!(send(&app, get("/s?b")).await.text(), "answer 2");
    // the newer response answers every query, and was stored after the remembered one
    assert_eq!(send(&app, get("/s?a")).await.text(), "answer 2");
}

#[actix_rt::test]
async fn purge_by_another_process_ends_remembered_entry() {
    let server = RedisServer::start();
    let (here, there) = (ResponseCache::tiered(server.url()), ResponseCache::tiered(server.url()));
    let origin = Origin::counting();
    let app = app(&here, &origin).await;
    send(&app, get("/")).await;
    settle(&here).await;
    often(&app, "/").await;
    there.handle().unwrap().purge_all().await.unwrap();
    let is_gone = async || send(&app, get("/")).await.text() == "answer 2";
    until_async("the purge is known here", is_gone).await;
}
