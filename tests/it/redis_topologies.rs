//! The cache over every topology of Redis: TLS with a login, a socket, a Cluster, and Sentinel with its
//! failovers.

use std::time::{Duration, Instant};

use actix_response_cache::{Redis, ResponseCache, Rule};
use actix_web::HttpResponse;

use crate::support::{
    Origin, app, get,
    log::Log,
    redis::{
        RedisServer,
        cluster::RedisCluster,
        sentinel::{SERVICE, SentinelSetup},
        tls::{Authority, TlsServer},
    },
    send, settle,
};

const PAGES: usize = 16;

/// With what a loaded test machine needs, and a group for all.
fn patient(redis: Redis) -> ResponseCache {
    let redis =
        redis.connect_timeout(Duration::from_secs(2)).response_timeout(Duration::from_secs(2));
    ResponseCache::new(redis).rule("/{any:.*}", Rule::new().groups(["all"]))
}

/// What one process stores another serves, until it is purged, in whichever way.
async fn assert_shared(make: impl Fn() -> Redis) {
    let (one, two) = (patient(make()), patient(make()));
    let origin = Origin::counting();
    let (first, second) = (app(&one, &origin).await, app(&two, &origin).await);
    let handle = two.handle().unwrap().counted();
    for purge in ["path", "group", "prefix", "all"] {
        for page in 0..PAGES {
            assert_eq!(send(&first, get(&format!("/p/{page}"))).await.word(), "MISS", "{purge}");
        }
        settle(&one).await;
        for page in 0..PAGES {
            assert_eq!(send(&second, get(&format!("/p/{page}"))).await.word(), "HIT", "{purge}");
        }
        let mut purged = 0;
        match purge {
            "path" => {
                for page in 0..PAGES {
                    purged +=
                        handle.purge_path(&format!("/p/{page}")).await.unwrap().entries.unwrap();
                }
            }
            "group" => purged = handle.purge_group("all").await.unwrap().entries.unwrap(),
            "prefix" => purged = handle.purge_prefix("/p").await.unwrap().entries.unwrap(),
            _ => purged = handle.purge_all().await.unwrap().entries.unwrap(),
        }
        assert_eq!(usize::try_from(purged).unwrap(), PAGES, "{purge}");
    }
}

#[actix_rt::test]
async fn tls_with_login_works() {
    let server = TlsServer::start(false);
    assert_shared(|| Redis::new(server.url("secret")).ca(server.authority().pem())).await;
}

#[actix_rt::test]
async fn tls_with_client_certificate_works() {
    let server = TlsServer::start(true);
    let [certificate, key] = server.authority().sign();
    assert_shared(|| {
        Redis::new(server.url("wrong"))
            .credentials("cache", "secret")
            .ca(server.authority().pem())
            .client_certificate(&certificate, &key)
    })
    .await;
}

#[actix_rt::test]
async fn unix_socket_works() {
    let server = RedisServer::start();
    let url = format!("redis+unix://{}", server.socket().display());
    assert_shared(|| Redis::new(&url)).await;
}

#[actix_rt::test]
async fn cluster_works() {
    let cluster = RedisCluster::start();
    assert_shared(|| Redis::cluster(cluster.urls())).await;
}

#[actix_rt::test]
async fn cluster_serves_hits_with_braces_in_prefix() {
    let cluster = RedisCluster::start();
    for prefix in ["{tag}:", "a}:", "}a{b}:", "{{a}}", "a{b}{", "ü*?[x]{y}"] {
        assert_shared(|| Redis::cluster(cluster.urls()).key_prefix(prefix)).await;
    }
    for prefix in ["{", "a{b:", "}{", "{}", "{}a:", "a{}b{c}:"] {
        let cache = ResponseCache::new(Redis::cluster(cluster.urls()).key_prefix(prefix));
        let told = cache.check().await.expect_err(prefix).to_string();
        assert!(told.contains("`Redis::key_prefix`") && told.contains("slot"), "{prefix}: {told}");
        // one server has no slots
        let one = RedisServer::start();
        assert_shared(|| Redis::new(one.url()).key_prefix(prefix)).await;
    }
}

