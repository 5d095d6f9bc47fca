//! That each follower gets an outcome. Here are the flights that the tests have in common.

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

mod followers;
mod leaders;
mod orders;
