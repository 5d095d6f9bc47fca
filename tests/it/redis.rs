//! The cache over a real Redis, and over one that is down, slow, or dies.

use std::{
    net::TcpListener,
    time::{Duration, Instant},
};

use actix_response_cache::{
    AdminToken, Auth, CacheGroups, CacheHandle, Credentials, Memory, Reason, Redis, ResponseCache,
    Rule, Tiered,
};
use actix_web::{App, HttpRequest, HttpResponse, test::init_service, web};

use crate::support::{
    Origin, app, get, get_with, log::Log, redis::RedisServer, request, send, settle,
};

fn keys(server: &RedisServer) -> Vec<String> {
    redis::cmd("KEYS").arg("*").query(&mut server.connection()).unwrap()
}

#[actix_rt::test]
async fn processes_share_entries() {
    let server = RedisServer::start();
    let origin = Origin::new(|_, call| {
        HttpResponse::Ok()
            .append_header(("x-repeated", "one"))
            .append_header(("x-repeated", "two"))
            .append_header(("etag", "\"v1\""))
            .body(format!("answer {call}").into_bytes())
    });
    let (one, two) = (ResponseCache::redis(server.url()), ResponseCache::redis(server.url()));
    let (first, second) = (app(&one, &origin).await, app(&two, &origin).await);
    let miss = send(&first, get("/")).await;
    assert_eq!(miss.field("cache-status"), "actix-response-cache; fwd=uri-miss; stored");
    settle(&one).await;
    let hit = send(&second, get("/")).await;
    assert_eq!((hit.word(), hit.status, hit.body.clone()), ("HIT", miss.status, miss.body));
    assert_eq!(hit.all("x-repeated"), ["one", "two"]);
    let head = send(&second, request("HEAD", "/")).await;
    assert_eq!((head.word(), head.body.len()), ("HIT", 0));
    let known = send(&second, get_with("/", ("if-none-match", "\"v1\""))).await;
    assert_eq!((known.status.as_u16(), origin.calls()), (304, 1));
}

/// A server that is full without eviction answers reads and refuses entries.
#[actix_rt::test]
async fn stored_is_not_reported_while_redis_refuses() {
    let server = RedisServer::start();
    let (log, cache) = (Log::default(), ResponseCache::redis(server.url()));
    let _guard = log.listen();
    let app = app(&cache, &Origin::counting()).await;
    let miss = async |path: &str| {
        let seen = send(&app, get(path)).await;
        settle(&cache).await;
        seen.field("cache-status")
    };
    let stored = "actix-response-cache; fwd=uri-miss; stored";
    let refused = "actix-response-cache; fwd=uri-miss; detail=store-failed";
    assert_eq!(miss("/before").await, stored);
    let () = server.command(&["CONFIG", "SET", "maxmemory", "1"]);
    miss("/first").await;
    for path in ["/second", "/third"] {
        assert_eq!(miss(path).await, refused);
        assert_eq!(send(&app, get("/before")).await.word(), "HIT");
    }
    assert_eq!(log.text().matches("the store refuses entries").count(), 1, "{}", log.text());
    assert!(log.text().contains("OOM"), "{}", log.text());
    let () = server.command(&["CONFIG", "SET", "maxmemory", "0"]);
    miss("/stored/again").await;
    assert_eq!(miss("/after").await, stored);
}

#[actix_rt::test]
async fn entries_have_prefix_and_expire_with_lifetime() {
    let server = RedisServer::start();
    let cache = ResponseCache::new(Redis::new(server.url()).key_prefix("shop:"))
        .ttl(Duration::from_secs(30));
    let app = app(&cache, &Origin::counting()).await;
    send(&app, get("/")).await;
    settle(&cache).await;
    let keys = keys(&server);
    assert!(!keys.is_empty() && keys.iter().all(|key| key.starts_with("shop:")), "{keys:?}");
    let mut connection = server.connection();
    for key in keys {
        let kind: String = redis::cmd("TYPE").arg(&key).query(&mut connection).unwrap();
        let left: i64 = redis::cmd("PTTL").arg(&key).query(&mut connection).unwrap();
        let length: usize = match kind.as_str() {
            "string" => redis::cmd("STRLEN").arg(&key).query(&mut connection).unwrap(),
            _ => 0,
        };
        if length > 40 {
            assert!((1..=30_000).contains(&left), "the value {key} has {left} ms");
        }
    }
}