const GROUPS_WITH_BRACES: &str = "\"{g}\", \"{}\", \"{\", \"}g{\", \"{a}{b}\"";

#[actix_rt::test]
async fn cluster_purges_paths_and_groups_with_braces() {
    let cluster = RedisCluster::start();
    let groups = ["{g}", "{}", "{", "}g{", "{a}{b}"];
    let cache = patient(Redis::cluster(cluster.urls()));
    let origin = Origin::with_fields(&[("cache-groups", GROUPS_WITH_BRACES)]);
    let handle = cache.handle().unwrap().counted();
    let app = app(&cache, &origin).await;
    let paths = ["/braces/{p}", "/braces/{}", "/braces/{", "/braces/}{", "/braces/{a}{b}"];
    for (path, group) in paths.into_iter().zip(groups) {
        for by_group in [true, false] {
            assert_eq!(send(&app, get(path)).await.word(), "MISS", "{path}");
            settle(&cache).await;
            assert_eq!(send(&app, get(path)).await.word(), "HIT", "{path}");
            let purged = if by_group {
                handle.purge_group(group).await
            } else {
                handle.purge_path(path).await
            };
            assert_eq!(purged.unwrap().entries, Some(1), "{path} {group}");
        }
    }
}

#[actix_rt::test]
async fn sentinel_works() {
    let watched = SentinelSetup::start();
    assert_shared(|| Redis::sentinel(SERVICE, watched.urls())).await;
}

/// Within the defaults, as far as connecting goes: each handshake has the time for itself.
#[actix_rt::test]
async fn cluster_over_tls_works() {
    let cluster = RedisCluster::start_with_tls();
    assert_shared(|| Redis::cluster(cluster.urls()).ca(cluster.authority().pem())).await;
    let cache = ResponseCache::new(Redis::cluster(cluster.urls()).ca(cluster.authority().pem()));
    load(&cache, |all_hit| all_hit).await;
}

#[actix_rt::test]
async fn sentinel_over_tls_works() {
    let watched = SentinelSetup::start_with_tls();
    assert_shared(|| Redis::sentinel(SERVICE, watched.urls()).ca(watched.authority().pem())).await;
}

#[actix_rt::test]
async fn purges_by_sentinel_over_tls_open_no_connections() {
    let watched = SentinelSetup::start_with_tls();
    let cache = Redis::sentinel(SERVICE, watched.urls()).ca(watched.authority().pem());
    let handle = patient(cache).handle().unwrap();
    handle.purge_path("/first").await.unwrap();
    let connections = || {
        let servers: u64 = watched.servers.iter().map(RedisServer::connections).sum();
        servers + watched.connections()
    };
    // those of the test itself are the same number each time
    let (first, second) = (connections(), connections());
    for number in 0..20 {
        assert!(!handle.purge_path(&format!("/{number}")).await.unwrap().pending);
    }
    let more = connections() - second;
    assert!(more < (second - first) + 10, "{more} connections for 20 purges");
}

#[actix_rt::test]
async fn clients_of_redis_crate_work() {
    let (server, cluster) = (RedisServer::start(), RedisCluster::start());
    assert_shared(|| redis::Client::open(server.url()).map(Redis::from_client).unwrap()).await;
    assert_shared(|| {
        redis::cluster::ClusterClient::new(cluster.urls()).map(Redis::from_cluster_client).unwrap()
    })
    .await;
}

/// An origin that answers with the path.
fn naming() -> Origin {
    Origin::new(|req, _| HttpResponse::Ok().body(req.path().to_owned()))
}

/// Asks for pages until `is_over`, which is told whether all of them were hits. Every answer must
/// be right, and none may take longer than the bounds together.
async fn load(cache: &ResponseCache, mut is_over: impl FnMut(bool) -> bool) {
    let app = app(cache, &naming()).await;
    let begun = Instant::now();
    loop {
        let mut hits = 0;
        for page in 0..PAGES {
            let (asked, path) = (Instant::now(), format!("/p/{page}"));
            let seen = send(&app, get(&path)).await;
            assert_eq!((seen.status.as_u16(), seen.text()), (200, path.as_str()));
            assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
            hits += usize::from(seen.word() == "HIT");
        }
        if is_over(hits == PAGES) {
            return;
        }
        // all are hits where it is the change of the servers that does not come to its end
        assert!(begun.elapsed() < Duration::from_secs(30), "not over; {hits} of {PAGES} are hits");
        actix_rt::task::yield_now().await;
    }
}

