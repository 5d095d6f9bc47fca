//! Explaining: what the cache says beforehand of a request is what becomes of it, and each part of an
//! explanation says what it is for.

use std::time::Duration;

use actix_response_cache::{
    Auth, CacheHandle, CacheVerdict, Clock, Compliance, ExplainError, Explanation, Forwarded,
    HandlerPolicy, Inquiry, LifetimeSource, Query, Reason, ResponseCache, Responses, Rule,
    StaleCause, VerdictKind,
};
use actix_web::{
    App, HttpResponse,
    body::to_bytes,
    test::{TestRequest, init_service},
};

use crate::support::{Origin, SECOND, TestApp, app, get, get_with, send, settle};

mod clients;

/// The `Cache-Control` of each path.
const PATHS: [(&str, &str); 12] = [
    ("/plain?utm_source=a&b=1", ""),
    ("/max-age", "max-age=5"),
    ("/public", "public, max-age=5"),
    ("/shared", "s-maxage=5"),
    ("/private", "private"),
    ("/no-store", "no-store"),
    ("/no-cache", "no-cache"),
    ("/refresh", "max-age=5, stale-while-revalidate=20"),
    ("/fallback", "max-age=5, stale-if-error=600"),
    ("/vary", "max-age=5"),
    ("/rule/7", ""),
    ("/excluded", "max-age=5"),
];

/// Requests of many kinds: a method, and a header or none.
const REQUESTS: [(&str, &str, &str); 23] = [
    ("GET", "", ""),
    ("HEAD", "", ""),
    ("POST", "", ""),
    ("OPTIONS", "", ""),
    ("GET", "authorization", "Bearer a"),
    ("GET", "cookie", "session=a"),
    ("GET", "cookie", "currency=eur"),
    ("GET", "x-api-key", "a"),
    ("GET", "accept-language", "de"),
    ("GET", "origin", "https://other.example"),
    ("GET", "range", "bytes=0-1"),
    ("GET", "if-none-match", "\"1\""),
    ("GET", "if-match", "\"1\""),
    ("GET", "cache-control", "no-cache"),
    ("GET", "cache-control", "max-age=3"),
    ("GET", "cache-control", "max-stale=60"),
    ("GET", "cache-control", "no-store"),
    ("GET", "cache-control", "only-if-cached"),
    ("GET", "content-length", "3"),
    ("GET", "x-forwarded-host", "other.example"),
    ("GET", "x-http-method-override", "PUT"),
    ("GET", "upgrade", "websocket"),
    ("QUERY", "", ""),
];

/// An origin with these paths; what has an `x-fail` is answered with an error.
fn origin() -> Origin {
    Origin::new(|req, call| {
        if req.headers().contains_key("x-fail") {
            return HttpResponse::InternalServerError().finish();
        }
        let mut res = HttpResponse::Ok();
        let path = req.uri().path();
        let said = PATHS.iter().find(|(url, _)| url.split('?').next() == Some(path));
        match said {
            Some((_, "")) | None => {}
            Some((_, said)) => drop(res.insert_header(("cache-control", *said))),
        }
        match path {
            "/vary" => drop(res.insert_header(("vary", "accept-language"))),
            "/no-cache" | "/max-age" => drop(res.insert_header(("etag", "\"1\""))),
            _ => {}
        }
        res.body(format!("answer {call}"))
    })
}

