//! Who leads, who waits, and that each follower gets an outcome.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use futures_util::FutureExt as _;

use super::{
    join::MAX_FLIGHTS,
    state::{MAX_FOLLOWERS, MAX_HANDOVERS},
    *,
};
use crate::{
    entry::{Entry, Kind, Selecting},
    key::{CacheKey, KeyBuilder, KeyParts},
    purge::PurgeNumber,
};

const TIMEOUT: Duration = Duration::from_secs(5);
const LIMITS: CoalescingLimits = CoalescingLimits { timeout: TIMEOUT, max_leaders: 2 };

fn key(n: usize) -> CacheKey {
    KeyBuilder::new(false, "h", &format!("/{n}"), None).finish()
}

fn published() -> Arc<Published> {
    let entry = Entry {
        key: key(1),
        since: PurgeNumber::default(),
        groups: vec![],
        kind: Kind::Varies(Selecting::default()),
    };
    Arc::new(Published {
        entry: Arc::new(entry),
        url: key(1),
        selecting: Selecting::default(),
        stored: Ok(()),
    })
}

fn at(number: u64) -> LogicalTime {
    LogicalTime { store: Some(PurgeNumber::new(number)), process: 0 }
}

fn number(since: LogicalTime) -> u64 {
    since.store.map_or(0, PurgeNumber::number)
}

fn unpurged(_: LogicalTime) -> bool {
    false
}

fn join(flights: &Flights, n: usize, may_lead: bool) -> Role {
    flights.join(&key(n), may_lead, LIMITS, unpurged)
}

/// A leader whose handler has been called.
fn leader(flights: &Flights) -> Leader {
    match join(flights, 1, true) {
        Role::Leader(mut leader) => {
            leader.begin(at(0));
            leader
        }
        other => panic!("{other:?}"),
    }
}

fn follow(flights: &Flights) -> Follower {
    match join(flights, 1, true) {
        Role::Follower(follower) => follower,
        other => panic!("{other:?}"),
    }
}

/// What the follower has been given by now.
fn outcome(follower: Follower) -> Option<Outcome> {
    let received = follower.into_receiver().now_or_never();
    received.map(|outcome| outcome.unwrap_or(Outcome::Alone))
}

#[test]
fn one_request_leads_and_all_followers_get_its_response() {
    let flights = Flights::new();
    let first = leader(&flights);
    let followers = [follow(&flights), follow(&flights)];
    let before = flights.publication_count(&KeyParts::of(&key(1)));
    first.publish(&published());
    for follower in followers {
        assert!(matches!(outcome(follower), Some(Outcome::Shared(_))));
    }
    assert_eq!(flights.len(), 0);
    assert!(!flights.is_current(before), "it is published");
}

#[test]
fn follower_that_joins_during_the_put_looks_again() {
    let flights = Flights::new();
    let (mut first, in_time) = (leader(&flights), follow(&flights));
    first.begin_put();
    let late = follow(&flights);
    first.publish(&published());
    assert!(matches!(outcome(in_time), Some(Outcome::Shared(_))));
    assert!(matches!(outcome(late), Some(Outcome::LookAgain)));
}

#[test]
fn follower_that_joins_during_the_put_waits_for_the_next_leader() {
    let flights = Flights::new();
    let (mut first, in_time) = (leader(&flights), follow(&flights));
    first.begin_put();
    let late = follow(&flights);
    drop(first);
    let Some(Outcome::Promoted(second)) = outcome(in_time) else { panic!("it is the next leader") };
    second.publish(&published());
    assert!(matches!(outcome(late), Some(Outcome::Shared(_))));
    // where no other follower is left, it becomes the leader
    let mut first = leader(&flights);
    first.begin_put();
    let late = follow(&flights);
    drop(first);
    assert!(matches!(outcome(late), Some(Outcome::Promoted(_))));
}

#[test]
fn flight_from_before_a_purge_takes_no_followers() {
    let flights = Flights::new();
    let join =
        |purge| flights.join(&key(1), true, LIMITS, |since: LogicalTime| number(since) < purge);
    let Role::Leader(mut old) = join(7) else { panic!("there is no flight yet") };
    let Role::Follower(waiting) = join(7) else { panic!("it has not called the handler yet") };
    old.begin(at(6));
    let Role::Leader(mut new) = join(7) else { panic!("a purge has come") };
    new.begin(at(7));
    assert!(matches!(join(7), Role::Follower(_)), "the new one began after it");
    assert!(matches!(join(8), Role::Follower(_)), "two at a time are enough");
    drop(old);
    assert!(matches!(outcome(waiting), Some(Outcome::Promoted(_))), "the role of the old one");
    let Role::Leader(mut newest) = join(8) else { panic!("the old one is over") };
    newest.begin(at(8));
    let only_follows = flights.join(&key(1), false, LIMITS, |_| true);
    assert!(matches!(only_follows, Role::Follower(_)), "what may not lead ends no flight");
}

