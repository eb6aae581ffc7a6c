//! The revocation channel in a cluster of several real nodes: one whose nodes do not hear each other,
//! and one that loses a master.

use std::time::{Duration, Instant};

use tokenbridge_bridge::Secret;
use tokenbridge_session_store::{Change, Changes, Clock, Notice, RedisStore, SessionStore};
use tokenbridge_session_store::{StoreError, SystemClock};

use crate::bench::{keyring, open};
use crate::samples::{key, session};
use crate::server::RedisServer;

/// Far more than anything here takes.
const BOUND: Duration = Duration::from_secs(60);
const SLOTS: u32 = 16_384;

struct RedisCluster {
    nodes: Vec<RedisServer>,
}

impl RedisCluster {
    /// So many masters that share the slots, and replicas of the first one.
    async fn start(masters: u32, replicas: usize) -> Self {
        let mut nodes = Vec::new();
        for _ in 0..masters as usize + replicas {
            let arguments = [
                ("--cluster-enabled", "yes"),
                ("--cluster-config-file", "nodes.conf"),
                ("--cluster-node-timeout", "1000"),
                ("--cluster-require-full-coverage", "no"),
                ("--cluster-allow-replica-migration", "no"),
                ("--repl-diskless-sync-delay", "0"),
            ];
            let arguments: Vec<&str> = arguments.iter().flat_map(|(a, b)| [*a, *b]).collect();
            nodes.push(RedisServer::start_with(&arguments).await);
        }
        let cluster = Self { nodes };
        for (number, node) in (0..masters).zip(&cluster.nodes) {
            let mut slots = redis::cmd("CLUSTER");
            slots.arg("ADDSLOTSRANGE");
            slots.arg(SLOTS * number / masters);
            slots.arg(SLOTS * (number + 1) / masters - 1);
            let _: String = node.ask(&slots).await;
        }
        for node in &cluster.nodes[1..] {
            let mut meet = redis::cmd("CLUSTER");
            meet.arg("MEET").arg("127.0.0.1").arg(node.port);
            let _: String = cluster.nodes[0].ask(&meet).await;
        }
        let all = format!("cluster_known_nodes:{}\r", cluster.nodes.len());
        cluster.until(0, &all).await;
        let first = cluster.id(0).await;
        for (number, node) in cluster.nodes.iter().enumerate() {
            cluster.until(number, &all).await;
            if number >= masters as usize {
                let mut replicate = redis::cmd("CLUSTER");
                replicate.arg("REPLICATE").arg(&first);
                let _: String = node.ask(&replicate).await;
            }
        }
        for number in 0..cluster.nodes.len() {
            let assigned = format!("cluster_slots_ok:{SLOTS}\r");
            cluster.until(number, &assigned).await;
            cluster.until(number, "cluster_state:ok").await;
            cluster
                .until(number, &format!("cluster_size:{masters}\r"))
                .await;
            if number >= masters as usize {
                // One that never had its master's data cannot take its place.
                cluster.until(number, "master_link_status:up").await;
            }
        }
        cluster
    }

    async fn until(&self, node: usize, wanted: &str) {
        let begin = Instant::now();
        let node = &self.nodes[node];
        loop {
            let mut info: String = node.ask(redis::cmd("CLUSTER").arg("INFO")).await;
            info += &node.ask::<String>(&redis::cmd("INFO")).await;
            if info.contains(wanted) {
                return;
            }
            assert!(begin.elapsed() < BOUND, "{wanted} never: {info}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn id(&self, node: usize) -> String {
        self.nodes[node]
            .ask(redis::cmd("CLUSTER").arg("MYID"))
            .await
    }

    /// The two do not speak to each other any more.
    async fn part(&self, one: usize, other: usize) {
        for (here, there) in [(one, other), (other, one)] {
            let mut forget = redis::cmd("CLUSTER");
            forget.arg("FORGET").arg(self.id(there).await);
            let _: String = self.nodes[here].ask(&forget).await;
        }
    }

    fn store(&self) -> RedisStore {
        let hosts = self.nodes.iter();
        let hosts: Vec<String> = hosts
            .map(|node| format!("127.0.0.1:{}", node.port))
            .collect();
        let url = format!("redis+cluster://{}", hosts.join(","));
        open(&Secret::new(url), keyring("k1", 1))
    }
}

async fn until(changes: &mut Changes, wanted: &Notice) {
    let heard = async { while changes.next().await != *wanted {} };
    tokio::time::timeout(BOUND, heard)
        .await
        .unwrap_or_else(|_| panic!("never: {wanted:?}"));
}

async fn listening(store: &RedisStore) -> Changes {
    let mut changes = store.changes();
    if !changes.are_live() {
        until(&mut changes, &Notice::Restored).await;
    }
    changes
}

async fn create(store: &RedisStore, number: u8) -> Result<(), StoreError> {
    let new = session(number, SystemClock::default().now());
    store.create(&new).await
}

fn ended(number: u8) -> Notice {
    Notice::Changed(key(number), Change::Ended)
}

#[tokio::test]
async fn what_one_master_is_told_is_heard_although_no_other_node_passes_it_on() {
    let cluster = RedisCluster::start(2, 0).await;
    let (here, there) = (cluster.store(), cluster.store());
    let mut changes = listening(&there).await;
    for number in 1..=8 {
        create(&here, number).await.unwrap();
    }
    cluster.part(0, 1).await;
    for number in 1..=8 {
        here.end(&key(number), None).await.unwrap();
        until(&mut changes, &ended(number)).await;
    }
}

#[tokio::test]
async fn a_master_that_is_lost_is_noticed_and_its_successor_is_listened_to() {
    let mut cluster = RedisCluster::start(3, 1).await;
    let (here, there) = (cluster.store(), cluster.store());
    let mut changes = listening(&there).await;
    cluster.nodes[0].kill();
    until(&mut changes, &Notice::Lost).await;
    until(&mut changes, &Notice::Restored).await;
    for number in 1..=12 {
        let begin = Instant::now();
        while create(&here, number).await.is_err() {
            assert!(begin.elapsed() < BOUND, "the store does not come back");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        here.end(&key(number), None).await.unwrap();
        until(&mut changes, &ended(number)).await;
    }
}