/// Caches with many settings.
fn caches() -> Vec<(&'static str, ResponseCache)> {
    let cache = || ResponseCache::memory().exclude("/excluded");
    let rule = Rule::new().ttl(9 * SECOND).ttl_for(404, SECOND).groups(["rule:{id}"]);
    let honest = Compliance::careful().request_directives(true).query_method(true);
    vec![
        ("plain", cache()),
        ("nothing by default", cache().ttl(None).include("/p").include("/v")),
        ("a rule", cache().rule("/rule/{id}", rule).rule("/private", Rule::bypass())),
        ("a query", cache().query(Query::sorted().ignoring(["utm_*"]))),
        ("directives", cache().compliance(honest)),
        ("strict", cache().compliance(Compliance::strict())),
        ("trust", cache().compliance(Compliance::careful().forwarded(Forwarded::Trust))),
        ("status", cache().vary_by_auth(Auth::Status)),
        ("credential", cache().vary_by_auth(Auth::PerCredential).vary_by_cookie("currency")),
        ("header", cache().vary_by_header("accept-language").stale_while_revalidate(SECOND)),
        ("function", cache().key_fn(|req| req.headers().get("origin").is_none().then(String::new))),
        ("predicate", cache().only_if(|req| !req.uri().path().starts_with("/v"))),
        ("no refresh", cache().handlers(HandlerPolicy::new().background_refresh(false))),
    ]
}

pub fn inquiry(method: &str, url: &str, header: (&str, &str)) -> Inquiry {
    let inquiry = Inquiry::new(method, url).header("host", "shop.example");
    if header.0.is_empty() { inquiry } else { inquiry.header(header.0, header.1) }
}

/// What is explained, and what then becomes of the request.
pub async fn explained_and_sent(
    app: &impl TestApp,
    handle: &CacheHandle,
    (method, url, header): (&str, &str, (&'static str, &'static str)),
    fails: bool,
) -> (Explanation, CacheVerdict) {
    let explained = handle.explain(&inquiry(method, url, header)).await.unwrap();
    let mut req = TestRequest::default().method(method.parse().unwrap()).uri(url);
    req = req.insert_header(("host", "shop.example"));
    if !header.0.is_empty() {
        req = req.append_header(header);
    }
    if fails {
        req = req.append_header(("x-fail", "1"));
    }
    let res = app.call(req.to_request()).await.unwrap();
    let verdict = CacheVerdict::of(res.request()).unwrap();
    let _ = to_bytes(res.into_body()).await;
    handle.settle().await;
    (explained, verdict)
}

/// Whether the explanation has said the verdict. That a handler fails cannot be known: where a stale
/// response is served for that, it has said that the handler is called.
pub fn agrees(explained: &Explanation, verdict: &CacheVerdict) -> bool {
    if let Some(StaleCause::Failed(_)) = verdict.stale_cause {
        return explained.kind == VerdictKind::Miss && explained.stale_cause.is_none();
    }
    // what its response says decides whether a request with a credential was for the cache
    let is_of_credential = |why: Option<Reason>| {
        matches!(why, Some(Reason::Authorization | Reason::Cookie | Reason::Credential))
    };
    if is_of_credential(explained.reason) && verdict.kind == VerdictKind::Miss {
        let is_told = explained.notes.iter().any(|note| note.contains("unless the response says"));
        return is_told && !is_of_credential(verdict.not_stored);
    }
    explained.kind == verdict.kind
        && explained.reason == verdict.reason
        && explained.stale_cause == verdict.stale_cause.map(StaleCause::as_str)
        && explained.rule == verdict.rule
}

#[actix_rt::test]
async fn explanation_is_the_verdict_that_follows() {
    let mut seen = std::collections::BTreeMap::<String, usize>::new();
    for (name, cache) in caches() {
        let clock = Clock::manual();
        let cache = cache.clock(clock.clone()).responses(Responses::new().verdict(true));
        let app = app(&cache, &origin()).await;
        let handle = cache.handle().unwrap();
        for (round, after, fails) in
            [(0, 0, false), (1, 2, false), (2, 5, true), (3, 0, true), (4, 90, false)]
        {
            clock.advance(after * SECOND);
            handle.set_enabled(round != 4);
            for (url, _) in PATHS {
                for (method, header, value) in REQUESTS {
                    let asked = (method, url, (header, value));
                    let (explained, verdict) =
                        explained_and_sent(&app, &handle, asked, fails).await;
                    assert!(
                        agrees(&explained, &verdict),
                        "{name}, round {round}: {asked:?}\nbecame {verdict}, was explained as\n{explained}"
                    );
                    *seen.entry(verdict.to_string()).or_default() += 1;
                }
            }
        }
    }
    for kind in ["hit", "stale", "miss", "miss stale", "stale handler-left-alone", "bypass cookie"]
    {
        assert!(seen.keys().any(|seen| seen == kind), "no {kind} among {seen:?}");
    }
}