/// Requests while `fail_over` has its effect are answered; caching resumes at the new primary, and
/// what is purged from then on is gone.
async fn assert_followed(fail_over: impl FnOnce(&mut SentinelSetup)) {
    let watched = SentinelSetup::start();
    let cache = ResponseCache::new(Redis::sentinel(SERVICE, watched.urls()));
    assert_follows(cache, watched, fail_over).await;
}

/// As [`assert_followed`], by TLS.
async fn assert_followed_by_tls(fail_over: impl FnOnce(&mut SentinelSetup)) {
    let watched = SentinelSetup::start_with_tls();
    let redis = Redis::sentinel(SERVICE, watched.urls()).ca(watched.authority().pem());
    // a handshake without optimisation on a busy machine takes longer than by default it may
    let cache = ResponseCache::new(redis.connect_timeout(Duration::from_secs(1)));
    assert_follows(cache, watched, fail_over).await;
}

async fn assert_follows(
    cache: ResponseCache,
    mut watched: SentinelSetup,
    fail_over: impl FnOnce(&mut SentinelSetup),
) {
    load(&cache, |all_hit| all_hit).await;
    assert_eq!(watched.primary(), 0);
    fail_over(&mut watched);
    load(&cache, |all_hit| all_hit && watched.primary() == 1).await;
    cache.handle().unwrap().purge_all().await.unwrap();
    let app = app(&cache, &naming()).await;
    for page in 0..PAGES {
        assert_eq!(send(&app, get(&format!("/p/{page}"))).await.word(), "MISS", "{page}");
    }
    load(&cache, |all_hit| all_hit).await;
    let keys: Vec<String> = watched.servers[1].command(&["KEYS", "arc:e:*"]);
    assert!(keys.len() >= PAGES, "stored at the new primary: {keys:?}");
}

#[actix_rt::test]
async fn failover_after_crash_fails_no_request() {
    assert_followed(|watched| watched.servers[0].kill()).await;
}

#[actix_rt::test]
async fn failover_on_demand_is_followed() {
    assert_followed(|watched| watched.ask(&["SENTINEL", "FAILOVER", SERVICE])).await;
}

#[actix_rt::test]
async fn failover_over_tls_after_crash_fails_no_request() {
    assert_followed_by_tls(|watched| watched.servers[0].kill()).await;
}

#[actix_rt::test]
async fn failover_over_tls_on_demand_is_followed() {
    assert_followed_by_tls(|watched| watched.ask(&["SENTINEL", "FAILOVER", SERVICE])).await;
}

#[actix_rt::test]
async fn moving_slots_fail_no_request() {
    let cluster = RedisCluster::start();
    let cache = ResponseCache::new(Redis::cluster(cluster.urls()));
    assert_slots_may_move(cache, cluster).await;
}

#[actix_rt::test]
async fn moving_slots_over_tls_fail_no_request() {
    let cluster = RedisCluster::start_with_tls();
    let cache = ResponseCache::new(Redis::cluster(cluster.urls()).ca(cluster.authority().pem()));
    assert_slots_may_move(cache, cluster).await;
}

async fn assert_slots_may_move(cache: ResponseCache, cluster: RedisCluster) {
    let cluster = std::sync::Arc::new(cluster);
    load(&cache, |all_hit| all_hit).await;
    let moving = std::sync::Arc::clone(&cluster);
    let resharding = std::thread::spawn(move || {
        for slot in moving.slots() {
            let from = RedisCluster::holder(slot);
            let to = (from + 1) % 3;
            moving.begin_to_move(slot, from, to);
            // a key may come while others are moved
            while moving.move_keys(slot, from, to) > 0 {}
            moving.end_move(slot, to);
        }
    });
    load(&cache, |all_hit| resharding.is_finished() && all_hit).await;
    resharding.join().unwrap();
    cache.handle().unwrap().purge_all().await.unwrap();
}