#[actix_rt::test]
async fn variants_and_users_are_separated() {
    let server = RedisServer::start();
    let cache = ResponseCache::redis(server.url()).vary_by_auth(Auth::PerCredential);
    let origin = Origin::new(|req, _| {
        let text = ["accept-language", "authorization"]
            .map(|name| req.headers().get(name).map_or("none", |value| value.to_str().unwrap()));
        HttpResponse::Ok().insert_header(("vary", "accept-language")).body(text.join(" "))
    });
    let app = app(&cache, &origin).await;
    for word in ["MISS", "HIT"] {
        for language in ["de", "en"] {
            for user in ["alice", "bob"] {
                let req = get_with("/", ("accept-language", language))
                    .insert_header(("authorization", user));
                let seen = send(&app, req).await;
                assert_eq!(
                    (seen.word(), seen.text()),
                    (word, format!("{language} {user}").as_str())
                );
                settle(&cache).await;
            }
        }
    }
}

#[actix_rt::test]
async fn credentials_are_not_in_redis_in_clear() {
    let server = RedisServer::start();
    let settings: [fn(ResponseCache) -> ResponseCache; 5] = [
        |cache| cache.vary_by_auth(Auth::PerCredential),
        |cache| cache.vary_by_auth(Auth::from_fn(|_| Some("hunter2".into()))),
        // the answer varies by both
        |cache| {
            let credentials = Credentials::new().cookies_are_harmless(true);
            cache.credentials(credentials.harmless_headers(["x-api-key"]))
        },
        |cache| cache.vary_by_cookie("session").vary_by_header("x-api-key"),
        |cache| {
            let credentials = Credentials::new().ignore_cookies(["*"]);
            cache
                .key_fn(|_| Some("hunter2".into()))
                .credentials(credentials.harmless_headers(["x-api-key"]))
        },
    ];
    for (n, set) in settings.into_iter().enumerate() {
        let redis = Redis::new(server.url()).key_prefix(format!("{n}:"));
        let cache = set(ResponseCache::new(redis));
        let app = app(&cache, &Origin::with_fields(&[("vary", "cookie, x-api-key")])).await;
        let ask =
            || get_with("/", ("cookie", "session=hunter2")).insert_header(("x-api-key", "hunter2"));
        send(&app, ask()).await;
        settle(&cache).await;
        assert_eq!(send(&app, ask()).await.word(), "HIT", "{n}");
    }
    let mut connection = server.connection();
    for key in keys(&server) {
        let dump: Vec<u8> = redis::cmd("DUMP").arg(&key).query(&mut connection).unwrap();
        let clear = key.contains("hunter2") || dump.windows(7).any(|part| part == b"hunter2");
        assert!(!clear, "a credential in clear in {key}");
    }
}

#[actix_rt::test]
async fn purge_holds_in_other_process() {
    async fn list(_: HttpRequest) -> HttpResponse {
        HttpResponse::Ok().insert_header(CacheGroups::new(["list"])).body("x")
    }
    async fn write(cache: CacheHandle) -> String {
        cache.counted().purge_group("list").await.unwrap().entries.unwrap().to_string()
    }
    let server = RedisServer::start();
    let make =
        || ResponseCache::redis(server.url()).rule("/p/{id}", Rule::new().groups(["p:{id}"]));
    let (one, two) = (make(), make());
    let first = init_service(
        App::new()
            .wrap(one.clone())
            .route("/write", web::post().to(write))
            .default_service(web::to(list)),
    )
    .await;
    let second = app(&two, &Origin::counting()).await;
    for page in ["/list?page=1", "/list?page=2", "/p/7", "/p/8"] {
        send(&first, get(page)).await;
    }
    settle(&one).await;
    assert_eq!(send(&second, get("/list?page=1")).await.word(), "HIT");
    assert_eq!(send(&first, request("POST", "/write")).await.text(), "4");
    assert_eq!(send(&second, get("/list?page=1")).await.word(), "MISS");
    settle(&two).await;
    let handle = two.handle().unwrap();
    for page in ["/p/7", "/p/7?x=1", "/p/8"] {
        send(&second, get(page)).await;
    }
    settle(&two).await;
    assert_eq!(handle.counted().purge_group("p:7").await.unwrap().entries, Some(2));
    send(&second, get("/p/7")).await;
    settle(&two).await;
    // an unsafe request over the other process
    send(&first, request("PUT", "/p/7")).await;
    assert_eq!(send(&second, get("/p/7")).await.word(), "MISS");
    assert_eq!(send(&second, get("/p/8")).await.word(), "HIT");
    assert!(handle.counted().purge_prefix("/p").await.unwrap().entries >= Some(1));
    assert_eq!(send(&second, get("/p/8")).await.word(), "MISS");
    settle(&two).await;
    assert!(handle.counted().purge_all().await.unwrap().entries >= Some(2));
}

