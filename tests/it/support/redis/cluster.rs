//! A Redis Cluster of three primaries.

use std::{collections::BTreeSet, net::TcpListener};

use super::{RedisServer, binary, free_port, wait_until};

/// How far a node's port for other nodes is from that for clients.
const BUS: u16 = 10_000;
const SLOTS: u16 = 16384;

/// Three nodes, each with a third of the slots.
pub(crate) struct RedisCluster {
    pub(crate) nodes: Vec<RedisServer>,
}

impl RedisCluster {
    pub(crate) fn start() -> Self {
        let nodes: Vec<RedisServer> = (0..3).map(|_| node()).collect();
        for (number, node) in (0_u16..).zip(&nodes) {
            let slots = SLOTS * number / 3..SLOTS * (number + 1) / 3;
            let slots: Vec<String> = slots.map(|slot| slot.to_string()).collect();
            let mut words = vec!["CLUSTER", "ADDSLOTS"];
            words.extend(slots.iter().map(String::as_str));
            let () = node.command(&words);
            let () = node.command(&["CLUSTER", "SET-CONFIG-EPOCH", &(number + 1).to_string()]);
        }
        let [first, others @ ..] = nodes.as_slice() else { panic!("three nodes") };
        for other in others {
            let () = first.command(&["CLUSTER", "MEET", "127.0.0.1", &other.port().to_string()]);
        }
        let cluster = Self { nodes };
        cluster.wait_until_whole();
        cluster
    }

    /// Waits until every node knows where every slot is.
    pub(crate) fn wait_until_whole(&self) {
        wait_until("the nodes do not become a cluster", || {
            self.nodes.iter().all(|node| {
                let info: String = node.command(&["CLUSTER", "INFO"]);
                let has = |line: &str| info.lines().any(|known| known == line);
                has("cluster_state:ok") && has("cluster_slots_ok:16384") && has("cluster_size:3")
            })
        });
    }

    pub(crate) fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(RedisServer::url).collect()
    }

    /// The names of all keys, on whichever node.
    pub(crate) fn keys(&self) -> Vec<String> {
        self.nodes.iter().flat_map(|node| node.command::<Vec<String>>(&["KEYS", "*"])).collect()
    }

    /// The slots of all keys of which there are any.
    pub(crate) fn slots(&self) -> BTreeSet<u16> {
        let slot = |key: &String| self.nodes[0].command(&["CLUSTER", "KEYSLOT", key]);
        self.keys().iter().map(slot).collect()
    }

    /// The number of the node that holds a slot at first.
    pub(crate) fn holder(slot: u16) -> usize {
        usize::from(3 * slot / SLOTS)
    }

    /// Begins to move a slot: keys go one by one from then on.
    pub(crate) fn begin_to_move(&self, slot: u16, from: usize, to: usize) {
        let slot = slot.to_string();
        let id = |node: usize| self.nodes[node].command::<String>(&["CLUSTER", "MYID"]);
        let set = |node: usize, state: &str, other: usize| {
            let () = self.nodes[node].command(&["CLUSTER", "SETSLOT", &slot, state, &id(other)]);
        };
        set(to, "IMPORTING", from);
        set(from, "MIGRATING", to);
    }

    /// Moves the keys that are in a slot now; how many that were.
    pub(crate) fn move_keys(&self, slot: u16, from: usize, to: usize) -> usize {
        let slot = slot.to_string();
        let keys: Vec<String> =
            self.nodes[from].command(&["CLUSTER", "GETKEYSINSLOT", &slot, "1000"]);
        let port = self.nodes[to].port().to_string();
        for key in &keys {
            let _: String =
                self.nodes[from].command(&["MIGRATE", "127.0.0.1", &port, key, "0", "1000"]);
        }
        keys.len()
    }

    /// Makes the new node the slot's holder, and waits until all nodes know.
    pub(crate) fn end_move(&self, slot: u16, to: usize) {
        let slot = slot.to_string();
        let id: String = self.nodes[to].command(&["CLUSTER", "MYID"]);
        // the new holder first, as a slot without one would be lost with a message
        let others = (0..self.nodes.len()).filter(|&node| node != to);
        for node in std::iter::once(to).chain(others) {
            let () = self.nodes[node].command(&["CLUSTER", "SETSLOT", &slot, "NODE", &id]);
        }
        wait_until("the nodes do not agree", || {
            let views: Vec<_> = self.nodes.iter().map(view).collect();
            let do_agree = views.windows(2).all(|pair| pair[0] == pair[1]);
            if !do_agree {
                // a node that knows the holder and not yet its epoch may have believed an old message
                for node in &self.nodes {
                    let words = ["SETSLOT", &slot, "NODE", &id];
                    let said: Result<(), _> =
                        redis::cmd("CLUSTER").arg(&words).query(&mut node.connection());
                    drop(said);
                }
            }
            do_agree
        });
    }
}

/// What a node knows of all: identity, epoch and slots of each.
fn view(node: &RedisServer) -> Vec<String> {
    let known: String = node.command(&["CLUSTER", "NODES"]);
    let line = |line: &str| {
        let fields: Vec<&str> = line.split(' ').collect();
        format!("{} {} {:?}", fields[0], fields[6], &fields[8..])
    };
    let mut view: Vec<String> = known.lines().map(line).collect();
    view.sort();
    view
}

fn node() -> RedisServer {
    for _ in 0..50 {
        let port = free_port();
        let Some(bus) = port.checked_add(BUS) else { continue };
        if TcpListener::bind(("127.0.0.1", bus)).is_err() {
            continue;
        }
        let arguments = ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"];
        if let Some(node) = RedisServer::start_at(port, arguments.map(str::to_owned).to_vec()) {
            return node;
        }
    }
    panic!("{} did not start as a node of a cluster", binary().display());
}