async fn explain(cache: &ResponseCache, inquiry: Inquiry) -> Explanation {
    cache.handle().unwrap().explain(&inquiry).await.unwrap()
}

#[actix_rt::test]
async fn stored_response_is_shown_with_the_source_of_its_lifetime() {
    let clock = Clock::manual();
    let rule = Rule::new().ttl(9 * SECOND).groups(["rule:{id}"]);
    let cache = ResponseCache::memory().clock(clock.clone()).rule("/rule/{id}", rule);
    let app = app(&cache, &origin()).await;
    for (url, lifetime, from) in [
        ("/plain", 60, LifetimeSource::Ttl),
        ("/max-age", 5, LifetimeSource::MaxAge),
        ("/shared", 5, LifetimeSource::SMaxage),
        ("/no-cache", 0, LifetimeSource::NoCache),
        ("/rule/7", 9, LifetimeSource::Ttl),
    ] {
        send(&app, get(url)).await;
        settle(&cache).await;
        clock.advance(SECOND);
        let stored = explain(&cache, inquiry("GET", url, ("", ""))).await.stored.unwrap();
        assert_eq!((stored.status, stored.tier, stored.age), (200, "memory", SECOND), "{url}");
        assert_eq!(stored.lifetime, lifetime * SECOND, "{url}");
        assert_eq!(stored.lifetime_from, from, "{url}");
    }
    let stored = explain(&cache, inquiry("GET", "/rule/7", ("", ""))).await.stored.unwrap();
    assert_eq!(stored.groups, ["rule:7"]);
    cache.handle().unwrap().soft().purge_group("rule:7").await.unwrap();
    let explained = explain(&cache, inquiry("GET", "/rule/7", ("", ""))).await;
    assert_eq!((explained.kind, explained.reason), (VerdictKind::Miss, Some(Reason::Stale)));
    assert!(explained.stored.unwrap().soft_purged);
}

#[actix_rt::test]
async fn variants_are_counted() {
    let cache = ResponseCache::memory();
    let app = app(&cache, &origin()).await;
    for language in ["de", "en"] {
        send(&app, get_with("/vary", ("accept-language", language))).await;
    }
    settle(&cache).await;
    let german = explain(&cache, inquiry("GET", "/vary", ("accept-language", "de"))).await;
    let stored = german.stored.unwrap();
    assert_eq!((stored.vary, stored.variants), (vec!["accept-language".to_owned()], 2));
    let french = explain(&cache, inquiry("GET", "/vary", ("accept-language", "fr"))).await;
    assert!(french.stored.is_none());
    assert!(french.cache_status.unwrap().contains("fwd=vary-miss"));
}

