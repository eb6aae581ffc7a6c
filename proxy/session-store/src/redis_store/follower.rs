//! Listens on Redis's channel of changes, and connects again by itself.
//!
//! A connection that carries nothing looks the same whether the server is idle or gone, so it is
//! pinged: that it broke is known within [`BEAT`] and [`PATIENCE`].

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use redis::Msg;
use tokio::task::JoinHandle;

use super::address::Address;
use super::announcement;
use super::subscription::Subscription;
use crate::changes::{Changes, Feed, Notice};

const BEAT: Duration = Duration::from_millis(250);
const PATIENCE: Duration = Duration::from_millis(500);
/// A cluster is asked for its masters once in so many beats.
const BEATS_PER_LOOK: u32 = 4;
const CONNECTING: Duration = Duration::from_millis(1_500);
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// The process's one subscription, shared by all stores of one origin. It ends with the last.
pub(super) struct Follower {
    source: Arc<Source>,
    task: Mutex<Option<JoinHandle<()>>>,
}

struct Source {
    address: Address,
    channel: String,
    feed: Arc<Feed>,
}

impl Follower {
    pub(super) fn new(address: Address, channel: String) -> Self {
        let source = Source {
            address,
            channel,
            feed: Arc::new(Feed::new(false)),
        };
        Self {
            source: Arc::new(source),
            task: Mutex::default(),
        }
    }

    /// A listener. The first one starts the subscription, in the runtime that it is called in; the
    /// first one after that runtime was stopped starts it again.
    pub(super) fn listen(&self) -> Changes {
        let mut task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        let source = &self.source;
        if task.as_ref().is_none_or(JoinHandle::is_finished) {
            *task = Some(tokio::spawn(follow(Arc::clone(source))));
        }
        source.feed.listen()
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

impl Source {
    /// Listens until a connection breaks. Says whether there was one.
    async fn listen_once(&self) -> bool {
        let opening = Subscription::open(&self.address, &self.channel);
        let mut subscription = match tokio::time::timeout(CONNECTING, opening).await {
            Ok(Ok(subscription)) => subscription,
            Ok(Err(_)) | Err(_) => return false,
        };
        let _noticing = Noticing::begin(&self.feed);
        tracing::debug!(redis = %self.address, "changes of sessions are noticed");
        let mut beat = tokio::time::interval(BEAT);
        let mut beats = 0;
        loop {
            tokio::select! {
                message = subscription.next() => match message {
                    Some(message) => self.tell(&message),
                    None => break,
                },
                _ = beat.tick() => {
                    beats = (beats + 1) % BEATS_PER_LOOK;
                    let answers = tokio::time::timeout(PATIENCE, subscription.answers());
                    let well = answers.await.unwrap_or_default();
                    if !well || beats == 0 && !subscription.is_whole().await {
                        break;
                    }
                }
            }
        }
        tracing::warn!(redis = %self.address, "changes of sessions go unnoticed until Redis is back");
        true
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

async fn follow(source: Arc<Source>) {
    let mut pause = FIRST_PAUSE;
    loop {
        if source.listen_once().await {
            pause = FIRST_PAUSE;
        }
        tokio::time::sleep(pause).await;
        pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
    }
}
