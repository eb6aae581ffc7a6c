//! One call to Redis, of each kind, counted.

use redis::{Cmd, ErrorKind, FromRedisValue, ScriptInvocation, Value};

use super::RedisStore;
use crate::error::StoreError;

const OTHER_ANSWER: (ErrorKind, &str) = (ErrorKind::Parse, "an answer of another form");

impl RedisStore {
    pub(super) async fn observe<T>(
        &self,
        operation: &'static str,
        outcome: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let outcome = outcome.await;
        self.count(operation, &outcome);
        outcome
    }

    pub(super) fn count<T>(&self, operation: &'static str, outcome: &Result<T, StoreError>) {
        if let Some(telemetry) = &self.telemetry {
            telemetry.operation(operation, StoreError::status(outcome.as_ref().err()));
        }
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
            .call(|mut wire| async move {
                let answer = wire.ask(command).await?;
                Ok(redis::from_redis_value(answer.extract_error()?)?)
            })
            .await
    }

    /// Values or nothing, of which there must be so many: what `HMGET` answers.
    pub(super) async fn fields<const N: usize>(
        &self,
        command: &Cmd,
    ) -> Result<[Option<Vec<u8>>; N], StoreError> {
        self.link
            .call(|mut wire| async move {
                let values = match wire.ask(command).await? {
                    Value::Array(values) => values,
                    Value::ServerError(error) => return Err(error.into()),
                    _ => return Err(OTHER_ANSWER.into()),
                };
                let values = <[Value; N]>::try_from(values).map_err(|_| OTHER_ANSWER)?;
                let mut fields = [const { None }; N];
                for (field, value) in fields.iter_mut().zip(values) {
                    *field = match value {
                        Value::BulkString(bytes) => Some(bytes),
                        Value::Nil => None,
                        _ => return Err(OTHER_ANSWER.into()),
                    };
                }
                Ok(fields)
            })
            .await
    }
}
