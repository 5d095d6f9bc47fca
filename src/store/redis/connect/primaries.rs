//! The primaries of a Cluster, each by what it says of itself.

use redis::{RedisError, Value};

use super::node::Location;

/// How many slots a Cluster divides keys into.
const SLOTS: u32 = 16384;

/// The primaries of a Cluster, by what each says in `CLUSTER NODES` of itself. Together they hold
/// every slot, or it is an error: what is on a node that was left out would not be found.
pub(super) fn read(replies: Value) -> Result<Vec<Location>, RedisError> {
    let unreadable = || RedisError::from((redis::ErrorKind::Parse, "not a list of nodes"));
    let Value::Map(replies) = replies else { return Err(unreadable()) };
    let mut held = 0;
    let mut locations = Vec::with_capacity(replies.len());
    for (address, told) in replies {
        let (Some(address), Some(told)) = (text(address), text(told)) else {
            return Err(unreadable());
        };
        let (host, port) = address.rsplit_once(':').ok_or_else(unreadable)?;
        let port = port.parse().map_err(|_| unreadable())?;
        let mut lines = told.lines().map(|line| line.split(' '));
        let is_own = |flags: Option<&str>| {
            flags.is_some_and(|flags| flags.split(',').any(|flag| flag == "myself"))
        };
        let own = lines.find(|fields| is_own(fields.clone().nth(2))).ok_or_else(unreadable)?;
        let slots: Vec<String> = own.skip(8).map(str::to_owned).collect();
        held += slots.iter().filter_map(|slots| count(slots)).sum::<u32>();
        locations.push(Location::InCluster { host: host.to_owned(), port, slots });
    }
    locations.sort_by(|a, b| format!("{a:?}").cmp(&format!("{b:?}")));
    if held == SLOTS {
        return Ok(locations);
    }
    Err((redis::ErrorKind::Io, "not every slot of the Cluster has a node that answers").into())
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::BulkString(bytes) => String::from_utf8(bytes).ok(),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => Some(text),
        _ => None,
    }
}

/// How many slots `7` or `0-5460` are; `None` for one that is moving, which its range contains.
fn count(slots: &str) -> Option<u32> {
    let (first, last) = slots.split_once('-').unwrap_or((slots, slots));
    let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
    last.checked_sub(first)?.checked_add(1)
}

#[cfg(test)]
mod tests {
    use super::{super::node::Node, *};

    fn told(nodes: &[(&str, &str)]) -> Value {
        let bulk = |text: String| Value::BulkString(text.into_bytes());
        let node = |&(address, slots): &(&str, &str)| {
            let own = format!("id {address}@1,host myself,master - 0 0 1 connected {slots}");
            let text = format!("other h:1@2 master - 0 0 1 connected 0-16383\n{own}\n");
            (bulk(address.to_owned()), bulk(text))
        };
        Value::Map(nodes.iter().map(node).collect())
    }

    fn found(nodes: &[(&str, &str)]) -> Result<Vec<Node>, RedisError> {
        let locations = read(told(nodes))?;
        Ok(locations.into_iter().map(|location| Node { connection: 0, location }).collect())
    }

    #[test]
    fn primaries_are_found_if_they_hold_everything() {
        let two = found(&[("h:7000", "0-99 101"), ("::1:7001", "100 102-16383")]).expect("all");
        assert_eq!(two.len(), 2);
        assert!(!Node::may_have_moved_keys(&two, &two));
        assert!(found(&[("h:7000", "0-16382")]).is_err());
        assert!(found(&[("h:7000", "")]).is_err());
        assert!(read(Value::Nil).is_err());
    }

    #[test]
    fn slots_on_the_way_and_slots_that_came_are_noticed() {
        let still = found(&[("h:1", "0-99"), ("h:2", "100-16383")]).expect("all");
        let moving = found(&[("h:1", "0-99 [99->-id]"), ("h:2", "100-16383 [99-<-id]")]);
        let moving = moving.expect("all");
        let moved = found(&[("h:1", "0-98"), ("h:2", "99-16383")]).expect("all");
        assert!(Node::may_have_moved_keys(&moving, &moving));
        assert!(Node::may_have_moved_keys(&still, &moving));
        assert!(Node::may_have_moved_keys(&still, &moved));
    }
}
