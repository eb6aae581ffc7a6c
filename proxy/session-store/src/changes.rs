//! What happens to sessions, told to every replica: the revocation channel.
//!
//! Whoever keeps something of a session (an open stream, a cached token) listens here. A notice is
//! sent in the same atomic step as the write that it tells of, so after it a reader finds the new
//! state. Notices are not kept: who was away learns that some were [`Lost`](Notice::Lost), and
//! asks the store about whatever matters to it once they are [`Restored`](Notice::Restored).

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokenbridge_bridge::service::ServiceName;
use tokenbridge_bridge::session::SessionKey;
use tokio::sync::broadcast;

/// How far a listener may fall behind before notices are lost to it.
const KEPT: usize = 4096;

/// What happened to a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is over: logout, revocation, or the provider ended it.
    Ended,
    /// A new login of the same browser took its place.
    Replaced,
    /// Something else stands where this service's token belongs.
    Slot(ServiceName),
}

impl Change {
    /// The end of a session, as [`SessionStore::end`](crate::SessionStore::end) is told of it.
    pub(crate) fn ended(replaced_for: Option<Duration>) -> Self {
        match replaced_for {
            Some(_) => Self::Replaced,
            None => Self::Ended,
        }
    }
}

/// What a listener is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A session changed.
    Changed(SessionKey, Change),
    /// From now on changes may go unnoticed: what is known of any session may be out of date.
    Lost,
    /// Changes are noticed again; what happened in between was not.
    Restored,
}

/// One listener's end of the channel.
pub struct Changes {
    receiver: broadcast::Receiver<Notice>,
    feed: Arc<Feed>,
    /// What is told before the next notice is received.
    first: VecDeque<Notice>,
}

impl Changes {
    /// The next notice. A listener that came while the channel was broken is told so first; one
    /// that fell behind is told that notices were lost. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Notice {
        if let Some(notice) = self.first.pop_front() {
            return notice;
        }
        match self.receiver.recv().await {
            Ok(notice) => notice,
            Err(broadcast::error::RecvError::Lagged(_)) => {
                self.first.push_back(Notice::Restored);
                Notice::Lost
            }
            // The feed that this listener holds has the sender, so it is never closed.
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }

    /// Whether changes are noticed at this moment.
    pub fn are_live(&self) -> bool {
        self.feed.is_live()
    }
}

/// The sending end, one for each process.
pub(crate) struct Feed {
    sender: broadcast::Sender<Notice>,
    live: AtomicBool,
}

impl Feed {
    /// `live`: whether nothing has to be connected before changes are noticed.
    pub(crate) fn new(live: bool) -> Self {
        Self {
            sender: broadcast::Sender::new(KEPT),
            live: AtomicBool::new(live),
        }
    }

    pub(crate) fn is_live(&self) -> bool {
        self.live.load(Ordering::Acquire)
    }

    pub(crate) fn listen(self: &Arc<Self>) -> Changes {
        // First the ear, then the look: a change of state in between is heard twice, never missed.
        let receiver = self.sender.subscribe();
        let first = (!self.is_live()).then_some(Notice::Lost);
        Changes {
            receiver,
            feed: Arc::clone(self),
            first: first.into_iter().collect(),
        }
    }

    pub(crate) fn tell(&self, notice: Notice) {
        match notice {
            Notice::Lost => self.live.store(false, Ordering::Release),
            Notice::Restored => self.live.store(true, Ordering::Release),
            Notice::Changed(..) => {}
        }
        // Nobody may be listening.
        let _ = self.sender.send(notice);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(number: u8) -> Notice {
        Notice::Changed(SessionKey::from_bytes([number; 32]), Change::Ended)
    }

    #[tokio::test]
    async fn who_comes_while_nothing_is_noticed_is_told_so_first() {
        let feed = Arc::new(Feed::new(false));
        let mut changes = feed.listen();
        feed.tell(Notice::Restored);
        feed.tell(changed(1));
        assert!(changes.are_live());
        for expected in [Notice::Lost, Notice::Restored, changed(1)] {
            assert_eq!(changes.next().await, expected);
        }
    }

    #[tokio::test]
    async fn who_falls_behind_is_told_that_notices_were_lost() {
        let feed = Arc::new(Feed::new(true));
        let mut changes = feed.listen();
        for number in 0..=KEPT {
            feed.tell(changed((number % 7) as u8));
        }
        assert_eq!(changes.next().await, Notice::Lost);
        assert_eq!(changes.next().await, Notice::Restored);
        assert_eq!(changes.next().await, changed(1));
    }
}
