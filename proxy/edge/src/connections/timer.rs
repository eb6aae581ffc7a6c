//! A timer that is set anew for each request of a connection. Setting it to a later time than before
//! costs nothing, so there is one for each kind of wait, whose ends come later and later.

use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

/// A timer that lives as long as a connection.
pub(super) struct Timer(Pin<Box<Sleep>>);

impl Timer {
    pub(super) fn new() -> Self {
        Self(Box::pin(tokio::time::sleep(Duration::ZERO)))
    }

    /// Whether a moment has come; wakes the task when it comes. Nobody asks for a moment that this
    /// has told of already.
    pub(super) fn poll_until(&mut self, at: Instant, context: &mut Context<'_>) -> Poll<()> {
        if self.0.deadline() != at {
            self.0.as_mut().reset(at);
        }
        self.0.as_mut().poll(context)
    }

    /// What a future brings, if it does within a time.
    pub(super) async fn within<F: Future>(
        &mut self,
        time: Duration,
        future: F,
    ) -> Option<F::Output> {
        let mut future = pin!(future);
        let mut end = None;
        std::future::poll_fn(|context| {
            if let Poll::Ready(brought) = future.as_mut().poll(context) {
                return Poll::Ready(Some(brought));
            }
            let end = *end.get_or_insert_with(|| Instant::now() + time);
            self.poll_until(end, context).map(|()| None)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_timer_serves_one_wait_after_the_other() {
        let mut timer = Timer::new();
        let begin = Instant::now();
        let seconds = Duration::from_secs;
        for (given, taken, expected) in [
            (5, 2, Some(())),
            (1, 2, None),
            (9, 3, Some(())),
            (2, 3, None),
        ] {
            let before = begin.elapsed();
            let brought = timer
                .within(seconds(given), tokio::time::sleep(seconds(taken)))
                .await;
            assert_eq!(brought, expected);
            assert_eq!(begin.elapsed() - before, seconds(given.min(taken)));
        }
    }
}
