//! Which content coding a handler chooses, learned from what it has chosen (RFC 9110 s.12.5.3).
//!
//! `Vary: Accept-Encoding` says that the choice depends on a field which every client writes in its own
//! way, while there are as many answers as the handler has codings. So of a URL it is remembered which
//! coding was chosen over which others that the client wanted at least as much. A request is given the
//! stored coding X where it accepts X, and everything that it wants at least as much as X has been
//! passed over for X before:
//!
//! ```text
//! Chrome  gzip, deflate, br, zstd   the handler gives br: br over gzip, deflate and zstd
//! Safari  gzip, deflate, br         all are br or known to lose to it: the stored br
//! curl    gzip                      br is not accepted: the handler is asked, and gives gzip
//! Safari, had it come before Chrome: Chrome's zstd has not been passed over yet, so the handler is
//! asked once more, and may well give zstd
//! ```
//!
//! This holds of each handler that has an order of its own among codings that a client wants alike, as
//! browsers do. Of several stored codings a client is given the one that it wants most, and one that it
//! wants less where the better one has never been made. A handler whose choice hangs on something else
//! as well contradicts itself; then the field is compared as it is written, as other fields are.

use serde::{Deserialize, Serialize};

use super::{
    fields::Fields,
    names::{ACCEPT_ENCODING, CONTENT_ENCODING},
    preference::{Preference, preference},
};

/// The codings that choices are made among. What a client may want beside them counts as little as
/// with a handler that does not know it.
const CODINGS: [&str; 6] = ["identity", "gzip", "deflate", "br", "zstd", "compress"];
/// A handler that has contradicted itself more often than this is not foreseen any more. A few times it
/// does when it is changed, or when a response outgrows what is worth compressing.
const MAX_CONTRADICTIONS: u8 = 4;

/// What is known of the codings that a handler chooses for one URL. As it may come from a store, any
/// value is valid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Codings {
    /// For each coding the set of those that it was chosen over, itself among them; empty where it was
    /// not chosen.
    over: [Set; CODINGS.len()],
    /// What requests without the field were given.
    unasked: Option<Coding>,
    contradictions: u8,
}

/// A number in [`CODINGS`].
type Coding = u8;
/// One bit for each of [`CODINGS`].
type Set = u8;

impl Codings {
    /// The coding that the handler is known to choose for the request.
    pub(super) fn choice<Q: Fields + ?Sized>(&self, req: &Q) -> Option<&'static str> {
        if self.contradictions > MAX_CONTRADICTIONS {
            return None;
        }
        let chosen = match Wanted::read(req)? {
            Wanted::Anything => self.unasked,
            Wanted::Weighted(weights) => {
                let known =
                    (0..).zip(weights).filter(|(coding, _)| self.is_chosen(*coding, &weights));
                known.max_by_key(|(_, weight)| *weight).map(|(coding, _)| coding)
            }
        };
        CODINGS.get(usize::from(chosen?)).copied()
    }

    /// The handler has answered the request with this response.
    pub(super) fn learn<Q: Fields + ?Sized, S: Fields + ?Sized>(&mut self, req: &Q, res: &S) {
        let Some(wanted) = Wanted::read(req) else { return };
        let Some(chosen) = coding_of(res) else { return self.give_up() };
        match wanted {
            Wanted::Anything => {
                if self.unasked.is_some_and(|before| before != chosen) {
                    self.contradictions = self.contradictions.saturating_add(1);
                }
                self.unasked = Some(chosen);
            }
            Wanted::Weighted(weights) => match rivals(chosen, &weights) {
                Some(rivals) => self.chosen_over(chosen, rivals, &weights),
                // what the client cannot read must not be given to others that cannot either
                None => self.give_up(),
            },
        }
    }

    fn chosen_over(&mut self, chosen: Coding, rivals: Set, weights: &Weights) {
        if let Some(over) = self.over.get_mut(usize::from(chosen)) {
            *over |= rivals;
        }
        // what else would have been foreseen was wrong: the last word counts
        for other in (0..).take(CODINGS.len()).filter(|other| *other != chosen) {
            if rivals & (1 << other) != 0
                && self.is_chosen(other, weights)
                && let Some(over) = self.over.get_mut(usize::from(other))
            {
                *over = 0;
                self.contradictions = self.contradictions.saturating_add(1);
            }
        }
    }

    /// Whether the coding is accepted and known to be chosen over all that is wanted as much.
    fn is_chosen(&self, coding: Coding, weights: &Weights) -> bool {
        let over = self.over.get(usize::from(coding)).copied().unwrap_or_default();
        rivals(coding, weights).is_some_and(|rivals| rivals & !over == 0)
    }

    fn give_up(&mut self) {
        self.contradictions = u8::MAX;
    }
}

