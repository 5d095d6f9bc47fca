//! Who shares the response of a leader, and who calls the handler for itself.

use actix_response_cache::{Clock, ResponseCache, Rule};
use actix_web::{App, HttpResponse, test::init_service, web};
use futures_util::future::join_all;

use crate::support::{
    Seen,
    gate::{Gate, gated, is_waiting, rest},
    get, get_with, request, send,
};

use super::{MANY, SECOND, assert_empty, burst, many};

#[actix_rt::test]
async fn burst_calls_handler_once() {
    let cache = ResponseCache::memory();
    let gate = Gate::counting();
    let app = gated(&cache, &gate).await;
    let answers = burst(&app, &gate, many()).await;
    assert!(answers.iter().all(|seen| seen.text() == "answer 1"));
    let collapsed = "actix-response-cache; fwd=uri-miss; stored; collapsed";
    let told = answers.iter().filter(|seen| seen.field("cache-status") == collapsed);
    assert_eq!((told.count(), gate.calls()), (MANY - 1, 1));
    let stats = cache.handle().unwrap().stats();
    assert_eq!((stats.requests(), stats.misses, stats.collapsed), (50, 50, 49));
    assert_empty(&cache);
}

#[actix_rt::test]
async fn followers_get_304_206_and_head_from_leaders_response() {
    let cache = ResponseCache::memory();
    let gate = Gate::with_field(("etag", "\"1\""));
    let app = gated(&cache, &gate).await;
    let requests = vec![
        get("/"),
        get_with("/", ("if-none-match", "\"1\"")),
        get_with("/", ("range", "bytes=0-5")),
        request("HEAD", "/"),
    ];
    let answers = burst(&app, &gate, requests).await;
    let statuses: Vec<_> = answers.iter().map(|seen| seen.status.as_u16()).collect();
    assert_eq!(statuses, [200, 304, 206, 200]);
    let bodies: Vec<_> = answers.iter().map(Seen::text).collect();
    assert_eq!(bodies, ["answer 1", "", "answer", ""]);
    assert_eq!(gate.calls(), 1);
}

#[actix_rt::test]
async fn unstorable_response_is_not_shared_and_marks_hit_for_miss() {
    for field in
        [("cache-control", "private"), ("cache-control", "no-store"), ("set-cookie", "a=b")]
    {
        let cache = ResponseCache::memory();
        let gate = Gate::with_field(field);
        let app = gated(&cache, &gate).await;
        let answers = burst(&app, &gate, many()).await;
        let texts: std::collections::HashSet<_> = answers.iter().map(Seen::text).collect();
        assert_eq!((texts.len(), gate.calls()), (MANY, MANY), "{field:?}: each has its own");
        // the handler is called for all at once now: no request queues
        let gate = Gate::with_field(field);
        let app = gated(&cache, &gate).await;
        let asked = async {
            rest().await;
            assert_eq!(gate.calls(), MANY, "{field:?}: all at once");
            gate.open_wide();
        };
        let answers = join_all(many().into_iter().map(|request| send(&app, request)));
        futures_util::future::join(answers, asked).await;
        assert_empty(&cache);
    }
}

#[actix_rt::test]
async fn burst_calls_handler_once_per_variant() {
    let cache = ResponseCache::memory();
    let gate = Gate::new(|req, _| {
        let language = req.headers().get("accept-language").unwrap().to_str().unwrap();
        let mut res = HttpResponse::Ok();
        res.insert_header(("vary", "accept-language"));
        Ok(res.body(language.to_owned()))
    });
    let app = gated(&cache, &gate).await;
    let languages = ["de", "en", "fr", "it", "rm"];
    let requests = (0..MANY).map(|n| get_with("/", ("accept-language", languages[n % 5])));
    let answers = burst(&app, &gate, requests.collect()).await;
    for (n, seen) in answers.iter().enumerate() {
        assert_eq!(seen.text(), languages[n % 5]);
    }
    assert_eq!(gate.calls(), 5);
    assert_empty(&cache);
}

#[actix_rt::test]
async fn requests_with_credentials_never_share() {
    let cache = ResponseCache::memory();
    let gate = Gate::new(|req, call| {
        let who = req.headers().get("authorization").map_or("nobody", |v| v.to_str().unwrap());
        Ok(HttpResponse::Ok().body(format!("{who} {call}")))
    });
    let app = gated(&cache, &gate).await;
    let mut requests: Vec<_> =
        (0..MANY).map(|n| get_with("/", ("authorization", format!("Bearer {n}")))).collect();
    requests.push(get("/"));
    let answers = burst(&app, &gate, requests).await;
    for (n, seen) in answers.iter().enumerate().take(MANY) {
        assert!(seen.text().starts_with(&format!("Bearer {n} ")), "{}", seen.text());
    }
    assert!(answers[MANY].text().starts_with("nobody"));
}

