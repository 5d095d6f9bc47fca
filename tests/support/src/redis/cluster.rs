//! A Redis Cluster of three primaries.

use std::collections::BTreeSet;

use crate::wait::until_blocking;

use super::{
    RedisServer, binary, free_port,
    tls::{Authority, Certificates},
};

const SLOTS: u16 = 16384;

/// Three nodes, each with a third of the slots.
pub struct RedisCluster {
    pub nodes: Vec<RedisServer>,
    certificates: Option<Certificates>,
}

impl RedisCluster {
    pub fn start() -> Self {
        Self::start_with(None)
    }

    /// One where clients and nodes speak TLS; the test itself does not.
    pub fn start_with_tls() -> Self {
        Self::start_with(Some(Certificates::new()))
    }

    fn start_with(certificates: Option<Certificates>) -> Self {
        let nodes: Vec<RedisServer> = (0..3).map(|_| node(certificates.as_ref())).collect();
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
            let () =
                first.command(&["CLUSTER", "MEET", "127.0.0.1", &other.main_port().to_string()]);
        }
        let cluster = Self { nodes, certificates };
        cluster.wait_until_whole();
        cluster
    }

    /// A node that was a member for a moment and still runs: as `redis-cli --cluster del-node` leaves
    /// it where it `forgets` the others, else without knowing that they have forgotten it.
    pub fn former_member(&self, forgets: bool) -> RedisServer {
        let former = node(self.certificates.as_ref());
        let first = &self.nodes[0];
        let () = first.command(&["CLUSTER", "MEET", "127.0.0.1", &former.main_port().to_string()]);
        let all = || self.nodes.iter().chain([&former]);
        until_blocking("the node does not become a member", || {
            all().all(|node| {
                let known: String = node.command(&["CLUSTER", "NODES"]);
                let connected = known.lines().filter(|line| line.contains(" connected"));
                connected.count() == 4 && !known.contains("handshake")
            })
        });
        until_blocking("the node does not learn where slots are", || {
            former.command::<String>(&["CLUSTER", "INFO"]).contains("cluster_slots_ok:16384")
        });
        let id: String = former.command(&["CLUSTER", "MYID"]);
        for node in &self.nodes {
            let () = node.command(&["CLUSTER", "FORGET", &id]);
        }
        if forgets {
            let () = former.command(&["CLUSTER", "RESET", "SOFT"]);
        }
        former
    }

    /// How many subscribers a channel has on the members.
    pub fn subscribers(&self, channel: &str) -> u64 {
        let count = |node: &RedisServer| {
            let (_, count): (String, u64) = node.command(&["PUBSUB", "NUMSUB", channel]);
            count
        };
        self.nodes.iter().map(count).sum()
    }

    /// Waits until every node knows where every slot is.
    pub fn wait_until_whole(&self) {
        until_blocking("the nodes do not become a cluster", || {
            self.nodes.iter().all(|node| {
                let info: String = node.command(&["CLUSTER", "INFO"]);
                let has = |line: &str| info.lines().any(|known| known == line);
                has("cluster_state:ok") && has("cluster_slots_ok:16384") && has("cluster_size:3")
            })
        });
    }

    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(RedisServer::main_url).collect()
    }

    /// Who signed the nodes' certificate.
    pub fn authority(&self) -> &Authority {
        self.certificates.as_ref().expect("a Cluster with TLS").authority()
    }

    /// The names of all keys, on whichever node.
    pub fn keys(&self) -> Vec<String> {
        self.nodes.iter().flat_map(|node| node.command::<Vec<String>>(&["KEYS", "*"])).collect()
    }

    /// The slots of all keys of which there are any.
    pub fn slots(&self) -> BTreeSet<u16> {
        let slot = |key: &String| self.nodes[0].command(&["CLUSTER", "KEYSLOT", key]);
        self.keys().iter().map(slot).collect()
    }

    /// The number of the node that holds a slot at first.
    pub fn holder(slot: u16) -> usize {
        usize::from(3 * slot / SLOTS)
    }

    /// Begins to move a slot: keys go one by one from then on.
    pub fn begin_to_move(&self, slot: u16, from: usize, to: usize) {
        let slot = slot.to_string();
        let id = |node: usize| self.nodes[node].command::<String>(&["CLUSTER", "MYID"]);
        let set = |node: usize, state: &str, other: usize| {
            let () = self.nodes[node].command(&["CLUSTER", "SETSLOT", &slot, state, &id(other)]);
        };
        set(to, "IMPORTING", from);
        set(from, "MIGRATING", to);
    }

    /// Moves the keys that are in a slot now; how many that were.
    pub fn move_keys(&self, slot: u16, from: usize, to: usize) -> usize {
        let slot = slot.to_string();
        let keys: Vec<String> =
            self.nodes[from].command(&["CLUSTER", "GETKEYSINSLOT", &slot, "1000"]);
        let port = self.nodes[to].main_port().to_string();
        for key in &keys {
            let _: String =
                self.nodes[from].command(&["MIGRATE", "127.0.0.1", &port, key, "0", "1000"]);
        }
        keys.len()
    }

    /// Makes the new node the slot's holder, and waits until all nodes know.
    pub fn end_move(&self, slot: u16, to: usize) {
        let slot = slot.to_string();
        let id: String = self.nodes[to].command(&["CLUSTER", "MYID"]);
        // the new holder first, as a slot without one would be lost with a message
        let others = (0..self.nodes.len()).filter(|&node| node != to);
        for node in std::iter::once(to).chain(others) {
            let () = self.nodes[node].command(&["CLUSTER", "SETSLOT", &slot, "NODE", &id]);
        }
        until_blocking("the nodes do not agree", || {
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

fn node(certificates: Option<&Certificates>) -> RedisServer {
    for _ in 0..50 {
        let mut arguments = vec!["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"];
        let tls = certificates.map(|certificates| certificates.arguments(false));
        if tls.is_some() {
            arguments.extend(["--tls-cluster", "yes"]);
        }
        let arguments = arguments.into_iter().map(str::to_owned).chain(tls.into_iter().flatten());
        // it ends where the port for other nodes, 10,000 above, is taken or none
        if let Some(node) = RedisServer::start_at(free_port(), arguments.collect()) {
            return node;
        }
    }
    panic!("{} did not start as a node of a cluster", binary().display());
}
