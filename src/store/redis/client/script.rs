//! Scripts as commands.

use redis::Cmd;

/// A script over keys which share a slot.
pub(in crate::store::redis) fn script(text: &str, keys: &[&str]) -> Cmd {
    let mut script = redis::cmd("EVAL");
    script.arg(text).arg(keys.len()).arg(keys);
    script
}
