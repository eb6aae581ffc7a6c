//! Sessions as a whole: created, read, touched, ended.

use std::time::Duration;

use redis::Cmd;
use tokenbridge_bridge::UnixTime;
use tokenbridge_bridge::grant::{Generation, GrantName, Written};
use tokenbridge_bridge::service::ServiceName;
use tokenbridge_bridge::session::{FoundSession, Reading, SessionFacts, SessionKey};
use tokenbridge_bridge::token::TokenSlot;

use super::codec::numbered;
use super::fault::unavailable;
use super::grants::written;
use super::{RedisStore, announcement, names};
use crate::changes::Change;
use crate::error::StoreError;
use crate::store::{Described, Description, EndedSession, NewSession};

/// Field names and values, as `HGETALL` answers.
type Fields = Vec<(String, Vec<u8>)>;

impl RedisStore {
    pub(super) async fn create_session(&self, session: &NewSession) -> Result<(), StoreError> {
        let indexed = self.add_to_indexes(&session.key, &session.facts).await;
        let stored = match indexed {
            Ok(()) => self.store_session(session).await,
            Err(error) => Err(error),
        };
        if stored.is_err() {
            self.remove_from_indexes(&session.key, &session.facts).await;
        }
        stored
    }

    async fn store_session(&self, session: &NewSession) -> Result<(), StoreError> {
        let NewSession {
            key,
            facts,
            profile,
            grant,
        } = session;
        let sealed_grant = self.codec.grant(key, &GrantName::Login, grant)?;
        let mut call = self.scripts.create.key(self.names.session(key));
        call.arg(self.codec.session(key, facts, profile)?)
            .arg(facts.created_at.seconds())
            .arg(names::grant(&GrantName::Login))
            .arg(numbered(grant.generation, &sealed_grant))
            .arg(milliseconds(facts.expires_at.since(facts.created_at)));
        self.run::<i64>(&call).await.map(|_| ())
    }

    pub(super) async fn read_session(
        &self,
        key: &SessionKey,
        service: &ServiceName,
    ) -> Result<Reading, StoreError> {
        let slot_field = names::slot(service);
        let name = self.names.session(key);
        let parts = [
            "HMGET",
            &name,
            names::FACTS,
            names::SEEN,
            names::REPLACED,
            &slot_field,
        ];
        let bytes = parts.iter().map(|part| part.len()).sum();
        let mut command = Cmd::with_capacity(parts.len(), bytes);
        command.arg(&parts[..]);
        let [facts, seen, replaced, slot] = self.fields(&command).await?;
        let Some(sealed) = facts else {
            return Ok(if replaced.is_some() {
                Reading::Replaced
            } else {
                Reading::Absent
            });
        };
        let Some(facts) = self.codec.open_facts(key, &sealed) else {
            return Ok(Reading::Unreadable);
        };
        let last_seen = last_seen(&facts, seen.as_deref());
        let slot = slot.and_then(|slot| self.codec.open_slot(key, &slot_field, &slot));
        Ok(Reading::Found(Box::new(FoundSession {
            facts,
            last_seen,
            slot,
        })))
    }

    pub(super) async fn describe_session(&self, key: &SessionKey) -> Result<Described, StoreError> {
        let fields: Fields = self.query(&Cmd::hgetall(self.names.session(key))).await?;
        let Some(sealed) = value_of(names::FACTS, &fields) else {
            return Ok(match value_of(names::REPLACED, &fields) {
                Some(_) => Described::Replaced,
                None => Described::Absent,
            });
        };
        let Some((facts, profile)) = self.codec.open_session(key, sealed) else {
            return Ok(Described::Unreadable);
        };
        let slot = |(field, sealed): &(String, Vec<u8>)| {
            let service = names::service_of_slot(field)?;
            Some((service, self.codec.open_slot(key, field, sealed)?))
        };
        Ok(Described::Found(Box::new(Description {
            last_seen: last_seen(&facts, value_of(names::SEEN, &fields)),
            facts,
            profile,
            slots: fields.iter().filter_map(slot).collect(),
        })))
    }