#[test]
fn response_that_cannot_be_shared_releases_all_followers() {
    let flights = Flights::new();
    let (first, follower) = (leader(&flights), follow(&flights));
    first.release();
    assert!(matches!(outcome(follower), Some(Outcome::Alone)));
    let (first, follower) = (leader(&flights), follow(&flights));
    first.look_again();
    assert!(matches!(outcome(follower), Some(Outcome::LookAgain)));
    assert_eq!(flights.len(), 0);
}

#[test]
fn dropped_leader_is_replaced_by_the_follower_that_has_waited_longest() {
    let flights = Flights::new();
    let first = leader(&flights);
    let [gone, second, third] = [follow(&flights), follow(&flights), follow(&flights)];
    drop(gone);
    drop(first);
    let Some(Outcome::Promoted(second)) = outcome(second) else { panic!("it is the next leader") };
    // a role on its way to a follower that is dropped is handed on as well
    drop(second);
    drop(third);
    assert_eq!(flights.len(), 0, "no follower is left");
    let first = leader(&flights);
    let (second, third) = (follow(&flights), follow(&flights));
    drop(first);
    drop(second);
    assert!(matches!(outcome(third), Some(Outcome::Promoted(_))));
    assert_eq!(flights.len(), 0);
}

#[test]
fn panicked_leader_is_replaced() {
    let flights = Flights::new();
    let (first, follower) = (leader(&flights), follow(&flights));
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _first = first;
        std::panic::resume_unwind(Box::new("the handler"));
    }));
    assert!(panicked.is_err());
    assert!(matches!(outcome(follower), Some(Outcome::Promoted(_))));
}

