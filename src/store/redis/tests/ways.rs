//! The other ways to servers: TLS, Cluster, Sentinel, and clients of the `redis` crate.

use server::{cluster::RedisCluster, sentinel, sentinel::SentinelSetup, tls::TlsServer};

use super::*;
use crate::store::redis::connect::Access;

/// What a loaded test machine needs.
fn patient(access: Access) -> RedisOptions {
    RedisOptions {
        connect_timeout: Duration::from_secs(2),
        response_timeout: Duration::from_secs(2),
        access,
        ..RedisOptions::default()
    }
}

fn at(servers: impl Into<RedisServers>) -> RedisStore {
    RedisStore::new(servers, &patient(Access::default())).expect("servers")
}

async fn examine(servers: RedisServers, access: Access) {
    let number = AtomicU64::new(0);
    acceptance::examine(async || {
        let prefix = format!("t{}:", number.fetch_add(1, Ordering::Relaxed));
        let options = RedisOptions { prefix, ..patient(access.clone()) };
        RedisStore::new(servers.clone(), &options).expect("servers")
    })
    .await;
}

#[tokio::test]
async fn tls_with_a_login_passes_the_examination() {
    let server = TlsServer::start(false);
    let ca = Some(server.authority().pem().into_bytes());
    examine(server.url("secret").into(), Access { ca, ..Access::default() }).await;
}

#[test]
fn connections_of_a_runtime_end_with_it() {
    let (server, cluster, watched) =
        (RedisServer::start(), RedisCluster::start(), SentinelSetup::start());
    let sentinel = RedisServers::sentinel(sentinel::SERVICE, watched.urls());
    for store in [at(server.url()), at(RedisServers::cluster(cluster.urls())), at(sentinel)] {
        for _ in 0..5 {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.expect("a runtime");
            runtime.block_on(store.ping()).expect("an answer");
            assert_eq!(store.client.connections(), 1, "{store:?}");
            drop(runtime);
            assert_eq!(store.client.connections(), 0, "{store:?}");
        }
    }
}

#[tokio::test]
async fn a_cluster_passes_the_examination() {
    let cluster = RedisCluster::start();
    examine(RedisServers::cluster(cluster.urls()), Access::default()).await;
}

#[tokio::test]
async fn what_sentinels_know_passes_the_examination() {
    let watched = SentinelSetup::start();
    examine(RedisServers::sentinel(sentinel::SERVICE, watched.urls()), Access::default()).await;
}

#[tokio::test]
async fn a_server_may_ask_for_a_certificate() {
    let server = TlsServer::start(true);
    let ca = Some(server.authority().pem().into_bytes());
    let [certificate, key] = server.authority().sign().map(String::into_bytes);
    let without = Access { ca, ..Access::default() };
    let with = Access { certificate: Some((certificate, key)), ..without.clone() };
    let store = |access| RedisStore::new(server.url("secret"), &patient(access)).expect("a URL");
    store(with).ping().await.expect("let in");
    store(without).ping().await.expect_err("kept out");
}

#[tokio::test]
async fn a_login_may_be_set_apart_from_the_url() {
    let server = TlsServer::start(false);
    let ca = Some(server.authority().pem().into_bytes());
    let login = Some(("cache".to_owned(), "secret".to_owned()));
    let wrong = server.url("wrong");
    let store = |access| RedisStore::new(&wrong, &patient(access)).expect("a URL");
    store(Access { login, ca: ca.clone(), ..Access::default() }).ping().await.expect("let in");
    let error = store(Access { ca, ..Access::default() }).ping().await.expect_err("kept out");
    assert_eq!(error.kind(), StoreErrorKind::Refused);
}

#[tokio::test]
async fn clients_of_the_redis_crate_are_taken() {
    let (cluster, watched) = (RedisCluster::start(), SentinelSetup::start());
    let one = redis::Client::open(watched.servers[0].url()).expect("a URL");
    let several = redis::cluster::ClusterClient::new(cluster.urls()).expect("URLs");
    let sentinel = redis::sentinel::SentinelClient::build(
        watched.urls(),
        sentinel::SERVICE,
        None,
        redis::sentinel::SentinelServerType::Master,
    );
    for store in [at(one), at(several), at(sentinel.expect("URLs"))] {
        fill(&store, "/a", &["g"]).await;
        assert!(has(&store, "/a").await, "{store:?}");
        store.purge(&Purge::group("g")).await.expect("purged");
        assert!(!has(&store, "/a").await, "{store:?}");
    }
}