#[actix_rt::test]
async fn foreign_bytes_are_a_miss_and_are_overwritten() {
    let server = RedisServer::start();
    let cache = ResponseCache::redis(server.url());
    let app = app(&cache, &Origin::counting()).await;
    send(&app, get("/")).await;
    settle(&cache).await;
    let mut connection = server.connection();
    let value = keys(&server)
        .into_iter()
        .find(|key| {
            let kind: String = redis::cmd("TYPE").arg(key).query(&mut connection).unwrap();
            kind == "string"
                && redis::cmd("STRLEN").arg(key).query::<usize>(&mut connection).unwrap() > 40
        })
        .expect("the value");
    let stored: Vec<u8> = redis::cmd("GET").arg(&value).query(&mut connection).unwrap();
    let mut other_version = stored.clone();
    other_version[4] ^= 0xff;
    let mut damaged = stored.clone();
    *damaged.last_mut().unwrap() ^= 1;
    for bytes in [
        b"".to_vec(),
        b"not ours".to_vec(),
        stored[..stored.len() - 1].to_vec(),
        other_version,
        damaged,
    ] {
        redis::cmd("SET").arg(&value).arg(&bytes).exec(&mut connection).unwrap();
        assert_eq!(send(&app, get("/")).await.word(), "MISS", "{bytes:?}");
        settle(&cache).await;
        assert_eq!(send(&app, get("/")).await.word(), "HIT", "overwritten: {bytes:?}");
    }
    redis::cmd("DEL").arg(&value).exec(&mut connection).unwrap();
    redis::cmd("LPUSH").arg(&value).arg("a list").exec(&mut connection).unwrap();
    assert_eq!(send(&app, get("/")).await.word(), "MISS");
    settle(&cache).await;
    assert_eq!(send(&app, get("/")).await.word(), "HIT");
}

