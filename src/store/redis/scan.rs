//! Looking through all names of all servers, in steps that can be taken up again where they stopped.

use redis::{Cmd, Value};

use crate::store::{
    error::{StoreError, StoreErrorKind},
    redis::{
        client::{RedisClient, reply},
        connect::Node,
    },
};

/// How many names one step looks at.
const COUNT: usize = 1000;

/// A look through all names, for those that match a pattern.
///
/// A key that moves between nodes meanwhile can be on each when the other is looked at. It does not
/// move twice in that time: a second look finds it.
#[derive(Debug)]
pub(super) struct Scan {
    pattern: String,
    nodes: Vec<Node>,
    /// The node that is being looked at, and how far.
    at: usize,
    cursor: u64,
    /// Which run of that node's server the cursor is of, once that was asked: it means nothing to
    /// another.
    run: Option<Vec<u8>>,
    is_second_look: bool,
    /// The nodes have to be found, or found again.
    is_lost: bool,
    is_done: bool,
}

impl Scan {
    pub(super) const fn new(pattern: String) -> Self {
        Self {
            pattern,
            nodes: Vec::new(),
            at: 0,
            cursor: 0,
            run: None,
            is_second_look: false,
            is_lost: true,
            is_done: false,
        }
    }

    pub(super) const fn is_done(&self) -> bool {
        self.is_done
    }

    /// The names that the next part finds.
    pub(super) async fn step(&mut self, client: &RedisClient) -> Result<Vec<Vec<u8>>, StoreError> {
        let found = self.look(client).await;
        self.is_lost |= found.is_err();
        found
    }

    async fn look(&mut self, client: &RedisClient) -> Result<Vec<Vec<u8>>, StoreError> {
        if self.is_lost {
            self.find(client).await?;
        }
        let Some(node) = self.nodes.get(self.at) else {
            self.end(client).await?;
            return Ok(vec![]);
        };
        if self.run.is_none() && self.cursor != 0 {
            self.run = Some(run_of(client, node).await?);
        }
        let (next, found) = page(client, node, self.cursor, &self.pattern).await?;
        self.cursor = next;
        if next == 0 {
            (self.at, self.run) = (self.at + 1, None);
            if self.at >= self.nodes.len() {
                // what was found is not to be lost by an error
                self.is_lost |= self.end(client).await.is_err();
            }
        }
        Ok(found)
    }

    /// Finds the nodes. Goes on where it was, if they are the same as before.
    async fn find(&mut self, client: &RedisClient) -> Result<(), StoreError> {
        let nodes = client.nodes().await?;
        let mut is_same = Node::are_at_same_locations(&self.nodes, &nodes);
        if is_same && self.cursor != 0 {
            let run = match nodes.get(self.at) {
                Some(node) => Some(run_of(client, node).await?),
                None => None,
            };
            is_same = run.is_some_and(|run| !run.is_empty() && self.run.as_ref() == Some(&run));
        }
        if !is_same {
            (self.at, self.cursor, self.run) = (0, 0, None);
        }
        (self.nodes, self.is_lost) = (nodes, false);
        Ok(())
    }

    /// All nodes have been looked at.
    async fn end(&mut self, client: &RedisClient) -> Result<(), StoreError> {
        let after = client.nodes().await?;
        let is_over = self.is_second_look || !Node::may_have_moved_keys(&self.nodes, &after);
        if is_over {
            self.is_done = true;
        } else {
            (self.nodes, self.at, self.is_second_look) = (after, 0, true);
        }
        Ok(())
    }
}

/// The names of a node that match a pattern, from this cursor on, and the next cursor, which is zero at the
/// end.
pub(super) async fn page(
    client: &RedisClient,
    node: &Node,
    cursor: u64,
    pattern: &str,
) -> Result<(u64, Vec<Vec<u8>>), StoreError> {
    let mut scan = redis::cmd("SCAN");
    scan.arg(cursor).arg("MATCH").arg(pattern).arg("COUNT").arg(COUNT);
    reply::page(client.send_to_node(node, scan).await?)
}

/// What tells one run of a node's server from another; nothing where that may not be asked.
pub(super) async fn run_of(client: &RedisClient, node: &Node) -> Result<Vec<u8>, StoreError> {
    let mut info: Cmd = redis::cmd("INFO");
    info.arg("server");
    let text = match client.send_to_node(node, info).await {
        Ok(Value::BulkString(text)) => text,
        Ok(Value::VerbatimString { text, .. }) => text.into_bytes(),
        Ok(_) => vec![],
        Err(error) if error.kind() == StoreErrorKind::Refused => vec![],
        Err(error) => return Err(error),
    };
    let text = String::from_utf8_lossy(&text);
    let run = text.lines().find_map(|line| line.strip_prefix("run_id:"));
    Ok(run.map(|run| run.trim().as_bytes().to_vec()).unwrap_or_default())
}
