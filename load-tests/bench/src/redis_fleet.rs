//! One Redis, or a cluster of them, as the one store of a measurement.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::Outcome;
use crate::process::free_address;
use crate::redis::Redis;

/// The hash slots of a cluster (Redis Cluster specification).
const SLOTS: usize = 16_384;
/// How long the nodes of a cluster may take to find each other.
const PATIENCE: Duration = Duration::from_secs(30);

/// One Redis, or the masters of a cluster.
pub struct RedisFleet {
    nodes: Vec<Redis>,
    cluster: bool,
}

impl RedisFleet {
    /// One server.
    ///
    /// # Errors
    /// redis-server is missing.
    pub fn single(folder: &Path) -> Outcome<Self> {
        Ok(Self {
            nodes: vec![node(folder, 0, &[])?],
            cluster: false,
        })
    }

    /// A cluster of so many masters without replicas, each with as many of the slots.
    ///
    /// # Errors
    /// redis-server is missing, or the nodes do not find each other.
    pub fn cluster(folder: &Path, count: usize) -> Outcome<Self> {
        let mut nodes = Vec::with_capacity(count);
        let mut buses = Vec::with_capacity(count);
        for number in 0..count {
            // Its own choice, 10,000 above the other one, need not be a port.
            let bus = free_address()?.port().to_string();
            let words = ["--cluster-enabled", "yes", "--cluster-port", bus.as_str()];
            nodes.push(node(folder, number, &words.map(str::to_owned))?);
            buses.push(bus);
        }
        for (number, node) in nodes.iter().enumerate() {
            let (first, last) = (SLOTS * number / count, SLOTS * (number + 1) / count - 1);
            obeyed(node, &format!("CLUSTER SET-CONFIG-EPOCH {}", number + 1))?;
            obeyed(node, &format!("CLUSTER ADDSLOTSRANGE {first} {last}"))?;
        }
        let fleet = Self {
            nodes,
            cluster: true,
        };
        if let Some((first, others)) = fleet.nodes.split_first() {
            for (other, bus) in others.iter().zip(buses.iter().skip(1)) {
                let port = other.address().port();
                obeyed(first, &format!("CLUSTER MEET 127.0.0.1 {port} {bus}"))?;
            }
        }
        fleet.settle()?;
        Ok(fleet)
    }

    fn settle(&self) -> Outcome<()> {
        let begun = Instant::now();
        let known = format!("cluster_known_nodes:{}\r", self.nodes.len());
        for node in &self.nodes {
            loop {
                let info = node.ask("CLUSTER INFO")?;
                if info.contains("cluster_state:ok") && info.contains(&known) {
                    break;
                }
                if begun.elapsed() > PATIENCE {
                    return Err("the nodes of a Redis Cluster do not find each other".into());
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        Ok(())
    }

    /// Its address, as the gateway is told it.
    pub fn url(&self) -> String {
        let hosts = self.nodes.iter().map(|node| node.address().to_string());
        let hosts = hosts.collect::<Vec<_>>().join(",");
        match self.cluster {
            true => format!("redis+cluster://{hosts}"),
            false => format!("redis://{hosts}"),
        }
    }

    /// The processor time of all nodes so far.
    ///
    /// # Errors
    /// One has ended.
    pub fn cpu(&self) -> Outcome<Duration> {
        self.nodes.iter().map(|node| node.process().cpu()).sum()
    }
}

fn node(folder: &Path, number: usize, words: &[String]) -> Outcome<Redis> {
    let own = folder.join(format!("redis-{number}"));
    std::fs::create_dir_all(&own)?;
    Redis::start_with(&own, words)
}

fn obeyed(node: &Redis, command: &str) -> Outcome<()> {
    match node.ask(command)?.as_str() {
        "+OK" => Ok(()),
        answer => Err(format!("{command}: {answer}").into()),
    }
}
