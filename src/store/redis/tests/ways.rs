//! The other ways to servers: TLS, Cluster, Sentinel, and clients of the `redis` crate.

use server::{cluster::RedisCluster, sentinel, sentinel::Watched, tls::TlsServer};

use super::*;

/// What a loaded test machine needs.
fn patient(access: Access) -> RedisOptions {
    RedisOptions {
        connect_timeout: Duration::from_secs(2),
        operate_timeout: Duration::from_secs(2),
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

#[tokio::test]
async fn a_cluster_passes_the_examination() {
    let cluster = RedisCluster::start();
    examine(RedisServers::cluster(cluster.urls()), Access::default()).await;
}

#[tokio::test]
async fn what_sentinels_know_passes_the_examination() {
    let watched = Watched::start();
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
    let (cluster, watched) = (RedisCluster::start(), Watched::start());
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
