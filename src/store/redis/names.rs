//! Names of Redis keys. Each begins with the prefix and a letter that says what it is; a value and
//! the value that waits to replace it share a hash tag, so that a Cluster keeps them on one node.

use crate::key::{self, CacheKey, KeyDigests};

/// Up to this number of bytes a path or a group is part of a name as it is.
pub(super) const MAX_TEXT: usize = 256;

/// What is wrong with a prefix for which [`keeps_entries_in_a_slot`] is false.
pub(super) const SPOILS_HASH_TAG: &str = "in a Cluster a `{` of the prefix needs a `}` behind it and \
    something in between, as it decides in which slot keys are: leave the braces out, or write \
    `{name}` to keep all keys in one slot";

/// The names under one prefix.
#[derive(Clone, Debug)]
pub(super) struct Names {
    prefix: String,
    clock: String,
    /// Channels belong to the server and not to a database: so the database is part of their names.
    channel: String,
    digests: KeyDigests,
}

/// What a name under our prefix is the name of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// A stored value, with its digest in hexadecimal.
    Live,
    /// A value that is not yet published.
    Staged,
    /// An index, by path or by group.
    Index,
}

impl Names {
    /// The names under a prefix in this database.
    pub(super) fn new(prefix: &str, database: i64) -> Self {
        let clock = format!("{prefix}clock");
        Self {
            prefix: prefix.to_owned(),
            clock,
            channel: format!("{prefix}news:{database}"),
            digests: KeyDigests::default(),
        }
    }

    /// The same, where entries have names of their own for this version of the application. What finds and
    /// purges them is shared: a purge reaches those of all versions.
    pub(super) fn with_version(self, version: &str) -> Self {
        Self { digests: KeyDigests::for_version(version), ..self }
    }

    /// What stands for the keys of entries.
    #[cfg(feature = "memory")]
    pub(super) fn digests(&self) -> &KeyDigests {
        &self.digests
    }

    /// What stands for the key of an entry.
    pub(super) fn digest(&self, key: &CacheKey) -> [u8; 16] {
        self.digests.of(key)
    }

    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The mark of the configuration that uses this prefix.
    pub(super) fn configuration(&self) -> String {
        format!("{}configuration", self.prefix)
    }

    /// The clock and the fences of this prefix.
    pub(super) fn clock(&self) -> &str {
        &self.clock
    }

    /// The processes that use this prefix.
    pub(super) fn processes(&self) -> String {
        format!("{}processes", self.prefix)
    }

    /// What is written only to wait until replicas have it.
    pub(super) fn wait(&self) -> String {
        format!("{}wait", self.prefix)
    }

    /// The channel of this prefix and database for announcements.
    pub(super) fn channel(&self) -> &str {
        &self.channel
    }

    /// The channel on which a process of this origin hears itself. Who may use the channels below
    /// that for announcements may use it.
    pub(super) fn own_channel(&self, origin: &[u8]) -> String {
        let mut channel = format!("{}:", self.channel);
        push_hex(&mut channel, origin);
        channel
    }

    /// The lease of the lead in filling the entry with this digest.
    pub(super) fn lease(&self, digest: &[u8]) -> String {
        self.value('l', digest)
    }

    /// The value of the entry with this digest.
    pub(super) fn live(&self, digest: &[u8]) -> String {
        self.value('e', digest)
    }

    /// A value of the entry with this digest that is being stored and not yet to be read.
    pub(super) fn staged(&self, digest: &[u8]) -> String {
        self.value('w', digest)
    }

    fn value(&self, letter: char, digest: &[u8]) -> String {
        let mut name = String::with_capacity(self.prefix.len() + 4 + digest.len() * 2);
        name.push_str(&self.prefix);
        name.push(letter);
        name.push_str(":{");
        push_hex(&mut name, digest);
        name.push('}');
        name
    }

    /// The index of a path.
    pub(super) fn path(&self, path: &str) -> String {
        self.bounded("p:", "q:", path)
    }

    /// The index of a group.
    pub(super) fn group(&self, group: &str) -> String {
        self.bounded("g:", "h:", group)
    }

    /// A text as it is, or when it is long its beginning and its digest, under another letter so
    /// that the two never meet.
    fn bounded(&self, short: &str, long: &str, text: &str) -> String {
        if text.len() <= MAX_TEXT {
            return format!("{}{short}{text}", self.prefix);
        }
        let mut name = format!("{}{long}{}:", self.prefix, beginning(text));
        push_hex(&mut name, &key::digest(text.as_bytes()));
        name
    }

