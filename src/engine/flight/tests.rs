//! Tests of flights: who leads, who waits, and that nobody is forgotten.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use futures_util::FutureExt as _;

use super::{
    join::MAX_FLIGHTS,
    state::{MAX_FOLLOWERS, MAX_HANDOVERS},
    *,
};
use crate::{
    entry::{Entry, Kind, Selecting},
    key::{CacheKey, KeyBuilder},
    purge::PurgeNumber,
};

const TIMEOUT: Duration = Duration::from_secs(5);
const COALESCING: Coalescing = Coalescing { timeout: TIMEOUT, max_leaders: 2 };

fn key(n: usize) -> CacheKey {
    KeyBuilder::new(false, "h", &format!("/{n}"), None).finish()
}

fn published() -> Published {
    let entry = Entry {
        key: key(1),
        since: PurgeNumber::default(),
        groups: vec![],
        kind: Kind::Varies(Selecting::default()),
    };
    Published {
        entry: Arc::new(entry),
        url: key(1),
        selecting: Selecting::default(),
        stored: Ok(()),
    }
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

fn enter(flights: &Flights, n: usize, may_lead: bool) -> Role {
    flights.enter(&key(n), may_lead, COALESCING, unpurged)
}

/// A leader whose handler has been called.
fn lead(flights: &Flights) -> Lead {
    match enter(flights, 1, true) {
        Role::Lead(mut lead) => {
            lead.begin(at(0));
            lead
        }
        other => panic!("{other:?}"),
    }
}

fn follow(flights: &Flights) -> Follower {
    match enter(flights, 1, true) {
        Role::Follow(follower) => follower,
        other => panic!("{other:?}"),
    }
}

/// What the follower has been given by now.
fn outcome(follower: Follower) -> Option<Outcome> {
    let received = follower.into_receiver().now_or_never();
    received.map(|outcome| outcome.unwrap_or(Outcome::Alone))
}

#[test]
fn one_leads_and_all_get_what_it_stored() {
    let flights = Flights::new();
    let first = lead(&flights);
    let followers = [follow(&flights), follow(&flights)];
    let before = flights.published(&key(1));
    first.publish(published());
    for follower in followers {
        assert!(matches!(outcome(follower), Some(Outcome::Shared(_))));
    }
    assert_eq!((flights.len(), flights.published(&key(1))), (0, before + 1));
}

#[test]
fn follower_during_put_looks_again() {
    let flights = Flights::new();
    let (mut first, in_time) = (lead(&flights), follow(&flights));
    first.close();
    let late = follow(&flights);
    first.publish(published());
    assert!(matches!(outcome(in_time), Some(Outcome::Shared(_))));
    assert!(matches!(outcome(late), Some(Outcome::LookAgain)));
}

#[test]
fn late_follower_joins_the_next_run() {
    let flights = Flights::new();
    let (mut first, in_time) = (lead(&flights), follow(&flights));
    first.close();
    let late = follow(&flights);
    drop(first);
    let Some(Outcome::Lead(second)) = outcome(in_time) else { panic!("the lead is handed on") };
    second.publish(published());
    assert!(matches!(outcome(late), Some(Outcome::Shared(_))));
    // where no other follower is left, it leads itself
    let mut first = lead(&flights);
    first.close();
    let late = follow(&flights);
    drop(first);
    assert!(matches!(outcome(late), Some(Outcome::Lead(_))));
}

#[test]
fn a_flight_that_began_before_a_purge_takes_no_followers() {
    let flights = Flights::new();
    let enter = |purge| {
        flights.enter(&key(1), true, COALESCING, |since: LogicalTime| number(since) < purge)
    };
    let Role::Lead(mut old) = enter(7) else { panic!("there is no flight yet") };
    let Role::Follow(waiting) = enter(7) else { panic!("it has not called the handler yet") };
    old.begin(at(6));
    let Role::Lead(mut new) = enter(7) else { panic!("a purge has come") };
    new.begin(at(7));
    assert!(matches!(enter(7), Role::Follow(_)), "the new one began after it");
    assert!(matches!(enter(8), Role::Follow(_)), "two at a time are enough");
    drop(old);
    assert!(matches!(outcome(waiting), Some(Outcome::Lead(_))), "the role of the old one");
    let Role::Lead(mut newest) = enter(8) else { panic!("the old one is over") };
    newest.begin(at(8));
    let only_follows = flights.enter(&key(1), false, COALESCING, |_| true);
    assert!(matches!(only_follows, Role::Follow(_)), "what may not lead ends no flight");
}

#[test]
fn what_cannot_be_shared_releases_everybody() {
    let flights = Flights::new();
    let (first, follower) = (lead(&flights), follow(&flights));
    first.release();
    assert!(matches!(outcome(follower), Some(Outcome::Alone)));
    let (first, follower) = (lead(&flights), follow(&flights));
    first.look_again();
    assert!(matches!(outcome(follower), Some(Outcome::LookAgain)));
    assert_eq!(flights.len(), 0);
}

#[test]
fn a_lead_that_is_dropped_goes_to_who_has_waited_longest_and_is_there() {
    let flights = Flights::new();
    let first = lead(&flights);
    let [gone, second, third] = [follow(&flights), follow(&flights), follow(&flights)];
    drop(gone);
    drop(first);
    let Some(Outcome::Lead(second)) = outcome(second) else { panic!("the lead was not handed on") };
    // a lead that is on its way to somebody who is gone goes on as well
    drop(second);
    drop(third);
    assert_eq!(flights.len(), 0, "nobody is left");
    let first = lead(&flights);
    let (second, third) = (follow(&flights), follow(&flights));
    drop(first);
    drop(second);
    assert!(matches!(outcome(third), Some(Outcome::Lead(_))));
    assert_eq!(flights.len(), 0);
}

#[test]
fn a_lead_in_a_panic_is_handed_on() {
    let flights = Flights::new();
    let (first, follower) = (lead(&flights), follow(&flights));
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _first = first;
        std::panic::resume_unwind(Box::new("the handler"));
    }));
    assert!(panicked.is_err());
    assert!(matches!(outcome(follower), Some(Outcome::Lead(_))));
}

