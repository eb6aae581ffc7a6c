//! Which sessions belong to whom, and when each falls due. These keys live apart from the
//! sessions (in a cluster in other slots), so entries are written before the session, removed
//! after it, and checked when they are read.

use std::collections::BTreeMap;
use std::time::Duration;

use redis::Cmd;
use tokenbridge_bridge::UnixTime;
use tokenbridge_bridge::session::{SessionFacts, SessionKey};

use super::sessions::milliseconds;
use super::{RedisStore, names};
use crate::error::StoreError;

/// How long an index set outlives its last member, and for how long an entry whose end has come is
/// left to a gateway with a slow clock.
const MARGIN: Duration = Duration::from_secs(24 * 3600);
/// An entry without a session is taken for stale only when it is older: the session may be on its
/// way.
const ON_ITS_WAY: Duration = Duration::from_secs(60);
/// How many sessions are looked up at the same time.
const AT_A_TIME: usize = 128;
/// How often a search for due sessions goes on after it found ended ones alone.
const SEARCHES: usize = 8;

impl RedisStore {
    pub(super) async fn add_to_indexes(
        &self,
        key: &SessionKey,
        facts: &SessionFacts,
    ) -> Result<(), StoreError> {
        let lifetime = facts
            .expires_at
            .since(facts.created_at)
            .saturating_add(MARGIN);
        let member = names::member(key, facts.created_at);
        let over = facts.created_at.minus(MARGIN).seconds().to_string();
        let mut calls = Vec::new();
        for index in self.names.indexes(facts) {
            let mut call = self.scripts.index_add.key(index);
            call.arg(&member)
                .arg(facts.expires_at.seconds())
                .arg(milliseconds(lifetime))
                .arg(&over);
            calls.push(call);
        }
        // Until a renewal is scheduled, a session is looked at once it is over, and dropped.
        let mut due = self.scripts.index_add.key(self.names.due(key));
        due.arg(names::text(key))
            .arg(facts.expires_at.seconds())
            .arg(milliseconds(lifetime))
            .arg("");
        calls.push(due);
        let added = calls.iter().map(|call| self.run::<i64>(call));
        futures_util::future::try_join_all(added).await.map(|_| ())
    }

    /// What is left behind when this fails is dropped by whoever reads it.
    pub(super) async fn remove_from_indexes(&self, key: &SessionKey, facts: &SessionFacts) {
        let member = names::member(key, facts.created_at);
        let mut commands: Vec<Cmd> = self
            .names
            .indexes(facts)
            .iter()
            .map(|index| Cmd::zrem(index, &member))
            .collect();
        commands.push(Cmd::zrem(self.names.due(key), names::text(key)));
        self.try_all(&commands).await;
    }

    pub(super) async fn remove_from_due(&self, key: &SessionKey) {
        self.try_all(&[Cmd::zrem(self.names.due(key), names::text(key))])
            .await;
    }

    async fn try_all(&self, commands: &[Cmd]) {
        let all = commands.iter().map(|command| self.query::<i64>(command));
        for outcome in futures_util::future::join_all(all).await {
            if let Err(error) = outcome {
                tracing::debug!(%error, "an index entry stays until it is read");
            }
        }
    }

    /// The live sessions of an index set. Stale entries are removed.
    pub(super) async fn live_in_index(&self, index: String) -> Result<Vec<SessionKey>, StoreError> {
        let members: Vec<String> = self.query(&Cmd::zrange(&index, 0, -1)).await?;
        let parsed: Vec<_> = members
            .iter()
            .map(|member| names::parse_member(member))
            .collect();
        let keys: Vec<SessionKey> = parsed.iter().flatten().map(|(key, _)| *key).collect();
        let live = self.which_live(&keys).await?;
        if live.len() == members.len() {
            return Ok(live);
        }
        let (seconds, _): (u64, u64) = self.query(&redis::cmd("TIME")).await?;
        let oldest_kept = UnixTime::from_seconds(seconds).minus(ON_ITS_WAY);
        let stale = members
            .iter()
            .zip(&parsed)
            .filter(|(_, parsed)| match parsed {
                Some((key, created_at)) => *created_at < oldest_kept && !live.contains(key),
                None => true,
            });
        let commands: Vec<Cmd> = stale.map(|(member, _)| Cmd::zrem(&index, member)).collect();
        self.try_all(&commands).await;
        Ok(live)
    }