/// The coding of a response; `None` for several on top of each other, and for one that is not among
/// [`CODINGS`].
fn coding_of<S: Fields + ?Sized>(res: &S) -> Option<Coding> {
    let mut lines = res.all(&CONTENT_ENCODING);
    let Some(first) = lines.next() else { return Some(0) };
    let name = first.trim_ascii().to_ascii_lowercase();
    number(&name).filter(|_| lines.next().is_none())
}

/// The number of a coding by its name, in lower case, or its alias (RFC 9110 s.8.4.1).
fn number(name: &[u8]) -> Option<Coding> {
    let name = match name {
        b"x-gzip" => b"gzip".as_slice(),
        b"x-compress" => b"compress",
        name => name,
    };
    (0..).zip(CODINGS).find(|(_, coding)| coding.as_bytes() == name).map(|(number, _)| number)
}

/// What is wanted at least as much as this coding, itself among it; `None` where it is not accepted.
fn rivals(coding: Coding, weights: &Weights) -> Option<Set> {
    let weight = weights.get(usize::from(coding)).copied().filter(|weight| *weight > 0)?;
    let rivals = (0..).zip(weights).filter(|(_, other)| **other >= weight);
    Some(rivals.fold(0, |set, (rival, _): (u32, _)| set | (1 << rival)))
}

/// What a client wants.
enum Wanted {
    /// It does not say.
    Anything,
    Weighted(Weights),
}

/// For each of [`CODINGS`] how much it is wanted; zero where it is not accepted.
type Weights = [u16; CODINGS.len()];

/// How much a client that does not mention `identity` wants the plain response: less than anything that
/// it mentions.
const UNMENTIONED_IDENTITY: u16 = 1;

impl Wanted {
    /// `None` where the field violates the grammar or contradicts itself: readers disagree about those.
    fn read<Q: Fields + ?Sized>(req: &Q) -> Option<Self> {
        if !req.has(&ACCEPT_ENCODING) {
            return Some(Self::Anything);
        }
        let lines = req.all(&ACCEPT_ENCODING);
        let members = lines.flat_map(|line| line.split(|byte| *byte == b','));
        let members = members.map(<[u8]>::trim_ascii).filter(|member| !member.is_empty());
        let stated = members.map(preference).collect::<Option<Vec<_>>>()?;
        weights(&stated).map(Self::Weighted)
    }
}

fn weights(stated: &[Preference]) -> Option<Weights> {
    let mut weights = [None; CODINGS.len()];
    let mut others = None;
    for (name, thousandths) in stated {
        let place = match name.as_slice() {
            b"*" => Some(&mut others),
            name => number(name).and_then(|number| weights.get_mut(usize::from(number))),
        };
        let Some(place) = place else { continue };
        // doubled, so that there is room below the least weight
        let weight = thousandths * 2;
        if place.is_some_and(|before| before != weight) {
            return None;
        }
        *place = Some(weight);
    }
    let [identity, ..] = &mut weights;
    if identity.is_none() && others != Some(0) {
        *identity = Some(UNMENTIONED_IDENTITY);
    }
    Some(weights.map(|weight| weight.or(others).unwrap_or(0)))
}

#[cfg(test)]
mod tests;
