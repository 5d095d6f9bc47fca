//! Every order in which requests, the steps of their handler calls, and purges can come, and what holds after
//! each of them. A step takes the locks of a flight, so that threads make these orders of them; how a role
//! goes on whose follower leaves in the midst of the hand-over is in `leaders`.

use std::{collections::HashSet, sync::Weak};

use tokio::sync::oneshot::{Receiver, error::TryRecvError};

use super::*;

const REQUESTS: usize = 4;
const PURGES: u64 = 2;

/// What happens next; requests have numbers in the order in which they came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// A request finds nothing stored.
    Arrive,
    /// Everything is purged.
    Purge,
    /// The leader calls its handler.
    Begin(usize),
    /// The handler has responded, and the response is about to be stored.
    BeginPut(usize),
    /// The response is stored, or refused as a purge has come since.
    Publish(usize),
    /// The response cannot be shared.
    Release(usize),
    /// The handler has failed without a response.
    Fail(usize),
    /// The request takes what it has been sent.
    Receive(usize),
    /// The request is dropped, as its client has gone.
    Drop(usize),
}

enum Request {
    /// It leads. With the number of purges when it called its handler, if it has, and whether its response is
    /// being stored.
    Leads(Leader, Option<u64>, bool),
    /// It waits. `came_at` is the number of purges when it came.
    Waits { flight: Arc<state::Flight>, number: u64, receiver: Receiver<Outcome>, came_at: u64 },
    /// It has been sent this outcome, and has not received it yet. With the number of purges when it came.
    Sent(Outcome, u64),
    /// It has its response, or calls the handler for itself, or has gone.
    Done,
}

struct World {
    flights: Flights,
    purges: u64,
    requests: Vec<Request>,
}