#[test]
fn handing_on_is_bounded() {
    let flights = Flights::new();
    let mut current = lead(&flights);
    let mut followers: VecDeque<_> = (0..20).map(|_| follow(&flights)).collect();
    let mut runs = 1;
    loop {
        drop(current);
        match followers.pop_front().and_then(outcome) {
            Some(Outcome::Lead(next)) => current = next,
            other => break assert!(matches!(other, Some(Outcome::Alone)), "{other:?}"),
        }
        runs += 1;
    }
    assert_eq!(runs, 1 + MAX_HANDOVERS);
    assert!(followers.into_iter().all(|f| matches!(outcome(f), Some(Outcome::Alone))));
    assert_eq!(flights.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn slow_handlers_get_further_leaders_one_by_one() {
    let flights = Flights::new();
    let begun = tokio::time::Instant::now();
    let first = lead(&flights);
    let outcomes = (0..4).map(|_| Box::pin(follow(&flights).outcome(None)));
    let (one, _, rest) = futures_util::future::select_all(outcomes).await;
    let Outcome::Lead(mut second) = one else { panic!("{one:?}") };
    assert_eq!(begun.elapsed(), TIMEOUT);
    assert!(second.needs_no_lease());
    second.begin(at(1));
    // two are enough: no other one is promoted, however long it takes
    let mut rest = futures_util::future::join_all(rest);
    assert!(tokio::time::timeout(10 * TIMEOUT, &mut rest).await.is_err());
    // the one that ends first publishes for all
    second.publish(published());
    let rest = rest.await;
    assert!(rest.iter().all(|outcome| matches!(outcome, Outcome::Shared(_))), "{rest:?}");
    first.publish(published());
    assert_eq!(flights.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn who_joins_a_slow_flight_leads_at_once() {
    let flights = Flights::new();
    let _first = lead(&flights);
    tokio::time::advance(TIMEOUT).await;
    let begun = tokio::time::Instant::now();
    assert!(matches!(follow(&flights).outcome(None).await, Outcome::Lead(_)));
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_long_stream_is_not_waited_for() {
    let flights = Flights::new();
    let mut first = lead(&flights);
    let follower = follow(&flights);
    first.streams();
    let begun = tokio::time::Instant::now();
    assert!(matches!(follower.outcome(None).await, Outcome::LongStream));
    assert_eq!(begun.elapsed(), TIMEOUT);
    assert!(matches!(follow(&flights).outcome(None).await, Outcome::LongStream));
    assert_eq!(begun.elapsed(), TIMEOUT, "a later one does not wait at all");
}

#[tokio::test(start_paused = true)]
async fn stream_whose_leader_has_gone_is_not_waited_for_in_vain() {
    let flights = Flights::new();
    let mut first = lead(&flights);
    let follower = follow(&flights);
    tokio::time::advance(TIMEOUT).await;
    let Outcome::Lead(mut second) = follow(&flights).outcome(None).await else { panic!("slow") };
    second.begin(at(1));
    first.streams();
    drop(first);
    assert!(matches!(follower.outcome(None).await, Outcome::Lead(_)), "the second may publish");
}

#[tokio::test(start_paused = true)]
async fn no_further_leader_while_another_process_is_waited_for() {
    let flights = Flights::new();
    let first = lead(&flights);
    first.waits_elsewhere(true);
    let mut waiting = Box::pin(follow(&flights).outcome(None));
    assert!(tokio::time::timeout(3 * TIMEOUT, &mut waiting).await.is_err());
    first.waits_elsewhere(false);
    assert!(matches!(waiting.await, Outcome::Lead(_)));
}

#[test]
fn a_purged_response_is_for_those_who_came_before_its_handler_was_called() {
    let flights = Flights::new();
    let (first, [one, two, three]) = (lead(&flights), [(); 3].map(|()| follow(&flights)));
    first.publish_purged(published());
    let Some(Outcome::Lead(mut second)) = outcome(one) else { panic!("one calls it again") };
    second.begin(at(1));
    let late = follow(&flights);
    second.publish_purged(published());
    for earlier in [two, three] {
        assert!(matches!(outcome(earlier), Some(Outcome::Shared(_))));
    }
    assert!(matches!(outcome(late), Some(Outcome::Lead(_))));
    assert_eq!(flights.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn without_the_store_a_response_is_for_those_who_came_within_a_second() {
    let flights = Flights::new();
    let first = lead(&flights);
    tokio::time::advance(Duration::from_secs(1)).await;
    let soon = follow(&flights);
    tokio::time::advance(Duration::from_millis(1)).await;
    let late = follow(&flights);
    first.publish_unstored(published());
    assert!(matches!(outcome(soon), Some(Outcome::Shared(_))));
    assert!(matches!(outcome(late), Some(Outcome::Lead(_))));
}

#[tokio::test(start_paused = true)]
async fn slow_response_that_cannot_be_shared_releases_all_followers() {
    for (after, is_released) in [(50, false), (300, true)] {
        let flights = Flights::new();
        let (first, followers) = (lead(&flights), [follow(&flights), follow(&flights)]);
        tokio::time::advance(Duration::from_millis(after)).await;
        first.retry();
        let [one, two] = followers.map(outcome);
        assert_eq!(matches!(one, Some(Outcome::Alone)), is_released, "{one:?}");
        assert_eq!(matches!(two, Some(Outcome::Alone)), is_released, "{two:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_fails_is_called_once_more_for_all() {
    for panics in [false, true] {
        let fail = |lead: Lead| {
            let fails = std::panic::AssertUnwindSafe(|| {
                if !panics {
                    return lead.fail();
                }
                let _lead = lead;
                std::panic::resume_unwind(Box::new("the handler"));
            });
            assert_eq!(std::panic::catch_unwind(fails).is_err(), panics);
        };
        let flights = Flights::new();
        let (first, [one, two, three]) = (lead(&flights), [(); 3].map(|()| follow(&flights)));
        tokio::time::advance(Duration::from_millis(300)).await;
        fail(first);
        let Some(Outcome::Lead(second)) = outcome(one) else { panic!("one calls it again") };
        tokio::time::advance(Duration::from_millis(300)).await;
        fail(second);
        for follower in [two, three] {
            assert!(matches!(outcome(follower), Some(Outcome::Alone)), "panics: {panics}");
        }
        assert_eq!(flights.len(), 0);
    }
}

#[test]
fn what_may_not_lead_follows_or_goes_alone() {
    let flights = Flights::new();
    assert!(matches!(enter(&flights, 1, false), Role::Alone));
    let _lead = lead(&flights);
    assert!(matches!(enter(&flights, 1, false), Role::Follow(_)));
}

#[test]
fn flights_and_followers_are_bounded() {
    let flights = Flights::new();
    let _lead = lead(&flights);
    let mut followers: Vec<_> = (0..MAX_FOLLOWERS).map(|_| follow(&flights)).collect();
    assert!(matches!(enter(&flights, 1, true), Role::Alone));
    followers.pop();
    followers.push(follow(&flights));

    let others = (2..=MAX_FLIGHTS).map(|n| enter(&flights, n, true));
    let others: Vec<_> = others.collect();
    assert!(others.iter().all(|entered| matches!(entered, Role::Lead(_))));
    assert!(matches!(enter(&flights, 0, true), Role::Alone));
}

#[tokio::test(start_paused = true)]
async fn a_wait_has_its_bound_where_one_is_given() {
    let flights = Flights::new();
    let _lead = lead(&flights);
    let begun = tokio::time::Instant::now();
    let patience = Duration::from_secs(2);
    assert!(matches!(follow(&flights).outcome(Some(patience)).await, Outcome::TimedOut));
    assert_eq!(begun.elapsed(), patience);
}

#[test]
fn from_many_threads_nobody_is_forgotten() {
    let flights = Flights::new();
    std::thread::scope(|scope| {
        for seed in 0..4_usize {
            let flights = &flights;
            scope.spawn(move || {
                for n in 0..2_000_usize {
                    match enter(flights, n % 3, true) {
                        Role::Lead(lead) => match (n + seed) % 4 {
                            0 => lead.publish(published()),
                            1 => lead.release(),
                            _ => drop(lead),
                        },
                        Role::Follow(follower) if (n + seed) % 2 == 0 => drop(follower),
                        Role::Follow(follower) => {
                            // a lead that comes this way ends here
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

/// Waits for the follower's outcome without a bound: were it forgotten, the test would hang.
fn wait_for(follower: Follower) -> Option<Outcome> {
    follower.into_receiver().blocking_recv().ok()
}
