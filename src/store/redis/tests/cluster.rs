//! Entries, indexes and the clock on several nodes, and slots that move between them.

use redis::cluster_routing::Slot;
use server::cluster::RedisCluster;

use super::*;

/// Enough for every node to have some of whatever there is one of for each path.
const PATHS: u64 = 60;

fn store(cluster: &RedisCluster) -> RedisStore {
    found_by(cluster.urls())
}

fn found_by(urls: Vec<String>) -> RedisStore {
    let options = RedisOptions {
        connect_timeout: Duration::from_secs(2),
        response_timeout: Duration::from_secs(2),
        ..RedisOptions::default()
    };
    RedisStore::new(RedisServers::cluster(urls), &options).expect("URLs")
}

async fn fill_all(store: &RedisStore) {
    for number in 0..PATHS {
        fill(store, &format!("/many/{number}"), &["g"]).await;
    }
}

async fn count(store: &RedisStore) -> u64 {
    let mut found = 0;
    for number in 0..PATHS {
        found += u64::from(has(store, &format!("/many/{number}")).await);
    }
    found
}

fn slot(name: &str) -> u16 {
    // the crate tells a slot's number only by its text
    let text = format!("{:?}", Slot::for_key(name));
    text.trim_matches(|c: char| !c.is_ascii_digit()).parse().expect("Slot(number)")
}

/// A slot that the live entry of this path is in.
fn slot_of(store: &RedisStore, path: &str) -> u16 {
    slot(&store.names.live(&key(path).digest()))
}

#[tokio::test]
async fn purges_reach_every_node() {
    let cluster = RedisCluster::start();
    let store = store(&cluster);
    for purge in [Purge::group("g"), Purge::prefix("/many"), Purge::all()] {
        fill_all(&store).await;
        let with_entries = cluster
            .nodes
            .iter()
            .filter(|node| node.command::<Vec<String>>(&["KEYS", "arc:e:*"]).len() > 1);
        assert_eq!(with_entries.count(), 3, "entries are spread");
        assert_eq!(count(&store).await, PATHS);
        assert_eq!(
            store.purge(&purge.clone().counted()).await.expect("purged"),
            Purged::of(PATHS),
            "{purge:?}"
        );
        assert_eq!(count(&store).await, 0, "{purge:?}");
        let mut left = cluster.keys();
        left.retain(|name| name.starts_with("arc:e:") || name.starts_with("arc:w:"));
        assert_eq!(left, Vec::<String>::new(), "{purge:?}");
    }
}

#[tokio::test]
async fn no_command_has_keys_of_two_slots_and_a_hit_asks_one_node_once() {
    let cluster = RedisCluster::start();
    let store = store(&cluster);
    fill(&store, "/a", &["g", "h"]).await;
    for node in &cluster.nodes {
        let () = node.command(&["CONFIG", "RESETSTAT"]);
    }
    assert!(has(&store, "/a").await);
    let gets = |command| cluster.nodes.iter().map(|node| node.calls(command)).sum::<u64>();
    assert_eq!((gets("getrange"), gets("cluster|slots"), gets("cluster|nodes")), (1, 0, 0));
    for purge in [Purge::path("/a"), Purge::group("h"), Purge::prefix("/"), Purge::all()] {
        fill(&store, "/a", &["g", "h"]).await;
        store.purge(&purge).await.expect("purged");
    }
    for node in &cluster.nodes {
        let info: String = node.command(&["INFO", "errorstats"]);
        assert!(!info.contains("CROSSSLOT") && !info.contains("MOVED"), "{info}");
    }
}

#[tokio::test]
async fn a_slot_between_two_nodes_serves_fills_hits_and_purges() {
    let cluster = RedisCluster::start();
    let store = store(&cluster);
    for purge in [Purge::path("/a"), Purge::group("g"), Purge::prefix("/a"), Purge::all()] {
        fill(&store, "/a", &["g"]).await;
        let slot = slot_of(&store, "/a");
        let from = RedisCluster::holder(slot);
        let to = (from + 1) % 3;
        cluster.begin_to_move(slot, from, to);
        // it is at the old node, then at the new one, which the old one names for it
        assert!(has(&store, "/a").await, "not yet moved");
        assert_eq!(cluster.move_keys(slot, from, to), 1);
        assert!(has(&store, "/a").await, "ASK leads to it");
        assert_eq!(
            store.purge(&purge.clone().counted()).await.expect("purged"),
            Purged::of(1),
            "{purge:?}"
        );
        assert!(!has(&store, "/a").await, "{purge:?}");
        // publishing needs both names, of which a slot on its way may lack one: no entry, no harm
        let late = entry("/a", store.purge_number().await.expect("a purge number"), &["g"]);
        let _ = store.put(Arc::clone(&late), KEEP).await;
        assert!(!store.is_open());
        cluster.move_keys(slot, from, to);
        cluster.end_move(slot, to);
        store.put(late, KEEP).await.expect("stored");
        assert!(has(&store, "/a").await, "MOVED leads to it");
        assert_eq!(
            store.purge(&purge.clone().counted()).await.expect("purged"),
            Purged::of(1),
            "{purge:?}"
        );
        // back to where it was
        cluster.begin_to_move(slot, to, from);
        cluster.end_move(slot, from);
        cluster.wait_until_whole();
    }
}

