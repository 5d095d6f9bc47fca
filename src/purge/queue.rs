//! Purges that wait to be carried out, in order: a bounded number of them, none twice.

use std::collections::VecDeque;

use super::Purge;

/// A queue of purges.
#[derive(Debug, Default)]
pub(crate) struct PurgeQueue(VecDeque<Purge>);

impl PurgeQueue {
    /// Adds a purge. No more than `at_most` are kept: more become one of everything. What names the
    /// same is merged: a hard purge takes a soft one, and of two soft ones the first counts.
    pub(crate) fn add(&mut self, purge: Purge, at_most: usize) {
        let same = |kept: &&mut Purge| kept.target() == purge.target();
        if let Some(kept) = self.0.iter_mut().find(same) {
            *kept = match (kept.stale_since(), purge.stale_since()) {
                (Some(_), Some(then)) => kept.clone().soft_since(then),
                _ => purge.target().clone().into(),
            };
            return;
        }
        self.0.push_back(purge);
        if self.0.len() > at_most {
            self.0 = VecDeque::from([Purge::all()]);
        }
    }

    /// Takes the first one.
    #[cfg(any(test, feature = "redis"))]
    pub(crate) fn pop(&mut self) -> Option<Purge> {
        self.0.pop_front()
    }

    /// Takes the first ones that are all hard or all soft, no more than `at_most`.
    pub(crate) fn pop_alike(&mut self, at_most: usize) -> Vec<Purge> {
        let is_soft = |purge: &Purge| purge.stale_since().is_some();
        let Some(first) = self.0.front().map(is_soft) else { return Vec::new() };
        let alike = self.0.iter().take_while(|purge| is_soft(purge) == first).take(at_most).count();
        self.0.drain(..alike).collect()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Purge> {
        self.0.iter()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::semantics::date::Timestamp;

    #[test]
    fn what_names_the_same_is_kept_once_and_the_harder_wins() {
        let at = |secs| Purge::path("/a").soft_since(Timestamp::from_secs(secs));
        for (first, second, kept) in [
            (at(2), at(3), at(2)),
            (at(3), at(2), at(2)),
            (at(2), Purge::path("/a"), Purge::path("/a")),
            (Purge::path("/a"), at(2), Purge::path("/a")),
        ] {
            let mut queue = PurgeQueue::default();
            for purge in [first, Purge::path("/b"), second] {
                queue.add(purge, 3);
            }
            assert_eq!(queue.0, [kept, Purge::path("/b")]);
        }
    }

    #[test]
    fn too_many_become_one_of_all() {
        let mut queue = PurgeQueue::default();
        for number in 0..3 {
            queue.add(Purge::path(format!("/{number}")).soft(), 3);
        }
        assert_eq!(queue.len(), 3);
        queue.add(Purge::path("/one/more"), 3);
        assert_eq!(queue.0, [Purge::all()]);
    }

    #[test]
    fn soft_and_hard_purges_are_taken_apart_and_in_order() {
        let mut queue = PurgeQueue::default();
        let soft = |path| Purge::path(path).soft();
        let added =
            [Purge::path("/a"), Purge::path("/b"), Purge::path("/c"), soft("/d"), soft("/e")];
        for purge in &added {
            queue.add(purge.clone(), 9);
        }
        assert_eq!(queue.pop_alike(2), added[..2]);
        assert_eq!(queue.pop_alike(2), added[2..3]);
        assert_eq!(queue.pop_alike(2), added[3..]);
        assert!(queue.pop_alike(2).is_empty());
    }
}
