//! A cluster's masters, as its nodes see them. A notice is published at the master of its session,
//! and the bus that would carry it to the others may be cut: so all masters are listened to.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::{join_all, try_join_all};
use redis::aio::{MultiplexedConnection, PubSub};
use redis::cluster::ClusterClient;
use redis::{Client, ConnectionAddr, ConnectionInfo, ErrorKind, RedisError, RedisResult, Value};

use super::address::{Tls, client};

/// A node that does not answer in this time is not asked on.
const PATIENCE: Duration = Duration::from_millis(500);

/// Where a node is: host and port.
type NodeAddress = (String, u16);

/// A cluster, and the nodes that are known of it beforehand.
pub(super) struct Cluster {
    pub(super) client: ClusterClient,
    pub(super) seeds: Vec<ConnectionInfo>,
    pub(super) tls: Option<Tls>,
}

/// The masters that are listened to, and connections to ask them.
pub(super) struct Masters {
    known: BTreeSet<NodeAddress>,
    nodes: Vec<Node>,
}

/// A node that can be asked.
struct Node {
    address: NodeAddress,
    connection: MultiplexedConnection,
}

/// What a node knows: the older of two epochs is out of date.
struct View {
    epoch: u64,
    masters: BTreeSet<NodeAddress>,
}

impl Cluster {
    /// Connects to every master, to listen and to ask.
    pub(super) async fn subscribers(&self) -> RedisResult<(Vec<PubSub>, Masters)> {
        let known = masters(&mut self.seeds().await).await?;
        let connections = known.iter().map(|master| self.subscriber(master));
        let connections = try_join_all(connections).await?;
        let nodes = known.iter().map(|(host, port)| async {
            let place = self.place(host, *port)?;
            self.node(place).await
        });
        let nodes = try_join_all(nodes).await?;
        Ok((connections, Masters { known, nodes }))
    }

    async fn subscriber(&self, (host, port): &NodeAddress) -> RedisResult<PubSub> {
        self.client_of(self.place(host, *port)?)?
            .get_async_pubsub()
            .await
    }

    fn client_of(&self, info: ConnectionInfo) -> RedisResult<Client> {
        client(info, self.tls.as_ref())
            .map_err(|_| RedisError::from((ErrorKind::InvalidClientConfig, "no such node")))
    }

    /// The configured nodes that answer.
    async fn seeds(&self) -> Vec<Node> {
        let nodes = self.seeds.iter().map(|seed| self.node(seed.clone()));
        let nodes = join_all(nodes.map(|node| tokio::time::timeout(PATIENCE, node))).await;
        nodes.into_iter().flatten().flatten().collect()
    }

    /// How the node at an address is reached: as the configured ones are.
    fn place(&self, host: &str, port: u16) -> RedisResult<ConnectionInfo> {
        let seed = self.seeds.first();
        let seed = seed.ok_or((ErrorKind::InvalidClientConfig, "a cluster without nodes"))?;
        let host = host.to_owned();
        let address = match seed.addr() {
            ConnectionAddr::TcpTls {
                insecure,
                tls_params,
                ..
            } => ConnectionAddr::TcpTls {
                host,
                port,
                insecure: *insecure,
                tls_params: tls_params.clone(),
            },
            _ => ConnectionAddr::Tcp(host, port),
        };
        Ok(seed.clone().set_addr(address))
    }

    async fn node(&self, info: ConnectionInfo) -> RedisResult<Node> {
        let address = match info.addr() {
            ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => {
                (host.clone(), *port)
            }
            _ => return Err((ErrorKind::InvalidClientConfig, "not an address of TCP").into()),
        };
        let client = self.client_of(info)?;
        let connection = client.get_multiplexed_async_connection().await?;
        Ok(Node {
            address,
            connection,
        })
    }
}

impl Masters {
    /// Whether they still are the masters.
    pub(super) async fn are_unchanged(&mut self) -> bool {
        let now = masters(&mut self.nodes).await;
        now.is_ok_and(|now| now == self.known)
    }
}

/// The masters that the best informed of these nodes know: all that any of them names.
///
/// # Errors
/// No node answers that is in a working cluster.
async fn masters(nodes: &mut [Node]) -> RedisResult<BTreeSet<NodeAddress>> {
    let views = nodes
        .iter_mut()
        .map(|node| tokio::time::timeout(PATIENCE, node.view()));
    let views = join_all(views).await.into_iter().flatten().flatten();
    let views: Vec<View> = views.flatten().collect();
    let newest = views.iter().map(|view| view.epoch).max();
    let known = views.into_iter().filter(|view| Some(view.epoch) == newest);
    let masters: BTreeSet<NodeAddress> = known.flat_map(|view| view.masters).collect();
    match masters.is_empty() {
        false => Ok(masters),
        true => Err((ErrorKind::Io, "no node knows a working cluster").into()),
    }
}

impl Node {
    /// What this node knows; nothing where it knows that it is cut off.
    async fn view(&mut self) -> RedisResult<Option<View>> {
        let mut question = redis::cmd("CLUSTER");
        // Who may not ask this takes the node's word for it.
        let info: RedisResult<String> =
            question.arg("INFO").query_async(&mut self.connection).await;
        let info = info.unwrap_or_default();
        if info.contains("cluster_state:fail") {
            return Ok(None);
        }
        let epoch = info
            .lines()
            .find_map(|line| line.strip_prefix("cluster_current_epoch:"));
        let epoch = epoch.and_then(|epoch| epoch.trim().parse().ok());
        let slots: Value = redis::cmd("CLUSTER")
            .arg("SLOTS")
            .query_async(&mut self.connection)
            .await?;
        Ok(Some(View {
            epoch: epoch.unwrap_or_default(),
            masters: masters_of(&slots, &self.address.0),
        }))
    }
}

/// The masters in an answer to `CLUSTER SLOTS`: of each range the first node. One without a host is
/// where it was asked.
fn masters_of(slots: &Value, asked: &str) -> BTreeSet<NodeAddress> {
    let Value::Array(ranges) = slots else {
        return BTreeSet::new();
    };
    let master = |range: &Value| {
        let Value::Array(range) = range else {
            return None;
        };
        let Some(Value::Array(node)) = range.get(2) else {
            return None;
        };
        let host: Option<String> = redis::from_redis_value_ref(node.first()?).ok()?;
        let port: u16 = redis::from_redis_value_ref(node.get(1)?).ok()?;
        let host = host.filter(|host| !host.is_empty());
        Some((host.unwrap_or_else(|| asked.to_owned()), port))
    };
    ranges.iter().filter_map(master).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_range_of_slots_names_its_master() {
        let text = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        let node = |host: Value, port| Value::Array(vec![host, Value::Int(port), text("id")]);
        let range = |nodes: Vec<Value>| {
            let slots = [Value::Int(0), Value::Int(9)];
            Value::Array(slots.into_iter().chain(nodes).collect())
        };
        let slots = Value::Array(vec![
            range(vec![node(text("one"), 1), node(text("replica"), 9)]),
            range(vec![node(Value::Nil, 2)]),
            range(vec![node(text(""), 3)]),
            range(vec![]),
        ]);
        let expected = [("asked", 2), ("asked", 3), ("one", 1)];
        let expected = expected.map(|(host, port)| (host.to_owned(), port));
        assert_eq!(masters_of(&slots, "asked"), BTreeSet::from(expected));
        assert!(masters_of(&Value::Nil, "asked").is_empty());
    }
}
