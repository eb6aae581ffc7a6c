//! One call to Redis, of each kind, counted.

use redis::{Cmd, FromRedisValue, ScriptInvocation};

use super::RedisStore;
use crate::error::StoreError;

impl RedisStore {
    pub(super) async fn observe<T>(
        &self,
        operation: &'static str,
        outcome: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let outcome = outcome.await;
        if let Some(telemetry) = &self.telemetry {
            telemetry.operation(operation, StoreError::status(outcome.as_ref().err()));
        }
        outcome
    }

    pub(super) async fn run<T: FromRedisValue>(
        &self,
        script: &ScriptInvocation<'_>,
    ) -> Result<T, StoreError> {
        self.link
            .call(|mut wire| async move { script.invoke_async(&mut wire).await })
            .await
    }

    pub(super) async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, StoreError> {
        self.link
            .call(|mut wire| async move { command.query_async(&mut wire).await })
            .await
    }
}