    pub(super) async fn end_session(
        &self,
        key: &SessionKey,
        replaced_for: Option<Duration>,
        guard: Option<(&GrantName, Generation)>,
    ) -> Result<Option<EndedSession>, StoreError> {
        let mut call = self.scripts.end.key(self.names.session(key));
        call.arg(replaced_for.map_or(0, milliseconds))
            .arg(self.names.changes())
            .arg(announcement::write(key, &Change::ended(replaced_for)))
            .arg(guard.map_or_else(String::new, |(name, _)| names::grant(name)))
            .arg(guard.map_or_else(String::new, |(_, generation)| {
                generation.number().to_string()
            }));
        let fields: Fields = self.run(&call).await?;
        if fields.is_empty() {
            return Ok(None);
        }
        let sealed = value_of(names::FACTS, &fields);
        let Some(facts) = sealed.and_then(|sealed| self.codec.open_facts(key, sealed)) else {
            self.remove_from_due(key).await;
            return Ok(None);
        };
        self.remove_from_indexes(key, &facts).await;
        Ok(Some(self.ended(key, facts, &fields)))
    }

    fn ended(&self, key: &SessionKey, facts: SessionFacts, fields: &Fields) -> EndedSession {
        let mut ended = EndedSession {
            facts,
            refresh_tokens: Vec::new(),
            id_token: None,
        };
        for (field, value) in fields {
            let Some(name) = names::grant_of_field(field) else {
                continue;
            };
            let Some(grant) = self.codec.open_grant(key, &name, value) else {
                continue;
            };
            if name == GrantName::Login {
                ended.id_token = grant.id_token;
            }
            if let Some(token) = grant.refresh_token {
                ended.refresh_tokens.push((name, token));
            }
        }
        ended
            .refresh_tokens
            .sort_by(|(one, _), (other, _)| one.cmp(other));
        ended
    }

    pub(super) async fn touch_session(
        &self,
        key: &SessionKey,
        now: UnixTime,
    ) -> Result<bool, StoreError> {
        let mut call = self.scripts.touch.key(self.names.session(key));
        call.arg(now.seconds());
        self.run::<bool>(&call).await
    }

    pub(super) async fn store_slot(
        &self,
        key: &SessionKey,
        service: &ServiceName,
        slot: &TokenSlot,
        guard: Option<(&GrantName, Generation)>,
    ) -> Result<Written, StoreError> {
        let field = names::slot(service);
        let mut call = self.scripts.put_slot.key(self.names.session(key));
        call.arg(&field)
            .arg(self.codec.slot(key, &field, slot)?)
            .arg(self.names.changes())
            .arg(announcement::write(key, &Change::Slot(service.clone())));
        if let Some((name, generation)) = guard {
            call.arg(names::grant(name)).arg(generation.number());
        }
        written(&self.run::<String>(&call).await?)
    }

    pub(super) async fn claim_mark(
        &self,
        mark: &[u8; 32],
        ttl: Duration,
    ) -> Result<bool, StoreError> {
        let mut claim = [0; 16];
        getrandom::fill(&mut claim).map_err(|_| unavailable("no random source"))?;
        let mut call = self.scripts.claim_once.key(self.names.once(mark));
        call.arg(&claim[..]).arg(milliseconds(ttl));
        self.run::<bool>(&call).await
    }
}

fn value_of<'a>(name: &str, fields: &'a Fields) -> Option<&'a [u8]> {
    let (_, value) = fields.iter().find(|(field, _)| field == name)?;
    Some(value)
}

/// Without a note of its own, a session was last seen when it began.
fn last_seen(facts: &SessionFacts, seen: Option<&[u8]>) -> UnixTime {
    let seconds = seen.and_then(|text| std::str::from_utf8(text).ok()?.parse().ok());
    seconds.map_or(facts.created_at, |seen| {
        facts.created_at.max(UnixTime::from_seconds(seen))
    })
}

/// For a TTL: Redis refuses one of zero.
pub(super) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis())
        .unwrap_or(u64::MAX)
        .clamp(1, i64::MAX.unsigned_abs() >> 1)
}