#[tokio::test]
async fn indexes_and_the_clock_move_as_well() {
    let cluster = RedisCluster::start();
    let store = store(&cluster);
    let early = store.purge_number().await.expect("a purge number");
    fill_all(&store).await;
    for name in
        [store.names.group("g"), store.names.path("/many/7"), store.names.clock().to_owned()]
    {
        let slot = slot(&name);
        let from = RedisCluster::holder(slot);
        let to = (from + 1) % 3;
        cluster.begin_to_move(slot, from, to);
        assert!(cluster.move_keys(slot, from, to) > 0, "{name}");
        fill(&store, "/many/7", &["g"]).await;
        cluster.end_move(slot, to);
    }
    assert_eq!(store.purge(&Purge::group("g").counted()).await.expect("purged"), Purged::of(PATHS));
    store.put(entry("/many/7", early, &["g"]), KEEP).await.expect("no error");
    assert_eq!(count(&store).await, 0);
}

/// A reshard of many slots at once, back and forth, while entries are filled, read and purged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_purge_is_outlived_while_slots_move() {
    let cluster = Arc::new(RedisCluster::start());
    let store = store(&cluster);
    let slots: Vec<u16> =
        (0..8).map(|number| slot_of(&store, &format!("/many/{number}"))).collect();
    let over = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let resharding = {
        let (cluster, over) = (Arc::clone(&cluster), Arc::clone(&over));
        std::thread::spawn(move || {
            let mut moves = 0;
            let mut at: Vec<usize> = slots.iter().map(|&slot| RedisCluster::holder(slot)).collect();
            while !over.load(Ordering::SeqCst) {
                for (&slot, from) in slots.iter().zip(&mut at) {
                    let to = (*from + 1) % 3;
                    cluster.begin_to_move(slot, *from, to);
                    // a key may come while others are moved
                    while cluster.move_keys(slot, *from, to) > 0 {}
                    cluster.end_move(slot, to);
                    *from = to;
                    moves += 1;
                }
            }
            moves
        })
    };
    let begun = std::time::Instant::now();
    let (mut purges, mut put_off) = (0, 0);
    while begun.elapsed() < Duration::from_secs(4) {
        for purge in [Purge::group("g"), Purge::prefix("/many"), Purge::all()] {
            for number in 0..8 {
                // may fail, as anything may while slots move
                let path = format!("/many/{number}");
                if let Ok(since) = store.purge_number().await {
                    let _ = store.put(entry(&path, since, &["g"]), KEEP).await;
                }
            }
            if store.purge(&purge).await.expect("done or kept").pending {
                put_off += 1;
                continue;
            }
            purges += 1;
            for number in 0..8 {
                let found = store.get(&key(&format!("/many/{number}"))).await;
                assert!(found.ok().flatten().is_none(), "{number} outlived {purge:?}");
            }
        }
    }
    over.store(true, Ordering::SeqCst);
    let moves = resharding.join().expect("slots move");
    assert!(moves > 10 && purges > 10, "{moves} moves, {purges} purges, {put_off} put off");
}

