//! What one process hears of another, and what it makes of hearing nothing.

use super::{
    proxy::{Mode, Proxy},
    *,
};

#[tokio::test]
async fn a_purge_elsewhere_is_heard_of() {
    let server = RedisServer::start();
    let (one, two) = (store(&server), store(&server));
    for purge in samples::purges() {
        let entry =
            Entry { since: one.purge_number().await.expect("a purge number"), ..samples::target() };
        listening(&two).await;
        assert_eq!(state(&two, &entry), PurgeState::Valid);
        one.purge(&purge).await.expect("purged");
        assert_eq!(state(&one, &entry), PurgeState::Purged, "{purge:?}");
        until("heard", || state(&two, &entry) == PurgeState::Purged).await;
        let after = Entry { since: one.purge_number().await.expect("a purge number"), ..entry };
        assert_eq!(state(&two, &after), PurgeState::Valid, "{purge:?}");
    }
}

#[tokio::test]
async fn what_was_stored_elsewhere_is_heard_of_and_ones_own_is_not_news() {
    let server = RedisServer::start();
    let (one, two) = (store(&server), store(&server));
    listening(&one).await;
    listening(&two).await;
    let digest = key("/a").digest();
    let seen = |store: &RedisStore| store.known().stored_elsewhere(&digest);
    fill(&one, "/a", &[]).await;
    until("heard", || seen(&two) == 1).await;
    fill(&two, "/a", &[]).await;
    until("heard", || seen(&one) == 1).await;
    assert_eq!(seen(&two), 1);
}

#[tokio::test]
async fn a_subscription_that_is_cut_is_noticed_and_made_anew() {
    let server = RedisServer::start();
    let (one, two) = (store(&server), store(&server));
    listening(&two).await;
    let before = two.known().trust_period(two.known().now());
    let cut: u64 = server.command(&["CLIENT", "KILL", "TYPE", "pubsub"]);
    assert!(cut >= 1);
    until("noticed", || !two.known().is_trusted()).await;
    let entry =
        Entry { since: one.purge_number().await.expect("a purge number"), ..samples::target() };
    one.purge(&Purge::all()).await.expect("purged");
    listening(&two).await;
    assert_eq!(state(&two, &entry), PurgeState::Purged, "purged while nothing was heard");
    assert!(two.known().trust_period(two.known().now()) > before);
}

#[tokio::test]
async fn a_purge_that_is_not_announced_is_found_within_the_bound() {
    let server = RedisServer::start();
    let (one, two) = (store(&server), store(&server));
    listening(&two).await;
    let first = two.known().trust_period(two.known().now());
    let since = one.purge_number().await.expect("a purge number");
    let _: redis::Value = server.command(&["SCRIPT", "FLUSH"]);
    // as by a process which may not publish
    let now = (since.number() + 1_000_000_000).to_string();
    let field = tags::tag_of(Purge::path("/shop/7").target());
    let mut raise = redis::cmd("HSET");
    raise.arg("arc:clock").arg("now").arg(&now).arg(&field).arg(&now);
    let () = raise.query(&mut server.connection()).expect("a reply");
    let entry = Entry { since, ..samples::target() };
    until("missed", || state(&two, &entry) == PurgeState::Purged).await;
    let known = two.known();
    assert_eq!(known.trust_period(known.now()), first, "nothing else can have been missed");
}

#[tokio::test]
async fn while_the_server_is_away_nothing_is_trusted() {
    let mut server = RedisServer::start();
    let store = store(&server);
    listening(&store).await;
    server.kill();
    until("noticed", || !store.known().is_trusted()).await;
    server.restart();
    listening(&store).await;
}

#[tokio::test]
async fn all_data_lost_and_a_foreign_clock_are_survived() {
    let server = RedisServer::start();
    let store = store(&server);
    listening(&store).await;
    for foreign in [&["FLUSHALL"][..], &["SET", "arc:clock", "foreign"]] {
        let before = store.known().last();
        let () = server.command(foreign);
        until("begun anew", || store.known().last() > before).await;
        listening(&store).await;
        fill(&store, "/a", &[]).await;
        assert!(has(&store, "/a").await);
    }
}

#[tokio::test]
async fn foreign_messages_cost_a_reload_at_most() {
    let server = RedisServer::start();
    let store = store(&server);
    fill(&store, "/a", &[]).await;
    listening(&store).await;
    for message in [
        "",
        "x",
        "s1",
        "p",
        "p1",
        "p2foreign",
        "p118446744073709551614 18446744073709551615 - 0123456789abcdef",
    ] {
        until("heard", || server.command::<u64>(&["PUBLISH", "arc:news:0", message]) == 1).await;
        listening(&store).await;
        assert!(has(&store, "/a").await, "{message}");
    }
}

#[tokio::test]
async fn without_a_permit_for_the_channel_purges_are_found_all_the_same() {
    let server = RedisServer::start();
    let () =
        server.command(&["ACL", "SETUSER", "app", "on", ">secret", "~*", "+@all", "resetchannels"]);
    let url = server.url().replace("redis://", "redis://app:secret@");
    let options =
        RedisOptions { operate_timeout: Duration::from_secs(2), ..RedisOptions::default() };
    let mute = RedisStore::new(&url, &options).expect("a URL");
    let hearing = store(&server);
    listening(&hearing).await;
    fill(&mute, "/a", &["g"]).await;
    assert!(has(&mute, "/a").await, "by a second look");
    let entry = entry("/a", mute.purge_number().await.expect("a purge number"), &["g"]);
    assert_eq!(mute.purge(&Purge::group("g")).await.expect("purged"), Purged::of(1));
    assert!(!has(&mute, "/a").await);
    until("found", || state(&hearing, &entry) == PurgeState::Purged).await;
    assert!(!mute.known().is_trusted());
}

