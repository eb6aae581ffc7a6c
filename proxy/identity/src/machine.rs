//! The machine as it is: tokio's runtime and the operating system's random source.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

use crate::minting::ports::Machine;

/// Runs tasks on one runtime, and counts them: a stop waits for their end.
pub(crate) struct TokioMachine {
    runtime: Handle,
    tasks: TaskTracker,
}

impl TokioMachine {
    pub(crate) fn new(runtime: Handle, tasks: TaskTracker) -> Self {
        Self { runtime, tasks }
    }
}

#[async_trait]
impl Machine for TokioMachine {
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        drop(self.tasks.spawn_on(task, &self.runtime));
    }

    fn random(&self) -> Option<u128> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).ok()?;
        Some(u128::from_ne_bytes(bytes))
    }
}