#[tokio::test]
async fn a_node_that_is_gone_costs_its_own_keys_only_and_delays_no_purge() {
    let mut cluster = RedisCluster::start();
    let store = RedisStore::new(
        RedisServers::cluster(cluster.urls()),
        &RedisOptions { response_timeout: Duration::from_millis(300), ..RedisOptions::default() },
    );
    let store = store.expect("URLs");
    for node in &cluster.nodes {
        let () = node.command(&["CONFIG", "SET", "cluster-require-full-coverage", "no"]);
    }
    let clock = RedisCluster::holder(slot(store.names.clock()));
    let gone = (clock + 1) % 3;
    fill_all(&store).await;
    cluster.nodes[gone].kill();
    let (mut there, mut failed) = (0, 0);
    for number in 0..PATHS {
        let path = format!("/many/{number}");
        if RedisCluster::holder(slot_of(&store, &path)) == gone {
            assert!(store.get(&key(&path)).await.is_err(), "{path}");
            failed += 1;
            continue;
        }
        // until announcements are heard again a second look may need the node
        let begun = std::time::Instant::now();
        while store.get(&key(&path)).await.ok().flatten().is_none() {
            assert!(begun.elapsed() < Duration::from_secs(10), "{path}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        there += 1;
    }
    assert!(there > 0 && failed > 0, "{there} there, {failed} failed");
    let purged = store.purge(&Purge::all().counted()).await.expect("purged");
    assert!(!purged.pending && purged.removing, "what is on the lost node is not removed yet");
    for number in 0..PATHS {
        let found = store.get(&key(&format!("/many/{number}"))).await;
        assert!(!matches!(found, Ok(Some(_))), "{number} was purged");
    }
}

#[tokio::test]
async fn what_happens_on_any_node_is_heard_of() {
    let cluster = RedisCluster::start();
    let (one, two) = (store(&cluster), store(&cluster));
    subscribed(&two).await;
    subscribed(&one).await;
    for number in 0..10 {
        let path = format!("/many/{number}");
        let digest = key(&path).digest();
        let stored = two.invalidation().stored_elsewhere(&digest);
        let put = fill(&one, &path, &["g"]).await;
        until("stored", || two.invalidation().stored_elsewhere(&digest) > stored).await;
        one.purge(&Purge::path(&path)).await.expect("purged");
        until("purged", || state(&two, &put) == PurgeState::Purged).await;
    }
    let lead = one.lease(&key("/a"), KEEP).await.expect("an answer");
    let other = two.lease(&key("/a"), KEEP).await.expect("an answer");
    let crate::store::Lease::HeldElsewhere(wait) = other else { panic!("two lead") };
    drop(lead);
    wait.await;
}

#[tokio::test]
async fn former_member_among_the_seeds_gets_no_subscription() {
    let cluster = RedisCluster::start();
    for forgets in [false, true] {
        let former = cluster.former_member(forgets);
        // it answers first, or alone
        let mut urls = vec![former.url()];
        if forgets {
            urls.extend(cluster.urls());
        }
        let stores: Vec<_> = (0..6).map(|_| found_by(urls.clone())).collect();
        for store in &stores {
            subscribed(store).await;
        }
        let channel = stores[0].names.channel();
        assert_eq!(cluster.subscribers(channel), 6, "forgets: {forgets}");
        let (_, there): (String, u64) = former.command(&["PUBSUB", "NUMSUB", channel]);
        assert_eq!(there, 0, "forgets: {forgets}");
        let [one, two, ..] = stores.as_slice() else { panic!("six stores") };
        let put = fill(one, "/a", &["g"]).await;
        one.purge(&Purge::group("g")).await.expect("purged");
        until("purged", || state(two, &put) == PurgeState::Purged).await;
        drop(stores);
        until("gone", || cluster.subscribers("arc:news:0") == 0).await;
    }
}

#[tokio::test]
async fn lead_given_up_where_a_slot_was_is_given_up_where_it_is() {
    const LONG: Duration = Duration::from_secs(60);
    let cluster = RedisCluster::start();
    let store = store(&cluster);
    subscribed(&store).await;
    let name = store.names.lease(&key("/a").digest());
    let slot = slot(&name);
    let from = RedisCluster::holder(slot);
    let to = (from + 1) % 3;
    let Ok(Lease::Granted(mut lease)) = store.lease(&key("/a"), LONG).await else {
        panic!("nobody else leads")
    };
    assert!(lease.take_purge_number().is_some(), "asked for at the clock's node");
    let has = |node: usize| cluster.nodes[node].command::<bool>(&["EXISTS", &name]);
    let token: Vec<u8> = cluster.nodes[from].command(&["GET", &name]);
    drop(lease);
    until("given up", || !has(from)).await;
    // as a replica that has become the primary and missed it
    cluster.begin_to_move(slot, from, to);
    let mut asking = redis::pipe();
    asking.cmd("ASKING").ignore();
    asking.cmd("SET").arg(&name).arg(token).arg("PX").arg(60_000).ignore();
    let () = asking.query(&mut cluster.nodes[to].connection()).expect("a reply");
    cluster.end_move(slot, to);
    assert!(has(to));
    until("given up again", || !has(to)).await;
}
