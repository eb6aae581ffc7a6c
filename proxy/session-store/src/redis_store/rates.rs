//! Token buckets that all replicas share. They expire by themselves when they are full.

use std::sync::Arc;
use std::time::Duration;

use redis::{Script, ScriptInvocation};
use tokenbridge_bridge::rate::{Bucket, Level};
use tokenbridge_bridge::session::SessionKey;

use super::RedisStore;
use super::link::Link;
use super::names::{self, Names};
use crate::error::StoreError;
use crate::telemetry::StoreTelemetry;

/// Shared buckets, over the connection of the store that they come from.
pub struct SharedRates {
    names: Names,
    script: Script,
    link: Link,
    telemetry: Option<Arc<dyn StoreTelemetry>>,
}

impl RedisStore {
    /// The buckets beside this store's sessions.
    pub fn rates(&self) -> SharedRates {
        SharedRates {
            names: self.names.clone(),
            script: Script::new(include_str!("scripts/take.lua")),
            link: self.link.clone(),
            telemetry: self.telemetry.clone(),
        }
    }
}

impl SharedRates {
    /// One request: takes a token of `whose` bucket under a limit's name, by the server's clock.
    /// `whose` is made of letters, digits, `-` and `_`.
    ///
    /// # Errors
    /// Redis does not answer or is full.
    pub async fn take(
        &self,
        limit: &str,
        whose: &str,
        bucket: &Bucket,
    ) -> Result<Level, StoreError> {
        let call = self.script.key(self.names.rate(limit, whose));
        self.run(call, bucket).await
    }

    /// The same of a session's bucket. One that the store does not have has none: its request is
    /// allowed here, to be refused where sessions are judged.
    ///
    /// # Errors
    /// Redis does not answer or is full.
    pub async fn take_of_session(
        &self,
        limit: &str,
        session: &SessionKey,
        bucket: &Bucket,
    ) -> Result<Level, StoreError> {
        let whose = names::text(session);
        let mut call = self.script.key(self.names.rate(limit, &whose));
        call.key(self.names.session(session));
        self.run(call, bucket).await
    }

    async fn run(
        &self,
        mut call: ScriptInvocation<'_>,
        bucket: &Bucket,
    ) -> Result<Level, StoreError> {
        let microseconds = |time: Duration| time.as_secs_f64() * 1e6;
        call.arg(microseconds(bucket.interval()))
            .arg(microseconds(bucket.window()));
        let call = &call;
        let outcome = self
            .link
            .call::<(bool, u64), _>(|mut wire| async move { call.invoke_async(&mut wire).await })
            .await;
        if let Some(telemetry) = &self.telemetry {
            telemetry.operation("take", StoreError::status(outcome.as_ref().err()));
        }
        let (allowed, missing) = outcome?;
        Ok(bucket.level(allowed, missing.saturating_mul(1_000)))
    }
}
