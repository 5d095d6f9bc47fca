//! Tests of followers: when a request waits, and what it gets.

use super::*;

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
