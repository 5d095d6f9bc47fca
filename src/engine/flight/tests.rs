//! Tests of flights: who leads, who waits, and that nobody is forgotten.

use futures_util::FutureExt as _;

use super::*;
use crate::{
    entry::{Kind, Selecting},
    key::KeyBuilder,
    purge::Mark,
    semantics::date::Timestamp,
};

const LONGEST: Duration = Duration::from_secs(5);

fn key(n: usize) -> CacheKey {
    KeyBuilder::new(false, "h", &format!("/{n}"), None).finish()
}

fn flights() -> Flights {
    Flights::new(Clock::manual())
}

fn landed() -> Landed {
    let entry = Entry {
        key: key(1),
        since: Mark::default(),
        groups: vec![],
        kind: Kind::Varies(Selecting::default()),
    };
    Landed { entry: Arc::new(entry), url: key(1), selecting: Selecting::default() }
}

fn unpurged(_: Mark) -> bool {
    false
}

fn lead(flights: &Flights) -> Lead {
    match flights.enter(&key(1), true, LONGEST, unpurged) {
        Entered::Lead(lead) => lead,
        other => panic!("{other:?}"),
    }
}

fn follow(flights: &Flights) -> Follower {
    match flights.enter(&key(1), true, LONGEST, unpurged) {
        Entered::Follow(follower) => follower,
        other => panic!("{other:?}"),
    }
}

/// What the follower has been told by now.
fn told(follower: Follower) -> Option<Landing> {
    follower.0.now_or_never().map(|told| told.unwrap_or(Landing::Alone))
}

#[test]
fn one_leads_and_all_get_what_it_stored() {
    let flights = flights();
    let first = lead(&flights);
    let followers = [follow(&flights), follow(&flights)];
    let before = flights.landed(&key(1));
    first.land(landed());
    for follower in followers {
        assert!(matches!(told(follower), Some(Landing::Stored(_))));
    }
    assert_eq!((flights.len(), flights.landed(&key(1))), (0, before + 1));
}

#[test]
fn follower_during_put_looks_again() {
    let flights = flights();
    let (first, in_time) = (lead(&flights), follow(&flights));
    first.close();
    let late = follow(&flights);
    first.land(landed());
    assert!(matches!(told(in_time), Some(Landing::Stored(_))));
    assert!(matches!(told(late), Some(Landing::LookAgain)));
}

#[test]
fn late_follower_joins_the_next_run() {
    let flights = flights();
    let (first, in_time) = (lead(&flights), follow(&flights));
    first.close();
    let late = follow(&flights);
    drop(first);
    let Some(Landing::Lead(second)) = told(in_time) else { panic!("the lead is handed on") };
    second.land(landed());
    assert!(matches!(told(late), Some(Landing::Stored(_))));
    // where no other follower is left, it leads itself
    let first = lead(&flights);
    first.close();
    let late = follow(&flights);
    drop(first);
    assert!(matches!(told(late), Some(Landing::Lead(_))));
}

#[test]
fn a_flight_that_began_before_a_purge_takes_no_followers() {
    let flights = flights();
    let enter = |purge: u64| flights.enter(&key(1), true, LONGEST, |since| since.number() < purge);
    let (old, waiting) = (lead(&flights), follow(&flights));
    assert!(matches!(enter(7), Entered::Follow(_)), "it has not asked the handler yet");
    old.begin(Mark::new(6));
    let Entered::Lead(new) = enter(7) else { panic!("a purge has come") };
    new.begin(Mark::new(7));
    assert!(matches!(enter(7), Entered::Follow(_)), "the new one began after it");
    assert!(matches!(enter(8), Entered::Follow(_)), "two at a time are enough");
    drop(old);
    assert!(matches!(told(waiting), Some(Landing::Lead(_))), "the lead of the old one");
    let Entered::Lead(newest) = enter(8) else { panic!("the old one is over") };
    newest.begin(Mark::new(8));
    let only_follows = flights.enter(&key(1), false, LONGEST, |_| true);
    assert!(matches!(only_follows, Entered::Follow(_)), "what may not lead ends no flight");
}

#[test]
fn what_cannot_be_shared_releases_everybody() {
    let flights = flights();
    let (first, follower) = (lead(&flights), follow(&flights));
    first.release();
    assert!(matches!(told(follower), Some(Landing::Alone)));
    let (first, follower) = (lead(&flights), follow(&flights));
    first.look_again();
    assert!(matches!(told(follower), Some(Landing::LookAgain)));
    assert_eq!(flights.len(), 0);
}

#[test]
fn a_lead_that_is_dropped_goes_to_who_has_waited_longest_and_is_there() {
    let flights = flights();
    let first = lead(&flights);
    let [gone, second, third] = [follow(&flights), follow(&flights), follow(&flights)];
    drop(gone);
    drop(first);
    let Some(Landing::Lead(second)) = told(second) else { panic!("the lead was not handed on") };
    // a lead that is on its way to somebody who is gone goes on as well
    drop(second);
    drop(third);
    assert_eq!(flights.len(), 0, "nobody is left");
    let first = lead(&flights);
    let (second, third) = (follow(&flights), follow(&flights));
    drop(first);
    drop(second);
    assert!(matches!(told(third), Some(Landing::Lead(_))));
    assert_eq!(flights.len(), 0);
}

