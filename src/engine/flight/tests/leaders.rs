//! Tests of leaders: how a flight ends, and when a follower becomes its leader.

use super::*;

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
