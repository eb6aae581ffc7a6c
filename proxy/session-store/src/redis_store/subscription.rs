//! What is listened to: one server, or every master of a cluster.

use futures_util::future::join_all;
use futures_util::stream::{BoxStream, SelectAll};
use futures_util::{StreamExt, stream};
use redis::aio::PubSubSink;
use redis::{Msg, RedisResult};

use super::address::Address;
use super::cluster::Masters;

/// Open connections on which a channel is listened to.
pub(super) struct Subscription {
    sinks: Vec<PubSubSink>,
    /// What comes, and once that a connection ended.
    messages: SelectAll<BoxStream<'static, Option<Msg>>>,
    masters: Option<Masters>,
}

impl Subscription {
    /// Listens to a channel.
    ///
    /// # Errors
    /// Not all that has to be listened to is there.
    pub(super) async fn open(address: &Address, channel: &str) -> RedisResult<Self> {
        let (connections, masters) = address.subscribers().await?;
        let (mut sinks, mut messages) = (Vec::new(), SelectAll::new());
        for mut connection in connections {
            connection.subscribe(channel).await?;
            let (sink, incoming) = connection.split();
            sinks.push(sink);
            let ended = stream::once(std::future::ready(None));
            messages.push(incoming.map(Some).chain(ended).boxed());
        }
        Ok(Self {
            sinks,
            messages,
            masters,
        })
    }

    /// The next message; `None` once a connection has ended.
    pub(super) async fn next(&mut self) -> Option<Msg> {
        self.messages.next().await.flatten()
    }

    /// Whether every connection answers.
    pub(super) async fn answers(&mut self) -> bool {
        let pings = self.sinks.iter_mut();
        let pings = join_all(pings.map(|sink| sink.ping::<redis::Value>()));
        pings.await.iter().all(RedisResult::is_ok)
    }

    /// Whether all that has to be listened to still is.
    pub(super) async fn is_whole(&mut self) -> bool {
        match &mut self.masters {
            None => true,
            Some(masters) => masters.are_unchanged().await,
        }
    }
}