#[test]
fn a_lead_in_a_panic_is_handed_on() {
    let flights = flights();
    let (first, follower) = (lead(&flights), follow(&flights));
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _first = first;
        std::panic::resume_unwind(Box::new("the handler"));
    }));
    assert!(panicked.is_err());
    assert!(matches!(told(follower), Some(Landing::Lead(_))));
}

#[test]
fn handing_on_is_bounded() {
    let flights = flights();
    let mut current = lead(&flights);
    let mut followers: VecDeque<_> = (0..20).map(|_| follow(&flights)).collect();
    let mut runs = 1;
    loop {
        drop(current);
        match followers.pop_front().and_then(told) {
            Some(Landing::Lead(next)) => current = next,
            other => break assert!(matches!(other, Some(Landing::Alone)), "{other:?}"),
        }
        runs += 1;
    }
    assert_eq!(runs, 1 + MOST_HANDOVERS);
    assert!(followers.into_iter().all(|f| matches!(told(f), Some(Landing::Alone))));
    assert_eq!(flights.len(), 0);
}

#[test]
fn an_old_flight_is_not_joined_and_keeps_its_followers() {
    let clock = Clock::manual();
    let flights = Flights::new(clock.clone());
    let (old, waiting) = (lead(&flights), follow(&flights));
    clock.advance(LONGEST);
    let (new, late) = (lead(&flights), follow(&flights));
    old.land(landed());
    assert!(matches!(told(waiting), Some(Landing::Stored(_))));
    assert_eq!(flights.len(), 1, "the new one is still under way");
    new.land(landed());
    assert!(matches!(told(late), Some(Landing::Stored(_))));
}

#[test]
fn flight_ages_by_time_that_passes_however_the_wall_clock_is_set() {
    for to in [i64::MIN, i64::MAX] {
        let clock = Clock::manual();
        let flights = Flights::new(clock.clone());
        let _old = lead(&flights);
        clock.set(Timestamp::from_millis(to));
        let _waiting = follow(&flights);
        clock.advance(LONGEST);
        lead(&flights);
    }
}

#[test]
fn what_may_not_lead_follows_or_goes_alone() {
    let flights = flights();
    assert!(matches!(flights.enter(&key(1), false, LONGEST, unpurged), Entered::Alone));
    let _lead = lead(&flights);
    assert!(matches!(flights.enter(&key(1), false, LONGEST, unpurged), Entered::Follow(_)));
}

#[test]
fn flights_and_followers_are_bounded() {
    let flights = flights();
    let _lead = lead(&flights);
    let mut followers: Vec<_> = (0..MOST_FOLLOWERS).map(|_| follow(&flights)).collect();
    assert!(matches!(flights.enter(&key(1), true, LONGEST, unpurged), Entered::Alone));
    followers.pop();
    followers.push(follow(&flights));

    let others = (2..=MOST_FLIGHTS).map(|n| flights.enter(&key(n), true, LONGEST, unpurged));
    let others: Vec<_> = others.collect();
    assert!(others.iter().all(|entered| matches!(entered, Entered::Lead(_))));
    assert!(matches!(flights.enter(&key(0), true, LONGEST, unpurged), Entered::Alone));
}

#[tokio::test(start_paused = true)]
async fn a_wait_has_its_bound() {
    let flights = flights();
    let _lead = lead(&flights);
    let begun = tokio::time::Instant::now();
    assert!(matches!(follow(&flights).landing(LONGEST).await, Landing::Late));
    assert_eq!(begun.elapsed(), LONGEST);
}

#[test]
fn from_many_threads_nobody_is_forgotten() {
    let flights = flights();
    std::thread::scope(|scope| {
        for seed in 0..4_usize {
            let flights = &flights;
            scope.spawn(move || {
                for n in 0..2_000_usize {
                    match flights.enter(&key(n % 3), true, LONGEST, unpurged) {
                        Entered::Lead(lead) => match (n + seed) % 4 {
                            0 => lead.land(landed()),
                            1 => lead.release(),
                            _ => drop(lead),
                        },
                        Entered::Follow(follower) if (n + seed) % 2 == 0 => drop(follower),
                        Entered::Follow(follower) => {
                            // a lead that comes this way ends here
                            let _ = wait_for(follower);
                        }
                        Entered::Alone => {}
                    }
                }
            });
        }
    });
    assert_eq!(flights.len(), 0);
}

/// Waits for the follower's landing without a bound: were it forgotten, the test would hang.
fn wait_for(follower: Follower) -> Option<Landing> {
    follower.0.blocking_recv().ok()
}