impl World {
    fn after(steps: &[Step]) -> Self {
        let mut world = Self { flights: Flights::new(), purges: 0, requests: Vec::new() };
        for step in steps {
            world.take(*step);
            world.deliver();
        }
        world.check(steps);
        world
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Arrive => self.arrive(),
            Step::Purge => self.purges += 1,
            Step::Begin(number) => {
                let purges = self.purges;
                if let Request::Leads(leader, since, _) = &mut self.requests[number] {
                    leader.begin(at(purges));
                    *since = Some(purges);
                }
            }
            Step::BeginPut(number) => {
                if let Request::Leads(leader, _, is_put) = &mut self.requests[number] {
                    leader.begin_put();
                    *is_put = true;
                }
            }
            Step::Publish(number) => self.publish(number),
            Step::Release(number) => self.leader(number).release(),
            Step::Fail(number) => self.leader(number).fail(),
            Step::Receive(number) => self.receive(number),
            Step::Drop(number) => drop(self.ended(number)),
        }
    }

    fn ended(&mut self, number: usize) -> Request {
        std::mem::replace(&mut self.requests[number], Request::Done)
    }

    fn leader(&mut self, number: usize) -> Leader {
        match self.ended(number) {
            Request::Leads(leader, ..) => leader,
            _ => panic!("{number} does not lead"),
        }
    }

    fn arrive(&mut self) {
        let purges = self.purges;
        let is_purged = |since| number(since) < purges;
        self.requests.push(match self.flights.join(&key(1), true, LIMITS, is_purged) {
            Role::Leader(leader) => Request::Leads(leader, None, false),
            Role::Follower(follower) => Request::Waits {
                flight: Arc::clone(&follower.flight),
                number: follower.number,
                receiver: follower.into_receiver(),
                came_at: purges,
            },
            Role::Alone => Request::Done,
        });
    }

    /// As the engine does when the store has kept the response, or refused it because of a purge.
    fn publish(&mut self, number: usize) {
        let Request::Leads(leader, since, _) = self.ended(number) else { return };
        let since = since.expect("its handler was called");
        let published = published_since(since);
        if since < self.purges {
            leader.publish_purged(&published);
        } else {
            leader.publish(&published);
        }
    }

    fn receive(&mut self, number: usize) {
        let Request::Sent(outcome, came_at) = self.ended(number) else { return };
        match outcome {
            Outcome::Promoted(leader) => {
                self.requests[number] = Request::Leads(leader, None, false);
            }
            Outcome::Shared(published) => {
                let since = published.entry.since.number();
                assert!(since >= came_at, "it had been purged before the request came");
            }
            Outcome::LookAgain | Outcome::Alone | Outcome::LongStream | Outcome::TimedOut => {}
        }
    }

    /// Notes what requests have been sent: one outcome each, as a sender sends once.
    fn deliver(&mut self) {
        for request in &mut self.requests {
            let Request::Waits { receiver, came_at, .. } = request else { continue };
            let came_at = *came_at;
            match receiver.try_recv() {
                Err(TryRecvError::Empty) => {}
                Ok(outcome) => *request = Request::Sent(outcome, came_at),
                Err(TryRecvError::Closed) => *request = Request::Sent(Outcome::Alone, came_at),
            }
        }
    }

    /// The flights of those that lead, or are about to.
    fn led(&self) -> Vec<&Arc<state::Flight>> {
        let led = self.requests.iter().filter_map(|request| match request {
            Request::Leads(leader, ..) | Request::Sent(Outcome::Promoted(leader), _) => {
                Some(&leader.flight)
            }
            _ => None,
        });
        led.collect()
    }

    fn check(&self, steps: &[Step]) {
        let led = self.led();
        let leaders = |flight| led.iter().filter(|led| Arc::ptr_eq(led, flight)).count();
        for flight in &led {
            // none is slow, so no additional one begins
            assert_eq!(leaders(flight), 1, "one handler call for a flight: {steps:?}");
        }
        for request in &self.requests {
            if let Request::Waits { flight, .. } = request {
                assert_eq!(leaders(flight), 1, "it waits for somebody: {steps:?}");
            }
        }
        // one may have begun before a purge, and one after
        assert!(led.len() <= 2, "{steps:?}");
    }

    fn next_steps(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        if self.requests.len() < REQUESTS {
            steps.push(Step::Arrive);
        }
        if self.purges < PURGES {
            steps.push(Step::Purge);
        }
        for (number, request) in self.requests.iter().enumerate() {
            steps.extend(match request {
                Request::Leads(_, None, _) => vec![Step::Begin(number), Step::Drop(number)],
                Request::Leads(_, Some(_), false) => vec![
                    Step::BeginPut(number),
                    Step::Release(number),
                    Step::Fail(number),
                    Step::Drop(number),
                ],
                Request::Leads(_, Some(_), true) => vec![Step::Publish(number)],
                Request::Waits { .. } => vec![Step::Drop(number)],
                Request::Sent(..) => vec![Step::Receive(number), Step::Drop(number)],
                Request::Done => vec![],
            });
        }
        steps
    }

    /// All that what follows depends on, as text.
    fn signature(&self) -> String {
        let mut flights = Vec::new();
        let mut place = |flight: &Arc<state::Flight>| {
            let at = flights.iter().position(|known| Arc::ptr_eq(known, flight));
            at.unwrap_or_else(|| {
                flights.push(Arc::clone(flight));
                flights.len() - 1
            })
        };
        let requests = self.requests.iter().map(|request| match request {
            Request::Leads(leader, since, is_put) => format!(
                "leads {} {since:?} {is_put} {} {}",
                place(&leader.flight),
                leader.first_after_call,
                leader.first_after_put
            ),
            Request::Waits { flight, number, came_at, .. } => {
                format!("waits {} {number} {came_at}", place(flight))
            }
            Request::Sent(Outcome::Promoted(leader), came_at) => {
                format!("leads soon {} {came_at}", place(&leader.flight))
            }
            Request::Sent(Outcome::Shared(published), came_at) => {
                format!("has {} {came_at}", published.entry.since.number())
            }
            Request::Sent(..) => "sent".to_owned(),
            Request::Done => "done".to_owned(),
        });
        let requests: Vec<_> = requests.collect();
        let outlived = self.flights.0.outlived.lock().unwrap().get(&key(1)).and_then(Weak::upgrade);
        let outlived = outlived.map(|flight| place(&flight));
        let current = self.flights.table().get(&key(1)).map(&mut place);
        let states: Vec<_> = flights
            .iter()
            .map(|flight| {
                let state = flight.lock();
                let since = state.since.map(number);
                let is_replacing = flight.replaced.strong_count() > 0;
                (
                    state.joined,
                    state.leaders,
                    since,
                    state.has_failed,
                    state.handovers,
                    is_replacing,
                )
            })
            .collect();
        format!("{} {current:?} {outlived:?} {requests:?} {states:?}", self.purges)
    }
}

fn published_since(number: u64) -> Arc<Published> {
    let published = published();
    let entry = Entry { since: PurgeNumber::new(number), ..Entry::clone(&published.entry) };
    let url = published.url.clone();
    Arc::new(Published {
        entry: Arc::new(entry),
        url,
        selecting: Selecting::default(),
        stored: Ok(()),
    })
}

/// Goes on in every way after these steps, unless all that follows is known.
fn explore(steps: &mut Vec<Step>, known: &mut HashSet<String>) {
    let world = World::after(steps);
    if !known.insert(world.signature()) {
        return;
    }
    let next = world.next_steps();
    if next.is_empty() {
        assert_eq!(world.flights.len(), 0, "no flight is left: {steps:?}");
    }
    drop(world);
    for step in next {
        steps.push(step);
        explore(steps, known);
        steps.pop();
    }
}

#[test]
fn role_is_handed_over_in_every_order() {
    let mut known = HashSet::new();
    explore(&mut Vec::new(), &mut known);
    assert!(known.len() > 10_000, "{} situations", known.len());
}