    /// A pattern for `SCAN` that finds the index of every path below `prefix`, `prefix` itself aside.
    /// For a prefix that is too long for a name it finds some paths beside it.
    pub(super) fn paths_below(&self, prefix: &str) -> String {
        let (ours, below) = (escape(&self.prefix), format!("{prefix}/"));
        let letters = if below.len() <= MAX_TEXT { "[pq]" } else { "q" };
        format!("{ours}{letters}:{}*", escape(beginning(&below)))
    }

    /// A pattern for `SCAN` that finds every name of ours, and perhaps others: see
    /// [`named`](Self::named).
    pub(super) fn everything(&self) -> String {
        format!("{}?:*", escape(&self.prefix))
    }

    /// A pattern for `SCAN` that finds every live value of ours, and perhaps others.
    pub(super) fn all_live(&self) -> String {
        format!("{}e:*", escape(&self.prefix))
    }

    /// The digest in the name of a live value.
    pub(super) fn digest_of_live(&self, name: &[u8]) -> Option<[u8; 16]> {
        let tag = name.strip_prefix(self.prefix.as_bytes())?.strip_prefix(b"e:")?;
        read_tag(tag)
    }

    /// What `name` names; `None` where it is not one of ours, as when another prefix begins with
    /// this one.
    pub(super) fn named(&self, name: &[u8]) -> Option<Named> {
        let (letter, rest) = name.strip_prefix(self.prefix.as_bytes())?.split_first()?;
        let rest = rest.strip_prefix(b":")?;
        match letter {
            b'e' if is_tag(rest) => Some(Named::Live),
            b'w' if is_tag(rest) => Some(Named::Staged),
            b'p' | b'q' if rest.starts_with(b"/") => Some(Named::Index),
            b'g' | b'h' => Some(Named::Index),
            _ => None,
        }
    }

    /// The two names of an entry, by the name of either.
    pub(super) fn pair(&self, name: &[u8]) -> Option<[Vec<u8>; 2]> {
        let tag = name.strip_prefix(self.prefix.as_bytes())?.get(1..)?;
        Some([b'w', b'e'].map(|letter| [self.prefix.as_bytes(), &[letter], tag].concat()))
    }
}

/// Whether in a Cluster all names of an entry share a slot under this prefix.
///
/// A Cluster takes for a hash tag what stands between the first `{` of a name and the next `}`, or the
/// whole name where nothing does. A `{` in the prefix therefore takes the place of ours: closed and
/// not empty, it puts all names into one slot; else the letter of a name decides where it goes, and a
/// value that waits could not be renamed to the live one.
pub(super) fn keeps_entries_in_a_slot(prefix: &str) -> bool {
    let tag = prefix.split_once('{').map(|(_, rest)| rest.find('}'));
    tag.is_none_or(|end| end.is_some_and(|end| end > 0))
}

/// The text's first bytes, as far as they fit into a name.
fn beginning(text: &str) -> &str {
    let mut end = text.len().min(MAX_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// The text as a pattern that matches nothing else.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '*' | '?' | '[' | ']' | '\\' | '^' | '-') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

fn is_tag(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"{").and_then(|text| text.strip_suffix(b"}"));
    digits.is_some_and(|digits| digits.len() == 32 && digits.iter().all(u8::is_ascii_hexdigit))
}

fn read_tag(text: &[u8]) -> Option<[u8; 16]> {
    let digits = text.strip_prefix(b"{")?.strip_suffix(b"}").filter(|digits| digits.len() == 32)?;
    let digits = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
    u128::from_str_radix(digits, 16).ok().map(u128::to_be_bytes)
}

fn push_hex(text: &mut String, bytes: &[u8]) {
    let digit = |half: u8| if half < 10 { b'0' + half } else { b'a' - 10 + half };
    // as many as a digest has at a time: one by one takes much longer
    for some in bytes.chunks(16) {
        let mut digits = [0; 32];
        for ([first, second], byte) in digits.as_chunks_mut().0.iter_mut().zip(some) {
            (*first, *second) = (digit(byte >> 4), digit(byte & 15));
        }
        let digits = digits.get(..some.len() * 2).unwrap_or_default();
        text.push_str(std::str::from_utf8(digits).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests;
