//! What one process receives from another, and what it does when nothing arrives.

use super::{
    proxy::{Mode, Proxy},
    *,
};

#[tokio::test]
async fn purge_elsewhere_is_received() {
    let server = RedisServer::start();
    let (one, two) = (store(&server), store(&server));
    for purge in samples::purges() {
        let entry =
            Entry { since: one.purge_number().await.expect("a purge number"), ..samples::target() };
        subscribed(&two).await;
        assert_eq!(state(&two, &entry), PurgeState::Valid);
        one.purge(&purge).await.expect("purged");
        assert_eq!(state(&one, &entry), PurgeState::Purged, "{purge:?}");
        until("received", || state(&two, &entry) == PurgeState::Purged).await;
        let after = Entry { since: one.purge_number().await.expect("a purge number"), ..entry };
        assert_eq!(state(&two, &after), PurgeState::Valid, "{purge:?}");
    }
}

#[tokio::test]
async fn only_entries_stored_elsewhere_count() {
    let server = RedisServer::start();
    let (one, two) = (store(&server), store(&server));
    subscribed(&one).await;
    subscribed(&two).await;
    let digest = key("/a").digest();
    let seen = |store: &RedisStore| store.invalidation().stored_elsewhere(&digest);
    fill(&one, "/a", &[]).await;
    until("received", || seen(&two) == 1).await;
    fill(&two, "/a", &[]).await;
    until("received", || seen(&one) == 1).await;
    assert_eq!(seen(&two), 1);
}

#[tokio::test]
async fn cut_subscription_is_noticed_and_made_anew() {
    let server = RedisServer::start();
    let (one, two) = (store(&server), store(&server));
    subscribed(&two).await;
    let before = two.invalidation().trust_period(two.invalidation().now());
    let cut: u64 = server.command(&["CLIENT", "KILL", "TYPE", "pubsub"]);
    assert!(cut >= 1);
    until("noticed", || !two.invalidation().is_trusted()).await;
    let entry =
        Entry { since: one.purge_number().await.expect("a purge number"), ..samples::target() };
    one.purge(&Purge::all()).await.expect("purged");
    subscribed(&two).await;
    assert_eq!(state(&two, &entry), PurgeState::Purged, "purged while nothing was received");
    assert!(two.invalidation().trust_period(two.invalidation().now()) > before);
}

#[tokio::test]
async fn unannounced_purge_is_found_within_the_bound() {
    let server = RedisServer::start();
    let (one, two) = (store(&server), store(&server));
    subscribed(&two).await;
    let first = two.invalidation().trust_period(two.invalidation().now());
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
    let invalidation = two.invalidation();
    assert_eq!(
        invalidation.trust_period(invalidation.now()),
        first,
        "nothing else can have been missed"
    );
}

#[tokio::test]
async fn nothing_is_trusted_while_the_server_is_away() {
    let mut server = RedisServer::start();
    let store = store(&server);
    subscribed(&store).await;
    server.kill();
    until("noticed", || !store.invalidation().is_trusted()).await;
    server.restart();
    subscribed(&store).await;
}

#[tokio::test]
async fn lost_data_and_a_foreign_clock_are_recovered_from() {
    let server = RedisServer::start();
    let store = store(&server);
    subscribed(&store).await;
    for foreign in [&["FLUSHALL"][..], &["SET", "arc:clock", "foreign"]] {
        let before = store.invalidation().complete_up_to();
        let () = server.command(foreign);
        until("begun anew", || store.invalidation().complete_up_to() > before).await;
        subscribed(&store).await;
        fill(&store, "/a", &[]).await;
        assert!(has(&store, "/a").await);
    }
}

#[tokio::test]
async fn foreign_messages_cost_a_reload_at_most() {
    let server = RedisServer::start();
    let store = store(&server);
    fill(&store, "/a", &[]).await;
    subscribed(&store).await;
    for message in [
        "",
        "x",
        "s1",
        "p",
        "p1",
        "p2foreign",
        "p118446744073709551614 18446744073709551615 - 0123456789abcdef",
    ] {
        until("received", || server.command::<u64>(&["PUBLISH", "arc:news:0", message]) == 1).await;
        subscribed(&store).await;
        assert!(has(&store, "/a").await, "{message}");
    }
}

#[tokio::test]
async fn purges_of_a_user_not_permitted_to_publish_are_found() {
    let server = RedisServer::start();
    let () =
        server.command(&["ACL", "SETUSER", "app", "on", ">secret", "~*", "+@all", "resetchannels"]);
    let url = server.url().replace("redis://", "redis://app:secret@");
    let options =
        RedisOptions { response_timeout: Duration::from_secs(2), ..RedisOptions::default() };
    let mute = RedisStore::new(&url, &options).expect("a URL");
    let hearing = store(&server);
    subscribed(&hearing).await;
    fill(&mute, "/a", &["g"]).await;
    assert!(has(&mute, "/a").await, "by a second look");
    let entry = entry("/a", mute.purge_number().await.expect("a purge number"), &["g"]);
    assert_eq!(mute.purge(&Purge::group("g").counted()).await.expect("purged"), Purged::of(1));
    assert!(!has(&mute, "/a").await);
    until("found", || state(&hearing, &entry) == PurgeState::Purged).await;
    assert!(!mute.invalidation().is_trusted());
}

