//! What a client and an origin can see of the cache between them, by the texts: RFC 9111, 9110,
//! 5861, 8246, 9211, 9213, 9875 and their neighbours.
//!
//! The caching proxy of the examples stands between a client over plain sockets and an origin over
//! plain sockets. Each topic has a table of cases; a case is a list of requests with what the
//! origin would answer to each, and what must hold. `Required` is what the texts demand, `Optimal`
//! what a good cache does. A test runs all cases of its topic and level and names all that fail.

#![allow(clippy::too_many_lines, reason = "a table of cases is as long as it is")]

mod case;
mod client;
mod run;

mod age;
mod cache_control;
mod conditional;
mod expires;
mod extensions;
mod fields;
mod freshness;
mod invalidation;
mod methods;
mod process;
mod ranges;
mod requests;
mod stale;
mod statuses;
mod table;
mod targeted;
mod update;
mod vary;

#[path = "../../../examples/caching_proxy/proxy/mod.rs"]
#[allow(dead_code, reason = "the example uses all of it")]
mod proxy;

/// The two tests of a topic, over its `cases()`.
macro_rules! examine {
    () => {
        #[test]
        fn required() {
            super::run::examine(super::case::Level::Required, cases());
        }

        #[test]
        fn optimal() {
            super::run::examine(super::case::Level::Optimal, cases());
        }
    };
}
use examine;
