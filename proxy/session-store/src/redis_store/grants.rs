//! Grants, and the leases of those who renew them.

use std::time::Duration;

use tokenbridge_bridge::grant::{Generation, GrantName, RefreshGrant, Written};
use tokenbridge_bridge::session::SessionKey;

use super::sessions::milliseconds;
use super::{RedisStore, names};
use crate::error::StoreError;
use crate::lease::{Acquired, Lease, SentMark};

const UNREADABLE_GRANT: StoreError = StoreError::Corrupt("a grant");
const UNKNOWN_ANSWER: StoreError = StoreError::Corrupt("the answer of a script");

impl RedisStore {
    pub(super) async fn read_grant(
        &self,
        key: &SessionKey,
        name: &GrantName,
    ) -> Result<Option<RefreshGrant>, StoreError> {
        let fields = [names::FACTS.to_owned(), names::grant(name)];
        let command = redis::Cmd::hmget(self.names.session(key), &fields[..]);
        let (facts, grant): (Option<Vec<u8>>, Option<Vec<u8>>) = self.query(&command).await?;
        let Some(value) = grant.filter(|_| facts.is_some()) else {
            return Ok(None);
        };
        self.codec
            .open_grant(key, name, &value)
            .ok_or(UNREADABLE_GRANT)
            .map(Some)
    }

    pub(super) async fn store_grant(
        &self,
        key: &SessionKey,
        name: &GrantName,
        grant: &RefreshGrant,
    ) -> Result<Option<Generation>, StoreError> {
        let mut call = self.scripts.put_grant.key(self.names.session(key));
        call.arg(names::grant(name))
            .arg(names::sent(name))
            .arg(self.codec.grant(key, name, grant)?);
        let number = self
            .run::<String>(&call)
            .await?
            .parse()
            .map_err(|_| UNKNOWN_ANSWER)?;
        Ok((number != 0).then_some(Generation::from_number(number)))
    }

    pub(super) async fn acquire_lease(
        &self,
        lease: &Lease,
        ttl: Duration,
    ) -> Result<Acquired, StoreError> {
        let mut call = self.scripts.acquire.key(self.names.session(&lease.session));
        call.key(self.names.lease(&lease.session, &lease.grant))
            .arg(names::grant(&lease.grant))
            .arg(names::sent(&lease.grant))
            .arg(holder(lease))
            .arg(milliseconds(ttl));
        let answer: Vec<Vec<u8>> = self.run(&call).await?;
        let parts: Vec<&[u8]> = answer.iter().map(Vec::as_slice).collect();
        match parts.as_slice() {
            [b"held", grant, generation, remaining, age] => {
                let grant = self.codec.open_grant(&lease.session, &lease.grant, grant);
                let Some(grant) = grant else {
                    self.release_lease(lease).await?;
                    return Err(UNREADABLE_GRANT);
                };
                let sent = sent_mark(generation, remaining, age)?;
                Ok(Acquired::Held {
                    grant: Box::new(grant),
                    sent,
                })
            }
            [b"busy", remaining] => Ok(Acquired::Busy {
                remaining: Duration::from_millis(number(remaining)?),
            }),
            [b"no_grant"] => Ok(Acquired::NoGrant),
            [b"gone"] => Ok(Acquired::Gone),
            _ => Err(UNKNOWN_ANSWER),
        }
    }

    pub(super) async fn keep_lease(
        &self,
        lease: &Lease,
        ttl: Duration,
    ) -> Result<bool, StoreError> {
        let mut call = self.scripts.keep.key(self.names.session(&lease.session));
        call.key(self.names.lease(&lease.session, &lease.grant))
            .arg(holder(lease))
            .arg(milliseconds(ttl));
        self.run::<bool>(&call).await
    }

    pub(super) async fn release_lease(&self, lease: &Lease) -> Result<(), StoreError> {
        let mut call = self
            .scripts
            .release
            .key(self.names.lease(&lease.session, &lease.grant));
        call.arg(holder(lease));
        self.run::<i64>(&call).await.map(|_| ())
    }

    pub(super) async fn store_sent(
        &self,
        lease: &Lease,
        generation: Generation,
        deadline: Duration,
    ) -> Result<Written, StoreError> {
        let mut call = self
            .scripts
            .mark_sent
            .key(self.names.session(&lease.session));
        call.key(self.names.lease(&lease.session, &lease.grant))
            .arg(names::grant(&lease.grant))
            .arg(names::sent(&lease.grant))
            .arg(holder(lease))
            .arg(generation.number())
            .arg(milliseconds(deadline));
        written(&self.run::<String>(&call).await?)
    }

    pub(super) async fn remove_sent(
        &self,
        lease: &Lease,
        generation: Generation,
    ) -> Result<Written, StoreError> {
        let mut call = self
            .scripts
            .clear_sent
            .key(self.names.session(&lease.session));
        call.arg(names::sent(&lease.grant))
            .arg(holder(lease))
            .arg(generation.number());
        written(&self.run::<String>(&call).await?)
    }

    pub(super) async fn complete_grant(
        &self,
        key: &SessionKey,
        name: &GrantName,
        spent: Generation,
        next: &RefreshGrant,
    ) -> Result<Written, StoreError> {
        let mut call = self.scripts.complete.key(self.names.session(key));
        call.arg(names::grant(name))
            .arg(names::sent(name))
            .arg(spent.number())
            .arg(spent.next().number())
            .arg(self.codec.grant(key, name, next)?);
        written(&self.run::<String>(&call).await?)
    }
}

pub(super) fn written(answer: &str) -> Result<Written, StoreError> {
    match answer {
        "stored" => Ok(Written::Stored),
        "stale" => Ok(Written::Stale),
        "gone" => Ok(Written::Gone),
        _ => Err(UNKNOWN_ANSWER),
    }
}

fn sent_mark(
    generation: &[u8],
    remaining: &[u8],
    age: &[u8],
) -> Result<Option<SentMark>, StoreError> {
    if generation.is_empty() {
        return Ok(None);
    }
    Ok(Some(SentMark {
        generation: Generation::from_number(number(generation)?),
        remaining: Duration::from_millis(number(remaining)?),
        age: Duration::from_millis(number(age)?),
    }))
}

fn number(text: &[u8]) -> Result<u64, StoreError> {
    let number = std::str::from_utf8(text)
        .ok()
        .and_then(|text| text.parse().ok());
    number.ok_or(UNKNOWN_ANSWER)
}

fn holder(lease: &Lease) -> String {
    format!("{:032x}", lease.holder.0)
}
