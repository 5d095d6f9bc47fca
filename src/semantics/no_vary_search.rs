//! `No-Vary-Search`: which parts of a query do not change the response
//! (draft-ietf-httpbis-no-vary-search).

use serde::{Deserialize, Serialize};
use sfv::{BareItem, Dictionary, Item, ListEntry, Parser};

use super::{fields::Fields, names::NO_VARY_SEARCH, targeted::joined};

/// Under which differences two queries mean the same response (s.4, "URL search variance").
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct NoVarySearch {
    any_order: bool,
    params: Params,
}

/// Which parameters count. The names are decoded.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
enum Params {
    AllBut(Vec<Vec<u8>>),
    Only(Vec<Vec<u8>>),
}

impl NoVarySearch {
    /// Reads the field of a response. `None` where it is absent, says nothing, or is not
    /// understood: queries then differ if their bytes do (s.5.1).
    pub(crate) fn parse<S: Fields + ?Sized>(fields: &S) -> Option<Self> {
        let members: Dictionary = Parser::new(&joined(fields, &NO_VARY_SEARCH)?).parse().ok()?;
        let flag = |name| match members.get(name) {
            None => Some(false),
            Some(ListEntry::Item(Item { bare_item: BareItem::Boolean(flag), .. })) => Some(*flag),
            Some(_) => None,
        };
        let any_order = flag("key-order")?;
        let params = match (members.get("params"), members.get("except")) {
            (Some(ListEntry::InnerList(list)), None) => Params::AllBut(names(&list.items)?),
            (_, except) => match (flag("params")?, except) {
                (true, None) => Params::Only(Vec::new()),
                (true, Some(ListEntry::InnerList(list))) => Params::Only(names(&list.items)?),
                (false, None) => Params::AllBut(Vec::new()),
                (_, Some(_)) => return None,
            },
        };
        let says_nothing = !any_order && params == Params::AllBut(Vec::new());
        (!says_nothing).then_some(Self { any_order, params })
    }

    /// A query, without its question mark, as all queries are written that mean the same response
    /// (s.6).
    ///
    /// Parameters are compared decoded, byte by byte. The draft compares them as text and so takes
    /// all malformed text for the same; a handler may tell it apart.
    pub(crate) fn canonical(&self, query: &str) -> String {
        let mut pairs: Vec<(Vec<u8>, Vec<u8>)> = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| (decoded(name), decoded(value)))
            .filter(|(name, _)| self.counts(name))
            .collect();
        if self.any_order {
            // stable: the order of values under one name counts all the same
            pairs.sort_by(|(one, _), (other, _)| one.cmp(other));
        }
        let mut canonical = String::with_capacity(query.len());
        for (name, value) in pairs {
            if !canonical.is_empty() {
                canonical.push('&');
            }
            canonical.extend(form_urlencoded::byte_serialize(&name));
            canonical.push('=');
            canonical.extend(form_urlencoded::byte_serialize(&value));
        }
        canonical
    }

    /// Whether two queries mean the same response (s.6).
    #[cfg(test)]
    pub(crate) fn equivalent(&self, one: &str, other: &str) -> bool {
        one == other || self.canonical(one) == self.canonical(other)
    }

    fn counts(&self, name: &Vec<u8>) -> bool {
        match &self.params {
            Params::AllBut(names) => !names.contains(name),
            Params::Only(names) => names.contains(name),
        }
    }
}

/// The names of an inner list of Strings (s.5.3).
fn names(items: &[Item]) -> Option<Vec<Vec<u8>>> {
    let name = |item: &Item| match &item.bare_item {
        BareItem::String(text) => Some(decoded(text.as_str())),
        _ => None,
    };
    items.iter().map(name).collect()
}

/// `application/x-www-form-urlencoded` to bytes.
fn decoded(text: &str) -> Vec<u8> {
    let spaced: Vec<u8> = text.bytes().map(|b| if b == b'+' { b' ' } else { b }).collect();
    percent_encoding::percent_decode(&spaced).collect()
}

#[cfg(test)]
mod tests;