#[actix_rt::test]
async fn burst_calls_handler_once_per_credential() {
    let cache = ResponseCache::memory().vary_by_auth(actix_response_cache::Auth::PerCredential);
    let gate = Gate::new(|req, _| {
        let who = req.headers().get("authorization").unwrap().to_str().unwrap();
        Ok(HttpResponse::Ok().body(who.to_owned()))
    });
    let app = gated(&cache, &gate).await;
    let requests = (0..MANY).map(|n| get_with("/", ("authorization", format!("Bearer {}", n % 5))));
    let answers = burst(&app, &gate, requests.collect()).await;
    for (n, seen) in answers.iter().enumerate() {
        assert_eq!(seen.text(), format!("Bearer {}", n % 5));
    }
    assert_eq!(gate.calls(), 5, "once per user");
}

#[actix_rt::test]
async fn request_after_purge_does_not_share_earlier_call() {
    let cache = ResponseCache::memory();
    let gate = Gate::counting();
    let app = gated(&cache, &gate).await;
    let mut leader = Box::pin(send(&app, get("/")));
    assert!(is_waiting(&mut leader).await);
    cache.handle().unwrap().purge_path("/").await.unwrap();
    let late = join_all(many().into_iter().map(|request| send(&app, request)));
    let go = async {
        rest().await;
        gate.open();
        leader.await;
        rest().await;
        gate.open_wide();
    };
    let (late, ()) = futures_util::future::join(late, go).await;
    assert!(late.iter().all(|seen| seen.text() == "answer 2"), "{:?}", late[0]);
    assert_eq!(gate.calls(), 2);
    assert_empty(&cache);
}

#[actix_rt::test]
async fn burst_on_stale_entry_calls_handler_once() {
    let clock = Clock::manual();
    let cache = ResponseCache::memory().clock(clock.clone());
    for field in [("etag", "\"1\""), ("x-other", "1")] {
        let gate = Gate::with_field(field);
        let app = gated(&cache, &gate).await;
        let path = format!("/{}", field.0);
        gate.open();
        send(&app, get(&path)).await;
        clock.advance(61 * SECOND);
        let requests = (0..MANY).map(|_| get(&path)).collect();
        let answers = burst(&app, &gate, requests).await;
        assert!(answers.iter().all(|seen| seen.text() == "answer 2"));
        assert_eq!(gate.calls(), 2);
    }
}

#[actix_rt::test]
async fn no_cache_responses_do_not_queue() {
    let cache = ResponseCache::memory();
    let gate = Gate::new(|_, call| {
        let mut res = HttpResponse::Ok();
        res.insert_header(("cache-control", "no-cache")).insert_header(("etag", "\"1\""));
        Ok(res.body(format!("answer {call}")))
    });
    let app = gated(&cache, &gate).await;
    burst(&app, &gate, many()).await;
    assert_eq!(gate.calls(), MANY);
}

#[actix_rt::test]
async fn nested_caches_do_not_deadlock() {
    let cache = ResponseCache::memory();
    let gate = Gate::counting();
    let scope = web::scope("").default_service(gate.route()).wrap(cache.clone().ttl(SECOND));
    let app = init_service(App::new().service(scope).wrap(cache.clone())).await;
    let answers = burst(&app, &gate, many()).await;
    assert!(answers.iter().all(|seen| seen.text() == "answer 1"));
    assert_eq!(gate.calls(), 1);
    assert_empty(&cache);
}

#[actix_rt::test]
async fn head_and_range_requests_do_not_lead() {
    let cache = ResponseCache::memory();
    let gate = Gate::counting();
    let app = gated(&cache, &gate).await;
    let requests = vec![request("HEAD", "/"), get_with("/", ("range", "bytes=0-1")), get("/")];
    burst(&app, &gate, requests).await;
    assert_eq!(gate.calls(), 3, "a GET does not wait for the answer to a HEAD or for a part");
}

#[actix_rt::test]
async fn error_responses_are_shared_where_rule_names_them() {
    let cache = ResponseCache::memory().rule("/{any:.*}", Rule::new().ttl_for(404, SECOND));
    let gate = Gate::new(|_, call| Ok(HttpResponse::NotFound().body(format!("{call}"))));
    let app = gated(&cache, &gate).await;
    let answers = burst(&app, &gate, many()).await;
    assert!(answers.iter().all(|seen| seen.status == 404 && seen.text() == "1"));
    assert_eq!(gate.calls(), 1);
}
