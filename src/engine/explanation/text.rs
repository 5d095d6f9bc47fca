//! An explanation as text, for a terminal.

use std::{
    fmt::{self, Display, Formatter},
    time::Duration,
};

use super::{
    answer::{Candidate, Explanation},
    call_info::RunningCall,
    key_view::KeyView,
    stored_view::{PackedForm, StoredView},
};
use crate::semantics::verdict::Reason;

impl Display for Explanation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {}", self.method, self.url)?;
        write!(f, "now     {}", self.kind)?;
        let words = self.reason.map(Reason::as_str).into_iter().chain(self.stale_cause);
        for word in words {
            write!(f, " ({word})")?;
        }
        writeln!(f)?;
        if let Some(status) = &self.cache_status {
            writeln!(f, "        Cache-Status: {status}")?;
        }
        self.write_rules(f)?;
        if let Some(key) = &self.key {
            write_key(f, key)?;
            match &self.stored {
                Some(stored) => write_stored(f, stored)?,
                None => writeln!(f, "stored  nothing")?,
            }
        }
        if let Some(call) = &self.running {
            write_call(f, call)?;
        }
        for candidate in &self.to_be_stored {
            write_candidate(f, candidate)?;
        }
        self.notes.iter().try_for_each(|note| writeln!(f, "note    {note}"))
    }
}

impl Explanation {
    fn write_rules(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "rule    {}", self.rule.as_deref().unwrap_or("none"))?;
        for other in self.rules.iter().filter(|rule| !rule.applies) {
            let why = if other.matches {
                "an earlier rule matches, or the path is kept out of the cache"
            } else {
                "its pattern does not match the path"
            };
            writeln!(f, "        not {}: {why}", other.pattern)?;
        }
        Ok(())
    }
}

fn write_key(f: &mut Formatter<'_>, key: &KeyView) -> fmt::Result {
    writeln!(f, "key     {} ({})", key.url, key.digest)?;
    for part in &key.parts {
        let values = part.values.join(", ");
        let values = if part.values.is_empty() { "absent" } else { &values };
        writeln!(f, "        {} {}: {values}", part.kind, part.name)?;
    }
    if !key.left_out.is_empty() {
        writeln!(f, "        left out: {}", key.left_out.join(", "))?;
    }
    if !key.uncovered.is_empty() {
        let names = key.uncovered.join(", ");
        writeln!(f, "        credentials that it does not contain: {names}")?;
    }
    Ok(())
}

fn write_stored(f: &mut Formatter<'_>, stored: &StoredView) -> fmt::Result {
    let StoredView { status, tier, body_bytes, .. } = stored;
    let age = Seconds(stored.age);
    writeln!(f, "stored  {status}, {body_bytes} bytes, in {tier}, {age} old")?;
    let from = stored.lifetime_from.as_str();
    let from = if stored.soft_purged { "soft purge" } else { from };
    writeln!(f, "        lifetime: {} ({from})", Seconds(stored.lifetime))?;
    let (refresh, error) = (stored.stale_while_revalidate, stored.stale_if_error);
    if !refresh.is_zero() || !error.is_zero() {
        let (refresh, error) = (Seconds(refresh), Seconds(error));
        writeln!(f, "        stale: {refresh} while revalidated, {error} if the handler fails")?;
    }
    if let Some(policy) = &stored.policy {
        writeln!(f, "        policy: {policy}")?;
    }
    if !stored.groups.is_empty() {
        writeln!(f, "        groups: {}", stored.groups.join(", "))?;
    }
    if let Some(line) = &stored.emitted_groups {
        writeln!(f, "        told downstream: {line}")?;
    }
    if stored.etag_is_made {
        writeln!(f, "        ETag: made of the body by the cache")?;
    }
    for PackedForm { coding, bytes, is_given } in &stored.packed {
        let given = if *is_given { ", which this request is given" } else { "" };
        writeln!(f, "        packed: {coding}, {bytes} bytes{given}")?;
    }
    if !stored.vary.is_empty() {
        let (names, variants) = (stored.vary.join(", "), stored.variants);
        writeln!(f, "        varies by {names}: {variants} variants stored by this process")?;
    }
    Ok(())
}

fn write_call(f: &mut Formatter<'_>, call: &RunningCall) -> fmt::Result {
    let RunningCall { leaders, followers, running, .. } = call;
    let running = Seconds(*running);
    writeln!(f, "running {leaders} handler calls since {running}, {followers} requests wait")
}

fn write_candidate(f: &mut Formatter<'_>, candidate: &Candidate) -> fmt::Result {
    let Candidate { response, lifetime, lifetime_from, not_stored } = candidate;
    match (lifetime, lifetime_from, not_stored) {
        (Some(lifetime), Some(from), _) => {
            writeln!(f, "would   {response}: stored for {} ({from})", Seconds(*lifetime))
        }
        (_, _, Some(why)) => writeln!(f, "would   {response}: not stored ({why})"),
        _ => Ok(()),
    }
}

/// A length of time with its unit.
struct Seconds(Duration);

impl Display for Seconds {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let tenths = self.0.as_millis() / 100;
        match (tenths / 10, tenths % 10) {
            (whole, 0) => write!(f, "{whole} s"),
            (whole, tenth) => write!(f, "{whole}.{tenth} s"),
        }
    }
}