#[tokio::test]
async fn thread_ends_with_the_store() {
    let server = RedisServer::start();
    let store = store(&server);
    subscribed(&store).await;
    let invalidation = Arc::downgrade(store.invalidation());
    drop(store);
    until("ended", || invalidation.strong_count() == 0).await;
    until("disconnected", || {
        let clients: String = server.command(&["CLIENT", "LIST", "TYPE", "pubsub"]);
        clients.trim().is_empty()
    })
    .await;
}

#[test]
fn store_outlives_the_runtime_that_used_it_first() {
    let server = RedisServer::start();
    let store = store(&server);
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime().block_on(subscribed(&store));
    runtime().block_on(async {
        let first = store.invalidation().now();
        until("checked again", || store.invalidation().now() > first + 2 * trust::TRUSTED_FOR)
            .await;
        assert!(store.invalidation().is_trusted());
    });
}

#[tokio::test]
async fn databases_of_one_server_do_not_receive_each_others_messages() {
    let server = RedisServer::start();
    let options = RedisOptions::default();
    let at = |database: u8| {
        RedisStore::new(format!("{}/{database}", server.url()), &options).expect("a URL")
    };
    let (zero, one) = (at(0), at(1));
    subscribed(&zero).await;
    subscribed(&one).await;
    let since = zero.purge_number().await.expect("a purge number");
    let entry = Arc::new(Entry { since, ..samples::target() });
    assert_eq!(
        zero.put(Arc::clone(&entry), KEEP).await.expect("stored"),
        crate::store::Put::Stored
    );
    for _ in 0..3 {
        one.purge(&Purge::all()).await.expect("purged");
        one.purge(&Purge::path("/shop/7")).await.expect("purged");
    }
    let begun = zero.invalidation().trust_period(zero.invalidation().now());
    // it would have been received by now
    zero.purge(&Purge::path("/another")).await.expect("purged");
    assert!(zero.get(&entry.key).await.expect("an answer").is_some(), "of another database");
    assert_eq!(
        zero.invalidation().trust_period(zero.invalidation().now()),
        begun,
        "nothing was missed"
    );
    assert!(zero.invalidation().is_trusted());
}

#[tokio::test]
async fn subscription_that_passes_no_messages_on_is_not_trusted() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.address());
    let options =
        RedisOptions { response_timeout: Duration::from_secs(2), ..RedisOptions::default() };
    let store = RedisStore::new(proxy.url(), &options).expect("a URL");
    subscribed(&store).await;
    fill(&store, "/a", &[]).await;
    proxy.set_mode(Mode::Mute);
    // without a purge no number is missed
    until("noticed", || !store.invalidation().is_trusted()).await;
    assert!(has(&store, "/a").await, "by a second look");
    let lead = store.lease(&key("/b"), KEEP).await.expect("an answer");
    let other = store.lease(&key("/b"), KEEP).await.expect("an answer");
    assert!(matches!((lead, other), (Lease::Granted(_), Lease::Granted(_))), "none waits in vain");
    proxy.set_mode(Mode::Pass);
    subscribed(&store).await;
}

#[tokio::test]
async fn clock_that_is_evicted_over_and_over_costs_no_trust() {
    let server = RedisServer::start();
    let (one, two) = (store(&server), store(&server));
    subscribed(&one).await;
    subscribed(&two).await;
    let trust =
        || [&one, &two].map(|store| store.invalidation().trust_period(store.invalidation().now()));
    let before = trust();
    for round in 0..6 {
        let gone: u64 = server.command(&["DEL", "arc:clock"]);
        assert_eq!(gone, 1);
        let last = two.invalidation().complete_up_to();
        // begun anew by those who listen, or by who needs it first
        if round % 2 == 0 {
            one.purge_number().await.expect("a purge number");
        }
        until("begun anew", || {
            two.invalidation().complete_up_to() > last && one.invalidation().complete_up_to() > last
        })
        .await;
        let entry = entry("/a", one.purge_number().await.expect("a purge number"), &["g"]);
        one.purge(&Purge::group("g")).await.expect("purged");
        until("received", || state(&two, &entry) == PurgeState::Purged).await;
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
        RedisOptions { response_timeout: Duration::from_secs(2), ..RedisOptions::default() };
    let (narrow, wide) = (RedisStore::new(&url, &options).expect("a URL"), store(&server));
    subscribed(&narrow).await;
    let entry = entry("/a", wide.purge_number().await.expect("a purge number"), &["g"]);
    wide.purge(&Purge::group("g")).await.expect("purged");
    until("received", || state(&narrow, &entry) == PurgeState::Purged).await;
    let last = narrow.invalidation().complete_up_to();
    let () = server.command(&["DEL", "arc:clock"]);
    until("begun anew", || narrow.invalidation().complete_up_to() > last).await;
    subscribed(&narrow).await;
}
