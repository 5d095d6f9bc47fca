//! Tables of what clients write, what a handler chooses, and what is foreseen of it.

use actix_web::http::header::HeaderValue;
use proptest::prelude::*;

use super::*;
use crate::semantics::fields::HeaderList;

const CHROME: &str = "gzip, deflate, br, zstd";
const SAFARI: &str = "gzip, deflate, br";
const RUBY: &str = "gzip;q=1.0,deflate;q=0.6,identity;q=0.3";

fn accepts(value: &str) -> HeaderList {
    vec![(ACCEPT_ENCODING.clone(), HeaderValue::from_str(value).unwrap())]
}

fn encoded(coding: &str) -> HeaderList {
    let field = (CONTENT_ENCODING.clone(), HeaderValue::from_str(coding).unwrap());
    if coding.is_empty() { vec![] } else { vec![field] }
}

/// What is known after these requests were answered in these codings.
fn learned(answers: &[(&str, &str)]) -> Codings {
    let mut codings = Codings::default();
    for (accepted, coding) in answers {
        codings.learn(accepts(accepted).as_slice(), encoded(coding).as_slice());
    }
    codings
}

fn choice(codings: &Codings, accepted: &str) -> Option<&'static str> {
    codings.choice(accepts(accepted).as_slice())
}

#[test]
fn narrower_client_is_given_what_was_chosen_for_a_wider_one() {
    let codings = learned(&[(CHROME, "br")]);
    for accepted in [
        CHROME,
        SAFARI,
        "br",
        "BR ; q=0.5",
        "br;q=0.001",
        "br, gzip;q=0.9",
        "zstd, deflate, gzip, br",
        "br, unknown",
        "gzip;q=0, br",
        "br, br",
        "br, *;q=0",
    ] {
        assert_eq!(choice(&codings, accepted), Some("br"), "{accepted}");
    }
}

#[test]
fn handler_is_asked_where_it_may_choose_something_else() {
    let codings = learned(&[(SAFARI, "br")]);
    for accepted in [
        // has not been passed over yet
        CHROME,
        "*",
        "br, compress",
        // prefers what it is not known to lose to
        "zstd, br;q=0.5",
        "identity, br;q=0.5",
        // does not accept it
        "gzip",
        "",
        "br;q=0",
        "*;q=0",
        // is not of the grammar, or says two things
        "br;level=9",
        "br;q=2",
        "br, br;q=0.5",
        "\"br\"",
    ] {
        assert_eq!(choice(&codings, accepted), None, "{accepted}");
    }
    assert_eq!(codings.choice(HeaderList::new().as_slice()), None, "nothing was said");
}

#[test]
fn what_was_passed_over_adds_up() {
    let codings = learned(&[(SAFARI, "br"), ("br, zstd", "br"), ("gzip", "gzip")]);
    assert_eq!(choice(&codings, CHROME), Some("br"));
    assert_eq!(choice(&codings, "gzip"), Some("gzip"));
    assert_eq!(choice(&codings, "gzip, deflate"), None);
}

#[test]
fn client_is_given_what_it_wants_most_of_what_has_been_made() {
    let wants_gzip = "gzip, br;q=0.5";
    let mut codings = learned(&[(SAFARI, "br")]);
    assert_eq!(choice(&codings, wants_gzip), Some("br"), "gzip has never been made");
    codings.learn(accepts(wants_gzip).as_slice(), encoded("gzip").as_slice());
    assert_eq!(
        (choice(&codings, wants_gzip), choice(&codings, SAFARI)),
        (Some("gzip"), Some("br"))
    );
    // however often it is so
    for _ in 0..10 {
        codings.learn(accepts(wants_gzip).as_slice(), encoded("gzip").as_slice());
        codings.learn(accepts(SAFARI).as_slice(), encoded("br").as_slice());
    }
    assert_eq!(
        (choice(&codings, wants_gzip), choice(&codings, SAFARI)),
        (Some("gzip"), Some("br"))
    );
}

#[test]
fn preference_of_one_client_is_no_choice_for_others() {
    // each has asked for less, and no other one is to get less for it
    for (accepted, coding) in [
        ("gzip, br;q=0.1", "gzip"),
        ("identity, gzip;q=0.5, br;q=0.5, zstd;q=0.5", ""),
        (RUBY, "gzip"),
    ] {
        let codings = learned(&[(accepted, coding)]);
        assert_eq!(choice(&codings, CHROME), None, "{accepted}");
        assert_eq!(choice(&codings, SAFARI), None, "{accepted}");
        assert!(choice(&codings, accepted).is_some(), "{accepted}");
    }
}

#[test]
fn plain_responses_are_shared_by_all_that_could_have_had_a_coding() {
    let codings = learned(&[(CHROME, "")]);
    for accepted in [CHROME, SAFARI, "gzip", "", RUBY, "identity", "unknown"] {
        assert_eq!(choice(&codings, accepted), Some("identity"), "{accepted}");
    }
    for accepted in ["identity;q=0", "*;q=0", "gzip, identity;q=0"] {
        assert_eq!(choice(&codings, accepted), None, "{accepted}");
    }
    let plain = learned(&[("", "")]);
    assert_eq!(choice(&plain, "gzip"), None, "it could not have had one");
}

#[test]
fn request_without_the_field_is_given_what_such_ones_are() {
    let nothing = HeaderList::new();
    let mut codings = learned(&[(CHROME, "br")]);
    codings.learn(nothing.as_slice(), encoded("gzip").as_slice());
    assert_eq!(codings.choice(nothing.as_slice()), Some("gzip"));
    assert_eq!(choice(&codings, ""), None);
    assert_eq!(choice(&codings, CHROME), Some("br"));
}