#[actix_rt::test]
async fn key_is_shown_in_parts_and_credentials_as_digests() {
    let cache = ResponseCache::memory()
        .vary_by_auth(Auth::PerCredential)
        .vary_by_header("accept-language")
        .query(Query::sorted().ignoring(["utm_*"]));
    let _app = app(&cache, &origin()).await;
    let asked = inquiry("GET", "/a?utm_source=x&b=1&a=2", ("authorization", "Bearer hunter2"));
    let explained = explain(&cache, asked.header("cookie", "session=hunter2")).await;
    let key = explained.key.as_ref().unwrap();
    assert_eq!(key.url, "shop.example/a?a=2&b=1");
    assert_eq!(key.left_out, ["utm_source"]);
    let parts: Vec<_> = key.parts.iter().map(|part| (part.kind, part.name.as_str())).collect();
    let expected = [("header", "accept-language"), ("auth", "field"), ("auth", "cookies")];
    assert_eq!(parts, expected);
    let shown = format!("{explained}{explained:?}{}", serde_json::to_string(&explained).unwrap());
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[actix_rt::test]
async fn responses_that_would_be_stored_depend_on_credentials() {
    let cache = ResponseCache::memory().ttl(None);
    let _app = app(&cache, &origin()).await;
    let outcomes = async |header| {
        let explained = explain(&cache, inquiry("GET", "/a", header)).await;
        let all = explained.to_be_stored.into_iter();
        all.map(|one| (one.response, one.lifetime, one.not_stored)).collect::<Vec<_>>()
    };
    let minute = Some(Duration::from_secs(60));
    let said = |text: &str| format!("200 with Cache-Control: {text}");
    let open = outcomes(("", "")).await;
    assert!(open.contains(&(
        "200 without Cache-Control".to_owned(),
        None,
        Some(Reason::NoLifetime)
    )));
    assert!(open.contains(&(said("max-age=60"), minute, None)));
    assert!(open.contains(&(said("private, max-age=60"), None, Some(Reason::Private))));
    let by_cookie = outcomes(("cookie", "session=1")).await;
    assert!(by_cookie.contains(&(said("max-age=60"), None, Some(Reason::Cookie))));
    assert!(by_cookie.contains(&(said("public, max-age=60"), minute, None)));
}

#[actix_rt::test]
async fn rules_say_why_they_do_not_apply() {
    let rule = || Rule::new().ttl(SECOND);
    let cache =
        ResponseCache::memory().rule("/a/{id}", rule()).rule("/a/7", rule()).rule("/b", rule());
    let _app = app(&cache, &origin()).await;
    let explained = explain(&cache, inquiry("GET", "/a/7", ("", ""))).await;
    assert_eq!(explained.rule.as_deref(), Some("/a/{id}"));
    let rules = explained.rules.iter().map(|rule| (rule.matches, rule.applies));
    assert_eq!(rules.collect::<Vec<_>>(), [(true, true), (true, false), (false, false)]);
}

#[actix_rt::test]
async fn text_says_what_happens_and_why() {
    let cache = ResponseCache::memory().rule("/private", Rule::new().ttl(SECOND));
    let app = app(&cache, &origin()).await;
    send(&app, get("/max-age")).await;
    settle(&cache).await;
    let text = explain(&cache, Inquiry::get("http://shop.example/max-age")).await.to_string();
    for line in [
        "GET http://shop.example/max-age\nnow     hit\n",
        "rule    none\n        not /private: its pattern does not match the path\n",
        "key     shop.example/max-age (",
        "in memory, 0",
        "lifetime: 5 s (max-age)",
        "would   200 with Cache-Control: private, max-age=60: not stored (private)",
    ] {
        assert!(text.contains(line), "{line:?} is not in\n{text}");
    }
}

#[actix_rt::test]
async fn explaining_changes_no_statistics_and_calls_no_handler() {
    let cache = ResponseCache::memory();
    let origin = origin();
    let app = app(&cache, &origin).await;
    for _ in 0..3 {
        explain(&cache, inquiry("GET", "/max-age", ("", ""))).await;
    }
    assert_eq!((origin.calls(), cache.handle().unwrap().stats().requests()), (0, 0));
    assert_eq!(send(&app, get("/max-age")).await.word(), "MISS");
}

#[actix_rt::test]
async fn inquiry_that_cannot_be_explained_is_an_error() {
    let cache = ResponseCache::memory().only_if(|req| {
        req.app_data::<String>().expect("only the application's requests have it").is_empty()
    });
    let handle = cache.handle().unwrap();
    let asked = Inquiry::get("http://shop.example/a");
    assert_eq!(handle.explain(&asked).await.unwrap_err(), ExplainError::NotServing);
    let service = App::new().wrap(cache.clone()).default_service(origin().route());
    let _app = init_service(service).await;
    assert_eq!(handle.explain(&asked).await.unwrap_err(), ExplainError::Panicked);
    assert_eq!(handle.explain(&Inquiry::get("/a")).await.unwrap_err(), ExplainError::Host);
}