#[test]
fn number_of_handovers_is_bounded() {
    let flights = Flights::new();
    let mut current = leader(&flights);
    let mut followers: VecDeque<_> = (0..20).map(|_| follow(&flights)).collect();
    let mut runs = 1;
    loop {
        drop(current);
        match followers.pop_front().and_then(outcome) {
            Some(Outcome::Promoted(next)) => current = next,
            other => break assert!(matches!(other, Some(Outcome::Alone)), "{other:?}"),
        }
        runs += 1;
    }
    assert_eq!(runs, 1 + MAX_HANDOVERS);
    assert!(followers.into_iter().all(|f| matches!(outcome(f), Some(Outcome::Alone))));
    assert_eq!(flights.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn slow_handler_gets_additional_leaders_one_by_one() {
    let flights = Flights::new();
    let begun = tokio::time::Instant::now();
    let first = leader(&flights);
    let outcomes = (0..4).map(|_| Box::pin(follow(&flights).outcome(None)));
    let (one, _, rest) = futures_util::future::select_all(outcomes).await;
    let Outcome::Promoted(mut second) = one else { panic!("{one:?}") };
    assert_eq!(begun.elapsed(), TIMEOUT);
    assert!(second.needs_no_lease());
    second.begin(at(1));
    // with two leaders no other follower is promoted, however long it takes
    let mut rest = futures_util::future::join_all(rest);
    assert!(tokio::time::timeout(10 * TIMEOUT, &mut rest).await.is_err());
    // the one that ends first publishes for all
    second.publish(&published());
    let rest = rest.await;
    assert!(rest.iter().all(|outcome| matches!(outcome, Outcome::Shared(_))), "{rest:?}");
    first.publish(&published());
    assert_eq!(flights.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn request_that_joins_a_slow_flight_leads_at_once() {
    let flights = Flights::new();
    let _first = leader(&flights);
    tokio::time::advance(TIMEOUT).await;
    let begun = tokio::time::Instant::now();
    assert!(matches!(follow(&flights).outcome(None).await, Outcome::Promoted(_)));
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn long_stream_is_not_waited_for() {
    let flights = Flights::new();
    let mut first = leader(&flights);
    let follower = follow(&flights);
    first.set_streaming();
    let begun = tokio::time::Instant::now();
    assert!(matches!(follower.outcome(None).await, Outcome::LongStream));
    assert_eq!(begun.elapsed(), TIMEOUT);
    assert!(matches!(follow(&flights).outcome(None).await, Outcome::LongStream));
    assert_eq!(begun.elapsed(), TIMEOUT, "a later one does not wait at all");
}

#[tokio::test(start_paused = true)]
async fn stream_of_a_dropped_leader_is_not_waited_for() {
    let flights = Flights::new();
    let mut first = leader(&flights);
    let follower = follow(&flights);
    tokio::time::advance(TIMEOUT).await;
    let Outcome::Promoted(mut second) = follow(&flights).outcome(None).await else {
        panic!("slow")
    };
    second.begin(at(1));
    first.set_streaming();
    drop(first);
    assert!(matches!(follower.outcome(None).await, Outcome::Promoted(_)), "the second may publish");
}

#[tokio::test(start_paused = true)]
async fn no_additional_leader_while_the_leader_waits_for_a_lease() {
    let flights = Flights::new();
    let first = leader(&flights);
    first.set_waits_for_lease(true);
    let mut waiting = Box::pin(follow(&flights).outcome(None));
    assert!(tokio::time::timeout(3 * TIMEOUT, &mut waiting).await.is_err());
    first.set_waits_for_lease(false);
    assert!(matches!(waiting.await, Outcome::Promoted(_)));
}

#[test]
fn purged_response_is_shared_with_followers_from_before_its_handler_call() {
    let flights = Flights::new();
    let (first, [one, two, three]) = (leader(&flights), [(); 3].map(|()| follow(&flights)));
    first.publish_purged(&published());
    let Some(Outcome::Promoted(mut second)) = outcome(one) else { panic!("one calls it again") };
    second.begin(at(1));
    let late = follow(&flights);
    second.publish_purged(&published());
    for earlier in [two, three] {
        assert!(matches!(outcome(earlier), Some(Outcome::Shared(_))));
    }
    assert!(matches!(outcome(late), Some(Outcome::Promoted(_))));
    assert_eq!(flights.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn unstored_response_is_shared_with_followers_of_one_second() {
    let flights = Flights::new();
    let first = leader(&flights);
    tokio::time::advance(Duration::from_secs(1)).await;
    let soon = follow(&flights);
    tokio::time::advance(Duration::from_millis(1)).await;
    let late = follow(&flights);
    first.publish_unstored(&published());
    assert!(matches!(outcome(soon), Some(Outcome::Shared(_))));
    assert!(matches!(outcome(late), Some(Outcome::Promoted(_))));
}

#[tokio::test(start_paused = true)]
async fn slow_response_that_cannot_be_shared_releases_all_followers() {
    for (after, is_released) in [(50, false), (300, true)] {
        let flights = Flights::new();
        let (first, followers) = (leader(&flights), [follow(&flights), follow(&flights)]);
        tokio::time::advance(Duration::from_millis(after)).await;
        first.retry();
        let [one, two] = followers.map(outcome);
        assert_eq!(matches!(one, Some(Outcome::Alone)), is_released, "{one:?}");
        assert_eq!(matches!(two, Some(Outcome::Alone)), is_released, "{two:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn failed_handler_is_called_once_more_for_all() {
    for panics in [false, true] {
        let fail = |leader: Leader| {
            let fails = std::panic::AssertUnwindSafe(|| {
                if !panics {
                    return leader.fail();
                }
                let _lead = leader;
                std::panic::resume_unwind(Box::new("the handler"));
            });
            assert_eq!(std::panic::catch_unwind(fails).is_err(), panics);
        };
        let flights = Flights::new();
        let (first, [one, two, three]) = (leader(&flights), [(); 3].map(|()| follow(&flights)));
        tokio::time::advance(Duration::from_millis(300)).await;
        fail(first);
        let Some(Outcome::Promoted(second)) = outcome(one) else { panic!("one calls it again") };
        tokio::time::advance(Duration::from_millis(300)).await;
        fail(second);
        for follower in [two, three] {
            assert!(matches!(outcome(follower), Some(Outcome::Alone)), "panics: {panics}");
        }
        assert_eq!(flights.len(), 0);
    }
}

#[test]
fn request_that_may_not_lead_follows_or_goes_alone() {
    let flights = Flights::new();
    assert!(matches!(join(&flights, 1, false), Role::Alone));
    let _lead = leader(&flights);
    assert!(matches!(join(&flights, 1, false), Role::Follower(_)));
}

#[test]
fn flights_and_followers_are_bounded() {
    let flights = Flights::new();
    let _lead = leader(&flights);
    let mut followers: Vec<_> = (0..MAX_FOLLOWERS).map(|_| follow(&flights)).collect();
    assert!(matches!(join(&flights, 1, true), Role::Alone));
    followers.pop();
    followers.push(follow(&flights));

    let others = (2..=MAX_FLIGHTS).map(|n| join(&flights, n, true));
    let others: Vec<_> = others.collect();
    assert!(others.iter().all(|role| matches!(role, Role::Leader(_))));
    assert!(matches!(join(&flights, 0, true), Role::Alone));
}

#[tokio::test(start_paused = true)]
async fn wait_ends_at_its_timeout() {
    let flights = Flights::new();
    let _lead = leader(&flights);
    let begun = tokio::time::Instant::now();
    let timeout = Duration::from_secs(2);
    assert!(matches!(follow(&flights).outcome(Some(timeout)).await, Outcome::TimedOut));
    assert_eq!(begun.elapsed(), timeout);
}

#[test]
fn every_follower_gets_an_outcome_with_many_threads() {
    let flights = Flights::new();
    std::thread::scope(|scope| {
        for seed in 0..4_usize {
            let flights = &flights;
            scope.spawn(move || {
                for n in 0..2_000_usize {
                    match join(flights, n % 3, true) {
                        Role::Leader(leader) => match (n + seed) % 4 {
                            0 => leader.publish(&published()),
                            1 => leader.release(),
                            _ => drop(leader),
                        },
                        Role::Follower(follower) if (n + seed) % 2 == 0 => drop(follower),
                        Role::Follower(follower) => {
                            // a role that is handed to it ends here
                            let _ = wait_for(follower);
                        }
                        Role::Alone => {}
                    }
                }
            });
        }
    });
    assert_eq!(flights.len(), 0);
}

/// Waits for the follower's outcome without a bound: without an outcome, the test would hang.
fn wait_for(follower: Follower) -> Option<Outcome> {
    follower.into_receiver().blocking_recv().ok()
}