/// Answers by handlers only, and what is logged meanwhile.
async fn log_of(redis: Redis) -> String {
    let log = Log::default();
    let _guard = log.listen();
    let cache = patient(redis);
    let app = app(&cache, &Origin::counting()).await;
    for call in 1..=10 {
        assert_eq!(send(&app, get("/")).await.text(), format!("answer {call}"));
    }
    settle(&cache).await;
    log.text()
}

#[actix_rt::test]
async fn auth_error_is_reported_without_password() {
    let server = TlsServer::start(false);
    let trusted = || server.authority().pem();
    let url = |password: &str| Redis::new(server.url(password));
    for (redis, word) in [
        (url("hunter2").ca(trusted()), "AuthenticationFailed"),
        (url("secret").credentials("cache", "hunter2").ca(trusted()), "AuthenticationFailed"),
        (url("hunter2").ca(Authority::new().pem()), "invalid peer certificate"),
        (url("hunter2"), "invalid peer certificate"),
    ] {
        let log = log_of(redis).await;
        assert!(log.contains("Redis fails") && log.contains(word), "{word}: {log}");
        assert!(!log.contains("hunter2") && !log.contains("secret"), "{log}");
    }
}

#[actix_rt::test]
async fn silent_sentinels_and_nodes_are_reported_by_address() {
    let none = "redis://u:hunter2@127.0.0.1:1";
    for redis in
        [Redis::cluster([none, "redis://u:hunter2@127.0.0.1:2"]), Redis::sentinel(SERVICE, [none])]
    {
        let log = log_of(redis).await;
        assert!(log.contains("Redis fails") && log.contains("127.0.0.1:1"), "{log}");
        assert!(!log.contains("hunter2"), "{log}");
    }
    let watched = SentinelSetup::start();
    let log = log_of(Redis::sentinel("other", watched.urls())).await;
    assert!(log.contains("do not know the service"), "{log}");
}

#[actix_rt::test]
async fn bad_topology_is_reported_by_setting() {
    let none = Vec::<String>::new;
    let client = || redis::Client::open("redis://127.0.0.1").unwrap();
    let sentinel = Redis::sentinel(SERVICE, ["redis://h", "http://u:hunter2@h"]);
    for (cache, setting) in [
        (ResponseCache::new(Redis::cluster(none())), "Redis::cluster"),
        (ResponseCache::new(Redis::cluster(["redis://h", "hunter2"])), "Redis::cluster"),
        (ResponseCache::new(Redis::cluster(["redis+unix:///s"])), "Redis::cluster"),
        (
            ResponseCache::new(Redis::cluster(["redis://:hunter2@h", "redis://:hunter3@h"])),
            "Redis::cluster",
        ),
        (ResponseCache::new(Redis::sentinel(SERVICE, none())), "Redis::sentinel"),
        (ResponseCache::new(sentinel), "Redis::sentinel"),
        (ResponseCache::new(Redis::new("redis://h").ca(Authority::new().pem())), "Redis::ca"),
        (ResponseCache::new(Redis::new("rediss://h").ca("hunter2")), "Redis::ca"),
        (ResponseCache::new(Redis::new("rediss://h").ca("")), "Redis::ca"),
        (ResponseCache::new(Redis::cluster(["rediss://h"]).ca("x")), "Redis::ca"),
        (
            ResponseCache::new(Redis::new("rediss://h").client_certificate("", "hunter2")),
            "Redis::client_certificate",
        ),
        (ResponseCache::redis("rediss://:hunter2@h/#insecure"), "redis"),
        (
            ResponseCache::new(Redis::from_client(client()).credentials("u", "hunter2")),
            "Redis::credentials",
        ),
        (ResponseCache::new(Redis::from_client(client()).ca("hunter2")), "Redis::ca"),
    ] {
        let told = cache.check().await.expect_err(setting).to_string();
        assert!(told.contains(&format!("`{setting}`")), "{setting}: {told}");
        assert!(!told.contains("hunter"), "{told}");
    }
}