#[test]
fn last_word_counts_and_a_handler_that_wavers_is_not_foreseen() {
    let mut codings = learned(&[(CHROME, "br"), (CHROME, "")]);
    assert_eq!(choice(&codings, CHROME), Some("identity"));
    for round in 0..=2 * MAX_CONTRADICTIONS {
        let coding = if round % 2 == 0 { "br" } else { "" };
        codings.learn(accepts(CHROME).as_slice(), encoded(coding).as_slice());
    }
    for accepted in [CHROME, SAFARI, ""] {
        assert_eq!(choice(&codings, accepted), None, "{accepted}");
    }
}

#[test]
fn handler_may_contradict_itself_a_few_times() {
    let nothing = HeaderList::new();
    let mut codings = Codings::default();
    for round in 0..=MAX_CONTRADICTIONS {
        let coding = if round % 2 == 0 { "gzip" } else { "br" };
        codings.learn(nothing.as_slice(), encoded(coding).as_slice());
        assert_eq!(codings.choice(nothing.as_slice()), Some(coding), "round {round}");
    }
    // one that repeats itself does not contradict itself
    let again = encoded(codings.choice(nothing.as_slice()).unwrap());
    for _ in 0..=MAX_CONTRADICTIONS {
        codings.learn(nothing.as_slice(), again.as_slice());
    }
    assert!(codings.choice(nothing.as_slice()).is_some());
    codings.learn(nothing.as_slice(), encoded("").as_slice());
    assert_eq!(codings.choice(nothing.as_slice()), None);
}

#[test]
fn handler_whose_codings_are_not_known_is_not_foreseen() {
    for (accepted, coding) in
        [("dcb, br", "dcb"), ("gzip, br", "gzip, br"), ("identity", "gzip"), ("gzip;q=0", "gzip")]
    {
        let codings = learned(&[(CHROME, "br"), (accepted, coding)]);
        assert_eq!(choice(&codings, CHROME), None, "{accepted} was given {coding}");
    }
    let codings = learned(&[("x-gzip", "gzip"), ("gzip;level=1", "br")]);
    assert_eq!(choice(&codings, "gzip"), Some("gzip"), "an alias, and what is not understood");
}

/// A field of a client that wants the codings of a set, each with a weight.
fn field() -> impl Strategy<Value = String> {
    let weights = prop::sample::select(vec!["", ";q=1", ";q=0.5", ";q=0.001", ";q=0"]);
    let name = prop::sample::select(vec![
        "identity", "gzip", "deflate", "br", "zstd", "compress", "x-gzip", "dcb", "*",
    ]);
    prop::collection::vec((name, weights), 0..6).prop_map(|members| {
        let member = |(name, weight): &(&str, &str)| format!("{name}{weight}");
        members.iter().map(member).collect::<Vec<_>>().join(", ")
    })
}

/// A handler that takes what a client wants most, and of that the first in its own order.
fn handler(order: &[u8], accepted: &str) -> Option<&'static str> {
    let weights = match Wanted::read(accepts(accepted).as_slice())? {
        Wanted::Weighted(weights) => weights,
        Wanted::Anything => return None,
    };
    let made = order.iter().rev().map(|coding| (*coding, weights[usize::from(*coding)]));
    let (coding, _) = made.filter(|(_, weight)| *weight > 0).max_by_key(|(_, w)| *w)?;
    Some(CODINGS[usize::from(coding)])
}

/// Whether a client wants all that it mentions alike, as browsers do.
fn is_even(accepted: &str) -> bool {
    !accepted.contains("q=0.") && !accepted.contains('*')
}

proptest! {
    #[test]
    fn what_is_foreseen_is_what_the_handler_would_choose(
        order in Just(vec![0_u8, 1, 2, 3, 4, 5]).prop_shuffle(), made in 1..=6_usize,
        fields in prop::collection::vec(field(), 1..12)
    ) {
        // it can always give the plain response
        let mut order: Vec<u8> = order.into_iter().filter(|coding| *coding > 0).take(made).collect();
        order.push(0);
        let mut codings = Codings::default();
        for accepted in &fields {
            let Some(chosen) = handler(&order, accepted) else { continue };
            if let Some(foreseen) = choice(&codings, accepted).filter(|_| is_even(accepted)) {
                prop_assert_eq!(foreseen, chosen, "{}", accepted);
            }
            let res = encoded(if chosen == "identity" { "" } else { chosen });
            codings.learn(accepts(accepted).as_slice(), res.as_slice());
            prop_assert_eq!(choice(&codings, accepted), Some(chosen), "{}", accepted);
        }
    }

    #[test]
    fn coding_that_is_not_accepted_is_never_given(
        codings: ([u8; 6], Option<u8>, u8), accepted in field(), line in prop::collection::vec(any::<u8>(), 0..40)
    ) {
        let (over, unasked, contradictions) = codings;
        let codings = Codings { over, unasked, contradictions };
        if let Some(chosen) = choice(&codings, &accepted) {
            let Some(Wanted::Weighted(weights)) = Wanted::read(accepts(&accepted).as_slice()) else {
                panic!("it is chosen by weight");
            };
            prop_assert!(weights[usize::from(number(chosen.as_bytes()).unwrap())] > 0);
        }
        if let Ok(value) = HeaderValue::from_bytes(&line) {
            let req = [(ACCEPT_ENCODING.clone(), value)];
            let _ = codings.choice(req.as_slice());
            let mut codings = codings;
            codings.learn(req.as_slice(), HeaderList::new().as_slice());
        }
    }
}
