//! Short hashes of paths and groups, by which the entries of a table are found.

use crate::{entry::Entry, purge::Target};

/// What stands for a path or a group.
pub(super) type Tag = u32;

/// Makes tags that clients cannot guess, so that they cannot make many paths share one.
#[derive(Clone, Debug, Default)]
pub(super) struct Tags(ahash::RandomState);

impl Tags {
    /// The tags of an entry's path and groups.
    pub(super) fn tags_of_entry<'a>(&'a self, entry: &'a Entry) -> impl Iterator<Item = Tag> + 'a {
        let groups = entry.groups.iter().map(|group| self.tag_of_group(group));
        std::iter::once(self.tag_of_path(entry.key.path())).chain(groups)
    }

    /// The tag that all entries have which a purge of `target` may concern; `None` where they are
    /// not found by one.
    pub(super) fn tag_of_target(&self, target: &Target) -> Option<Tag> {
        match target {
            Target::Url { path, .. } | Target::AnyQuery { path, .. } | Target::Path(path) => {
                Some(self.tag_of_path(path))
            }
            Target::Group(group) => Some(self.tag_of_group(group)),
            Target::Entry(key) => Some(self.tag_of_path(key.path())),
            Target::Prefix(_) | Target::All => None,
        }
    }

    fn tag_of_path(&self, path: &str) -> Tag {
        self.tag(0, path)
    }

    fn tag_of_group(&self, group: &str) -> Tag {
        self.tag(1, group)
    }

    #[expect(clippy::cast_possible_truncation, reason = "a part of a hash is a hash")]
    fn tag(&self, kind: u8, name: &str) -> Tag {
        self.0.hash_one((kind, name)) as Tag
    }
}
