//! Listens on Redis's channel of changes, and connects again by itself.
//!
//! A connection that carries nothing looks the same whether the server is idle or gone, so it is
//! pinged: that it broke is known within [`BEAT`] and [`PATIENCE`].

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use redis::{Msg, RedisResult};
use tokio::task::JoinHandle;

use super::address::Address;
use super::announcement;
use crate::changes::{Changes, Feed, Notice};

const BEAT: Duration = Duration::from_millis(250);
const PATIENCE: Duration = Duration::from_millis(500);
const CONNECTING: Duration = Duration::from_millis(1_500);
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// The process's one subscription, shared by all stores of one origin. It ends with the last.
pub(super) struct Follower {
    subscription: Arc<Subscription>,
    task: Mutex<Option<JoinHandle<()>>>,
}

struct Subscription {
    address: Address,
    channel: String,
    feed: Arc<Feed>,
}

impl Follower {
    pub(super) fn new(address: Address, channel: String) -> Self {
        let subscription = Subscription {
            address,
            channel,
            feed: Arc::new(Feed::new(false)),
        };
        Self {
            subscription: Arc::new(subscription),
            task: Mutex::default(),
        }
    }

    /// A listener. The first one starts the subscription, in the runtime that it is called in; the
    /// first one after that runtime was stopped starts it again.
    pub(super) fn listen(&self) -> Changes {
        let mut task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        let subscription = &self.subscription;
        if task.as_ref().is_none_or(JoinHandle::is_finished) {
            *task = Some(tokio::spawn(follow(Arc::clone(subscription))));
        }
        subscription.feed.listen()
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let task = self.task.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(task) = task {
            task.abort();
        }
    }
}

impl Subscription {
    /// Listens until the connection breaks. Says whether there was one.
    async fn listen_once(&self) -> bool {
        let connected = tokio::time::timeout(CONNECTING, self.subscribe()).await;
        let (mut sink, mut stream) = match connected {
            Ok(Ok(connection)) => connection,
            Ok(Err(_)) | Err(_) => return false,
        };
        let _noticing = Noticing::begin(&self.feed);
        tracing::debug!(redis = %self.address, "changes of sessions are noticed");
        let mut beat = tokio::time::interval(BEAT);
        loop {
            tokio::select! {
                message = stream.next() => match message {
                    Some(message) => self.tell(&message),
                    None => break,
                },
                _ = beat.tick() => {
                    let ping = tokio::time::timeout(PATIENCE, sink.ping::<redis::Value>());
                    if !matches!(ping.await, Ok(Ok(_))) {
                        break;
                    }
                }
            }
        }
        tracing::warn!(redis = %self.address, "changes of sessions go unnoticed until Redis is back");
        true
    }

    async fn subscribe(&self) -> RedisResult<(redis::aio::PubSubSink, redis::aio::PubSubStream)> {
        let mut connection = self.address.subscriber().await?;
        connection.subscribe(&self.channel).await?;
        Ok(connection.split())
    }

    fn tell(&self, message: &Msg) {
        match announcement::read(&String::from_utf8_lossy(message.get_payload_bytes())) {
            Some((key, change)) => self.feed.tell(Notice::Changed(key, change)),
            // Whatever it was, somebody changed something.
            None => {
                self.feed.tell(Notice::Lost);
                self.feed.tell(Notice::Restored);
            }
        }
    }
}

/// While this lives changes are noticed; however it ends, a stopped runtime included, no longer.
struct Noticing<'f>(&'f Feed);

impl<'f> Noticing<'f> {
    fn begin(feed: &'f Feed) -> Self {
        feed.tell(Notice::Restored);
        Self(feed)
    }
}

impl Drop for Noticing<'_> {
    fn drop(&mut self) {
        self.0.tell(Notice::Lost);
    }
}

async fn follow(subscription: Arc<Subscription>) {
    let mut pause = FIRST_PAUSE;
    loop {
        if subscription.listen_once().await {
            pause = FIRST_PAUSE;
        }
        tokio::time::sleep(pause).await;
        pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
    }
}