    async fn which_live(&self, keys: &[SessionKey]) -> Result<Vec<SessionKey>, StoreError> {
        let mut live = Vec::with_capacity(keys.len());
        for some in keys.chunks(AT_A_TIME) {
            let commands: Vec<Cmd> = some
                .iter()
                .map(|key| Cmd::hexists(self.names.session(key), names::FACTS))
                .collect();
            let there = commands.iter().map(|command| self.query::<bool>(command));
            let there = futures_util::future::try_join_all(there).await?;
            live.extend(
                some.iter()
                    .zip(there)
                    .filter(|(_, there)| *there)
                    .map(|(key, _)| *key),
            );
        }
        Ok(live)
    }

    pub(super) async fn schedule_session(
        &self,
        key: &SessionKey,
        at: UnixTime,
    ) -> Result<(), StoreError> {
        let mut call = self.scripts.schedule.key(self.names.due(key));
        call.arg(names::text(key))
            .arg(at.seconds())
            .arg("")
            .arg(milliseconds(MARGIN));
        self.run::<i64>(&call).await.map(|_| ())
    }

    /// Back to being looked at once it is over.
    pub(super) async fn unschedule_session(&self, key: &SessionKey) -> Result<(), StoreError> {
        let remaining: i64 = self.query(&Cmd::pttl(self.names.session(key))).await?;
        if remaining < 0 {
            self.remove_from_due(key).await;
            return Ok(());
        }
        let mut call = self.scripts.schedule.key(self.names.due(key));
        call.arg(names::text(key))
            .arg("")
            .arg(remaining)
            .arg(milliseconds(MARGIN));
        self.run::<i64>(&call).await.map(|_| ())
    }

    pub(super) async fn due_sessions(
        &self,
        now: UnixTime,
        limit: usize,
    ) -> Result<Vec<SessionKey>, StoreError> {
        for _ in 0..SEARCHES {
            let noted = self.noted_due(now, limit).await?;
            let live = self.which_live(&noted).await?;
            let ended = noted.iter().filter(|key| !live.contains(key));
            let dropped: Vec<Cmd> = ended
                .map(|key| Cmd::zrem(self.names.due(key), names::text(key)))
                .collect();
            self.try_all(&dropped).await;
            if noted.is_empty() || !live.is_empty() {
                return Ok(live);
            }
        }
        Ok(Vec::new())
    }

    /// What the due sets hold, earliest first.
    async fn noted_due(&self, now: UnixTime, limit: usize) -> Result<Vec<SessionKey>, StoreError> {
        let count = isize::try_from(limit).unwrap_or(isize::MAX);
        let commands: Vec<Cmd> = (0..names::DUE_SHARDS)
            .map(|shard| {
                let set = self.names.due_shard(shard);
                Cmd::zrangebyscore_limit_withscores(set, "-inf", now.seconds(), 0, count)
            })
            .collect();
        let shards = commands
            .iter()
            .map(|command| self.query::<Vec<(String, f64)>>(command));
        let shards = futures_util::future::try_join_all(shards).await?;
        let mut by_time: BTreeMap<(u64, SessionKey), ()> = BTreeMap::new();
        for (text, score) in shards.into_iter().flatten() {
            if let Some(key) = names::parse_text(&text) {
                by_time.insert((score as u64, key), ());
            }
        }
        Ok(by_time
            .into_keys()
            .map(|(_, key)| key)
            .take(limit)
            .collect())
    }

    pub(super) async fn count_sessions(&self) -> Result<u64, StoreError> {
        let commands: Vec<Cmd> = (0..names::DUE_SHARDS)
            .map(|shard| Cmd::zcard(self.names.due_shard(shard)))
            .collect();
        let counts = commands.iter().map(|command| self.query::<u64>(command));
        let counts = futures_util::future::try_join_all(counts).await?;
        Ok(counts.into_iter().fold(0, u64::saturating_add))
    }
}