#[tokio::test]
async fn the_thread_ends_with_the_store() {
    let server = RedisServer::start();
    let store = store(&server);
    listening(&store).await;
    let known = Arc::downgrade(store.known());
    drop(store);
    until("ended", || known.strong_count() == 0).await;
    until("disconnected", || {
        let clients: String = server.command(&["CLIENT", "LIST", "TYPE", "pubsub"]);
        clients.trim().is_empty()
    })
    .await;
}

#[test]
fn a_store_outlives_the_runtime_that_used_it_first() {
    let server = RedisServer::start();
    let store = store(&server);
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime().block_on(listening(&store));
    runtime().block_on(async {
        let first = store.known().now();
        until("checked again", || store.known().now() > first + 2 * trust::RELIED_ON).await;
        assert!(store.known().is_trusted());
    });
}

#[tokio::test]
async fn databases_of_one_server_do_not_hear_of_each_other() {
    let server = RedisServer::start();
    let options = RedisOptions::default();
    let at = |database: u8| {
        RedisStore::new(format!("{}/{database}", server.url()), &options).expect("a URL")
    };
    let (zero, one) = (at(0), at(1));
    listening(&zero).await;
    listening(&one).await;
    let since = zero.purge_number().await.expect("a purge number");
    let entry = Arc::new(Entry { since, ..samples::target() });
    assert_eq!(zero.put(Arc::clone(&entry), KEEP).await.expect("stored"), crate::store::Put::Kept);
    for _ in 0..3 {
        one.purge(&Purge::all()).await.expect("purged");
        one.purge(&Purge::path("/shop/7")).await.expect("purged");
    }
    let begun = zero.known().trust_period(zero.known().now());
    // heard of by now, were it to be heard of
    zero.purge(&Purge::path("/another")).await.expect("purged");
    assert!(zero.get(&entry.key).await.expect("an answer").is_some(), "of another database");
    assert_eq!(zero.known().trust_period(zero.known().now()), begun, "nothing was missed");
    assert!(zero.known().is_trusted());
}

#[tokio::test]
async fn subscription_that_passes_no_messages_on_is_not_trusted() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.address());
    let options =
        RedisOptions { operate_timeout: Duration::from_secs(2), ..RedisOptions::default() };
    let store = RedisStore::new(proxy.url(), &options).expect("a URL");
    listening(&store).await;
    fill(&store, "/a", &[]).await;
    proxy.set_mode(Mode::Mute);
    // nobody purges, so that no number is missed
    until("noticed", || !store.known().is_trusted()).await;
    assert!(has(&store, "/a").await, "by a second look");
    let lead = store.lead(&key("/b"), KEEP).await.expect("an answer");
    let other = store.lead(&key("/b"), KEEP).await.expect("an answer");
    assert!(matches!((lead, other), (Lead::Yours(_), Lead::Yours(_))), "nobody waits in vain");
    proxy.set_mode(Mode::Pass);
    listening(&store).await;
}

#[tokio::test]
async fn clock_that_is_evicted_over_and_over_costs_no_trust() {
    let server = RedisServer::start();
    let (one, two) = (store(&server), store(&server));
    listening(&one).await;
    listening(&two).await;
    let trust = || [&one, &two].map(|store| store.known().trust_period(store.known().now()));
    let before = trust();
    for round in 0..6 {
        let gone: u64 = server.command(&["DEL", "arc:clock"]);
        assert_eq!(gone, 1);
        let last = two.known().last();
        // begun anew by those who listen, or by who needs it first
        if round % 2 == 0 {
            one.purge_number().await.expect("a purge number");
        }
        until("begun anew", || two.known().last() > last && one.known().last() > last).await;
        let entry = entry("/a", one.purge_number().await.expect("a purge number"), &["g"]);
        one.purge(&Purge::group("g")).await.expect("purged");
        until("heard", || state(&two, &entry) == PurgeState::Purged).await;
        assert_eq!(trust(), before, "round {round}");
    }
}

#[tokio::test]
async fn user_who_may_use_the_channel_of_announcements_only_trusts_them() {
    let server = RedisServer::start();
    let user = ["ACL", "SETUSER", "app", "on", ">secret", "~*", "+@all", "resetchannels"];
    let () = server.command(&[&user[..], &["&arc:news:0"]].concat());
    let url = server.url().replace("redis://", "redis://app:secret@");
    let options =
        RedisOptions { operate_timeout: Duration::from_secs(2), ..RedisOptions::default() };
    let (narrow, wide) = (RedisStore::new(&url, &options).expect("a URL"), store(&server));
    listening(&narrow).await;
    let entry = entry("/a", wide.purge_number().await.expect("a purge number"), &["g"]);
    wide.purge(&Purge::group("g")).await.expect("purged");
    until("heard", || state(&narrow, &entry) == PurgeState::Purged).await;
    let last = narrow.known().last();
    let () = server.command(&["DEL", "arc:clock"]);
    until("begun anew", || narrow.known().last() > last).await;
    listening(&narrow).await;
}
