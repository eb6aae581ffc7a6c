//! The machine as it is: tokio's runtime and the operating system's random source.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use tokio::runtime::Handle;

use crate::minting::ports::Machine;

/// Runs tasks on one runtime.
pub(crate) struct TokioMachine {
    runtime: Handle,
}

impl TokioMachine {
    pub(crate) fn new(runtime: Handle) -> Self {
        Self { runtime }
    }
}

#[async_trait]
impl Machine for TokioMachine {
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        drop(self.runtime.spawn(task));
    }

    fn random(&self) -> Option<u128> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).ok()?;
        Some(u128::from_ne_bytes(bytes))
    }
}
