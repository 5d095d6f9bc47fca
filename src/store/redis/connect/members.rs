//! Which nodes are members of a Cluster, by what its primaries say, and whether that has changed.
//! A node that was a member once may be there all the same, and hears nothing of the others.

use redis::Value;

/// A primary with slots, by where it is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store::redis) struct Member {
    pub(super) host: String,
    pub(super) port: u16,
}

/// The members in a reply to `CLUSTER SLOTS`; none where that cannot be read. A node that does not
/// know under which name it is reached is reached by `unknown_host`.
pub(super) fn read(slots: &Value, unknown_host: &str) -> Vec<Member> {
    let Value::Array(ranges) = slots else { return vec![] };
    let mut members = Vec::new();
    for range in ranges {
        let Value::Array(range) = range else { continue };
        let [_, _, Value::Array(primary), ..] = range.as_slice() else { continue };
        let [host, Value::Int(port), ..] = primary.as_slice() else { continue };
        let host = text(host).filter(|host| !matches!(*host, "" | "?")).unwrap_or(unknown_host);
        let Ok(port) = u16::try_from(*port) else { continue };
        let member = Member { host: host.to_owned(), port };
        if !members.contains(&member) {
            members.push(member);
        }
    }
    members
}

/// What shows in a reply to `CLUSTER INFO` whether nodes or slots have changed their places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store::redis) struct Topology(Vec<String>);

impl Topology {
    pub(super) fn read(info: &Value) -> Option<Self> {
        let tells =
            ["cluster_state:", "cluster_known_nodes:", "cluster_size:", "cluster_current_epoch:"];
        let is_of_interest = |line: &&str| tells.iter().any(|name| line.starts_with(name));
        let lines: Vec<String> =
            text(info)?.lines().filter(is_of_interest).map(str::to_owned).collect();
        (!lines.is_empty()).then_some(Self(lines))
    }

    /// Whether the node that said so is in touch with a Cluster that serves.
    pub(super) fn is_ok(&self) -> bool {
        self.0.iter().any(|line| line == "cluster_state:ok")
    }
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::BulkString(bytes) => std::str::from_utf8(bytes).ok(),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    fn range(host: Value, port: i64) -> Value {
        let node = |host, port| Value::Array(vec![host, Value::Int(port), bulk("id")]);
        let replica = node(bulk("replica"), 7100);
        Value::Array(vec![Value::Int(0), Value::Int(99), node(host, port), replica])
    }

    #[test]
    fn members_are_the_primaries_each_once() {
        let ranges = vec![range(bulk("a"), 7000), range(bulk("b"), 7001), range(bulk("a"), 7000)];
        let members = read(&Value::Array(ranges), "h");
        let member = |host: &str, port| Member { host: host.to_owned(), port };
        assert_eq!(members, [member("a", 7000), member("b", 7001)]);
        for nameless in [bulk(""), bulk("?"), Value::Nil] {
            assert_eq!(read(&Value::Array(vec![range(nameless, 7)]), "h"), [member("h", 7)]);
        }
    }

    #[test]
    fn unreadable_reply_names_no_member() {
        for odd in [Value::Nil, Value::Array(vec![]), Value::Array(vec![Value::Array(vec![])])] {
            assert_eq!(read(&odd, "h"), []);
        }
        assert_eq!(read(&Value::Array(vec![range(bulk("a"), 70_000)]), "h"), []);
    }

    #[test]
    fn topology_is_what_changes_with_nodes_and_slots() {
        let info = |epoch: u32, messages: u32, state: &str| {
            let text = format!(
                "cluster_state:{state}\r\ncluster_size:3\r\ncluster_current_epoch:{epoch}\r\n\
                 cluster_stats_messages_sent:{messages}\r\n"
            );
            Topology::read(&bulk(&text)).expect("read")
        };
        assert_eq!(info(5, 1, "ok"), info(5, 2, "ok"));
        assert_ne!(info(5, 1, "ok"), info(6, 1, "ok"));
        assert!(info(5, 1, "ok").is_ok() && !info(5, 1, "fail").is_ok());
        assert_eq!(Topology::read(&Value::Nil), None);
        assert_eq!(Topology::read(&bulk("x")), None);
    }
}