#[tokio::test]
async fn write_over_a_lost_connection_may_have_reached_a_replaced_primary() {
    let watched = SentinelSetup::start();
    let store = at(RedisServers::sentinel(sentinel::SERVICE, watched.urls()));
    let client = &store.client;
    assert!(client.was_replaced(client.connection_number()).await, "there was none before");
    store.ping().await.expect("an answer");
    let before = client.connection_number();
    assert!(!client.was_replaced(before).await, "it is the one that was written to");
    let () = watched.servers[0].command(&["CLIENT", "KILL", "TYPE", "normal"]);
    let is_noticed = async || store.ping().await.is_err();
    until_async("the loss of the connection is noticed", is_noticed).await;
    assert!(client.was_replaced(before).await, "by now another one is used");
    assert!(!client.was_replaced(client.connection_number()).await);
    let server = RedisServer::start();
    let store = at(server.url());
    assert!(!store.client.was_replaced(None).await, "nothing takes the place of a server by URL");
}

#[tokio::test]
async fn sentinels_may_have_another_login_than_the_servers() {
    let watched = SentinelSetup::start();
    // the sentinel has its own way in by now, and a server's user is new to it
    for server in &watched.servers {
        let () = server.command(&["ACL", "SETUSER", "cache", "on", ">secret", "~*", "+@all"]);
    }
    let () = watched.ask(&["ACL", "SETUSER", "asker", "on", ">question", "+@all", "&*"]);
    let url = watched.url().replace("redis://", "redis://asker:question@");
    let store = |login| {
        let servers = RedisServers::sentinel(sentinel::SERVICE, [url.clone()]);
        RedisStore::new(servers, &patient(Access { login, ..Access::default() })).expect("a URL")
    };
    let login = Some(("cache".to_owned(), "secret".to_owned()));
    store(login).ping().await.expect("each has its own");
    let error = store(None).ping().await.expect_err("the servers do not know the sentinel's user");
    assert_eq!(error.kind(), StoreErrorKind::Refused);
}

#[tokio::test]
async fn purges_wait_for_replicas_if_told_and_hits_do_not_wait_for_purges() {
    let within = Duration::from_secs(1);
    let mut watched = SentinelSetup::start();
    let servers = || RedisServers::sentinel(sentinel::SERVICE, watched.urls());
    let waiting_for = |count, within| {
        let replicas = Some(Replicas { count, within });
        let options = RedisOptions { replicas, ..patient(Access::default()) };
        RedisStore::new(servers(), &options).expect("servers")
    };
    let waiting = |count| waiting_for(count, within);
    let (one, two, none) = (waiting(1), waiting(2), at(servers()));
    waiting_for(1, Duration::MAX).purge(&Purge::all()).await.expect("one has it");
    fill(&one, "/a", &["g"]).await;
    assert_eq!(one.purge(&Purge::group("g").counted()).await.expect("one has it"), Purged::of(1));
    let known: Vec<String> = watched.servers[1].command(&["KEYS", "arc:e:*"]);
    assert!(known.is_empty(), "{known:?}");
    let begun = std::time::Instant::now();
    fill(&two, "/a", &["g"]).await;
    let hits = async {
        tokio::time::sleep(within / 4).await;
        let asked = std::time::Instant::now();
        assert!(!has(&two, "/a").await, "the purge is done");
        assert!(asked.elapsed() < within / 4, "a hit waited for {:?}", asked.elapsed());
    };
    let all = Purge::all();
    let (purged, ()) = tokio::join!(two.purge(&all), hits);
    let problem = std::error::Error::source(&purged.expect_err("there are not two"))
        .map(ToString::to_string)
        .expect("a cause");
    assert!(problem.contains("1 of 2 replicas"), "{problem}");
    assert!(begun.elapsed() >= within && !two.is_open());
    watched.servers[1].kill();
    assert!(one.purge(&Purge::all()).await.is_err(), "there is none");
    none.purge(&Purge::all()).await.expect("nobody is waited for");
}

#[tokio::test]
async fn purges_wait_for_replicas_of_every_node() {
    let cluster = RedisCluster::start();
    for prefix in ["arc:", "{arc}:"] {
        let store = |count| {
            let replicas = Some(Replicas { count, within: Duration::from_millis(50) });
            let prefix = prefix.to_owned();
            let options = RedisOptions { prefix, replicas, ..patient(Access::default()) };
            RedisStore::new(RedisServers::cluster(cluster.urls()), &options).expect("URLs")
        };
        fill(&store(0), "/a", &["g"]).await;
        for node in &cluster.nodes {
            let () = node.command(&["CONFIG", "RESETSTAT"]);
        }
        assert_eq!(
            store(0).purge(&Purge::path("/a").counted()).await.expect("all have it"),
            Purged::of(1)
        );
        let asked = cluster.nodes.iter().filter(|node| node.calls("wait") == 1).count();
        assert_eq!(asked, if prefix == "arc:" { 3 } else { 1 }, "{prefix}");
        assert!(store(1).purge(&Purge::path("/a")).await.is_err(), "there are no replicas");
    }
}