#[actix_rt::test]
async fn handlers_answer_while_redis_is_down() {
    let mut server = RedisServer::start();
    let cache = ResponseCache::redis(server.url());
    let origin = Origin::counting();
    let app = app(&cache, &origin).await;
    send(&app, get("/")).await;
    settle(&cache).await;
    assert_eq!(send(&app, get("/")).await.word(), "HIT");
    server.kill();
    for n in 0..20 {
        let seen = send(&app, if n % 5 == 0 { request("PUT", "/") } else { get("/") }).await;
        assert_eq!(seen.status, 200);
        assert_ne!(seen.word(), "HIT");
    }
    assert_eq!(origin.calls(), 21);
    assert!(cache.handle().unwrap().stats().errors > 0);
    let purged = cache.handle().unwrap().purge_all().await.unwrap();
    assert!(purged.pending, "the caller learns that it is pending");

    server.restart();
    let again = Instant::now();
    while send(&app, get("/")).await.word() != "HIT" {
        settle(&cache).await;
        assert!(again.elapsed() < Duration::from_secs(10), "the cache does not come back");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[actix_rt::test]
async fn silent_redis_delays_by_its_timeout() {
    // accepts, and says nothing
    let silent = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("redis://{}", silent.local_addr().unwrap());
    let cache = ResponseCache::new(
        Redis::new(url)
            .connect_timeout(Duration::from_millis(50))
            .response_timeout(Duration::from_millis(50)),
    );
    let app = app(&cache, &Origin::counting()).await;
    let started = Instant::now();
    for _ in 0..50 {
        assert_eq!(send(&app, get("/")).await.status, 200);
    }
    // without bounds and a breaker this never ends; with bounds alone it takes 5 s or more
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
}

#[actix_rt::test]
async fn redis_dying_during_handler_fails_no_request() {
    let server = std::sync::Arc::new(std::sync::Mutex::new(RedisServer::start()));
    let cache = ResponseCache::redis(server.lock().unwrap().url());
    let dying = std::sync::Arc::clone(&server);
    let origin = Origin::new(move |_, call| {
        dying.lock().unwrap().kill();
        HttpResponse::Ok().body(format!("answer {call}"))
    });
    let app = app(&cache, &origin).await;
    assert_eq!(send(&app, get("/")).await.text(), "answer 1");
    settle(&cache).await;
    assert_eq!(send(&app, get("/")).await.text(), "answer 2");
    assert_eq!(cache.handle().unwrap().stats().stores, 0);
}

#[actix_rt::test]
async fn prefixes_share_no_entries() {
    let server = RedisServer::start();
    let cache = |prefix: &str| ResponseCache::new(Redis::new(server.url()).key_prefix(prefix));
    let (one, two) = (cache("one:"), cache("one:*"));
    let (first, second) =
        (app(&one, &Origin::counting()).await, app(&two, &Origin::counting()).await);
    send(&first, get("/")).await;
    settle(&one).await;
    assert_eq!(send(&second, get("/")).await.word(), "MISS");
    settle(&two).await;
    two.handle().unwrap().purge_all().await.unwrap();
    assert_eq!(send(&first, get("/")).await.word(), "HIT", "a purge of all is of this prefix only");
}

#[actix_rt::test]
async fn entry_with_validator_outlives_its_lifetime() {
    let server = RedisServer::start();
    let cache = ResponseCache::redis(server.url());
    let origin = Origin::new(|req, call| {
        let known = req.headers().contains_key("if-none-match");
        let mut res = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
        res.insert_header(("etag", "\"v1\"")).insert_header(("cache-control", "no-cache"));
        if call == 1 { res.body("stored") } else { res.finish() }
    });
    let app = app(&cache, &origin).await;
    for call in 1..4 {
        assert_eq!(send(&app, get("/")).await.text(), "stored");
        settle(&cache).await;
        assert_eq!(origin.calls(), call);
    }
}

#[actix_rt::test]
async fn entry_purged_during_outage_stays_purged() {
    let server = RedisServer::start();
    let cache = ResponseCache::redis(server.url());
    let origin = Origin::counting();
    let admin = cache.admin("/_cache", AdminToken::new("a-token-that-is-long-enough").unwrap());
    let app = App::new().service(admin).default_service(origin.route()).wrap(cache.clone());
    let app = init_service(app).await;
    for page in ["/changed", "/purged", "/other"] {
        send(&app, get(page)).await;
        settle(&cache).await;
        assert_eq!(send(&app, get(page)).await.word(), "HIT");
    }
    server.signal("STOP");
    send(&app, request("PUT", "/changed")).await;
    let purge = request("POST", "/_cache/purge")
        .insert_header(("authorization", "Bearer a-token-that-is-long-enough"))
        .set_payload("{\"path\": \"/purged\"}");
    let told = send(&app, purge).await;
    assert_eq!((told.status.as_u16(), told.text()), (202, "{\"pending\":true,\"purged\":null}"));
    server.signal("CONT");
    let again = Instant::now();
    while send(&app, get("/other")).await.text() != "answer 3" {
        assert!(again.elapsed() < Duration::from_secs(10), "the cache does not come back");
        settle(&cache).await;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for (page, old) in [("/changed", "answer 1"), ("/purged", "answer 2")] {
        assert_ne!(send(&app, get(page)).await.text(), old, "{page}");
    }
}

#[actix_rt::test]
async fn body_too_large_for_redis_is_kept_in_memory_only() {
    for tiered in [false, true] {
        let server = RedisServer::start();
        let redis = Redis::new(server.url()).max_body(10).response_timeout(Duration::from_secs(2));
        let cache = if tiered {
            ResponseCache::new(Tiered::new(Memory::new(), redis))
        } else {
            ResponseCache::new(redis)
        };
        let origin = Origin::new(|req, call| {
            let long = if req.path() == "/long" { "0123456789" } else { "" };
            HttpResponse::Ok().body(format!("{call}{long}"))
        });
        let app = app(&cache, &origin).await;
        let begun = Instant::now();
        // announcements have to be heard before anything is kept near
        loop {
            let first = send(&app, get("/long")).await;
            settle(&cache).await;
            let again = send(&app, get("/long")).await;
            if again.word() == "HIT" || !tiered {
                assert_eq!(again.word() == "HIT", tiered);
                assert!(!tiered || first.body == again.body);
                break;
            }
            assert!(begun.elapsed() < Duration::from_secs(10), "not kept near");
        }
        send(&app, get("/short")).await;
        settle(&cache).await;
        assert_eq!(send(&app, get("/short")).await.word(), "HIT");
        let names = keys(&server);
        let values = names.iter().filter(|name| name.contains("e:{")).count();
        assert_eq!(values, 1, "the short one alone: {names:?}");
        let stats = cache.handle().unwrap().stats();
        assert!(stats.not_stored.iter().any(|(why, _)| *why == Reason::TooLarge), "{stats:?}");
        assert_eq!(stats.errors, 0);
    }
}

#[actix_rt::test]
async fn compressed_values_are_served_unchanged() {
    let server = RedisServer::start();
    let cache = ResponseCache::new(Redis::new(server.url()).compress_above(1000));
    let long = "the same again and ".repeat(1000);
    let body = long.clone();
    let origin = Origin::new(move |_, _| HttpResponse::Ok().body(body.clone()));
    let app = app(&cache, &origin).await;
    send(&app, get("/")).await;
    settle(&cache).await;
    let values: Vec<String> = server.command(&["KEYS", "arc:e:*"]);
    let length: usize = server.command(&["STRLEN", &values[0]]);
    assert!(length < long.len() / 5, "{length} bytes");
    let hit = send(&app, get("/")).await;
    assert_eq!((hit.word(), hit.text() == long), ("HIT", true));
    let part = send(&app, get("/").insert_header(("range", "bytes=4-7"))).await;
    assert_eq!((part.status.as_u16(), part.text()), (206, "same"));
    // who does not compress reads it all the same
    let other = ResponseCache::redis(server.url());
    let plain = crate::support::app(&other, &origin).await;
    assert_eq!(send(&plain, get("/")).await.word(), "HIT");
}
