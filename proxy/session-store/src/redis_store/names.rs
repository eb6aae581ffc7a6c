//! The names of keys and fields in Redis.
//!
//! | key | holds |
//! |---|---|
//! | `tb:<frontend>:session:{<key>}` | hash: `f` facts and profile, `l` when it was last used (Unix seconds), `g:<grant>` generation and grant, `s:<grant>` sent mark, `t:<service>` slot; or `r` alone: it was replaced |
//! | `tb:<frontend>:lease:{<key>}:<grant>` | the holder |
//! | `tb:<frontend>:subject:<hash>`, `...:idp-session:<hash>` | sorted set: key and its creation (Unix seconds, 4 bytes) in base64url, by the session's end |
//! | `tb:<frontend>:due:<shard>` | sorted set: `<key>` by the time at which it falls due |
//! | `tb:<frontend>:once:<mark>` | a mark that was claimed |
//! | `tb:<frontend>:shared:<mark>` | a token of the gateway's own |
//! | `tb:<frontend>:note:<mark>` | what a probe found |
//! | `tb:<frontend>:rate:<limit>:{<whose>}` | when a token bucket is full again, microseconds |
//!
//! The channel `tb:<frontend>:changes` tells what happens to sessions (see `announcement`).
//!
//! `<key>` is the session key in base64url. The braces keep a session's keys in one slot of a
//! cluster (Redis Cluster specification, hash tags).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use tokenbridge_bridge::UnixTime;
use tokenbridge_bridge::grant::GrantName;
use tokenbridge_bridge::service::ServiceName;
use tokenbridge_bridge::session::{SessionFacts, SessionKey, Subject};

/// The field of a session's facts. A session is there as long as this field is.
pub(super) const FACTS: &str = "f";
/// The field of when it was last used.
pub(super) const SEEN: &str = "l";
/// The field that is left, alone, when a new login replaced the session.
pub(super) const REPLACED: &str = "r";
const SLOT: &str = "t:";
const GRANT: &str = "g:";
const SENT: &str = "s:";
/// Sessions are spread over this many due sets. It is part of the stored format.
pub(super) const DUE_SHARDS: u8 = 16;

/// The names of one frontend.
#[derive(Clone)]
pub(super) struct Names {
    prefix: String,
}

impl Names {
    pub(super) fn of(frontend: &str) -> Self {
        Self {
            prefix: format!("tb:{frontend}"),
        }
    }

    pub(super) fn session(&self, key: &SessionKey) -> String {
        [&self.prefix, ":session:{", &text(key), "}"].concat()
    }

    pub(super) fn lease(&self, key: &SessionKey, grant: &GrantName) -> String {
        format!(
            "{}:lease:{{{}}}:{}",
            self.prefix,
            text(key),
            grant_text(grant)
        )
    }

    pub(super) fn subject(&self, subject: &Subject) -> String {
        let hash = hash(&[&subject.issuer, &subject.subject]);
        format!("{}:subject:{hash}", self.prefix)
    }

    pub(super) fn idp_session(&self, issuer: &str, sid: &str) -> String {
        format!("{}:idp-session:{}", self.prefix, hash(&[issuer, sid]))
    }

    /// All index sets that a session stands in beside its due shard.
    pub(super) fn indexes(&self, facts: &SessionFacts) -> Vec<String> {
        let mut indexes = vec![self.subject(&facts.subject)];
        if let Some(sid) = &facts.idp_session {
            indexes.push(self.idp_session(&facts.subject.issuer, sid));
        }
        indexes
    }

    pub(super) fn due(&self, key: &SessionKey) -> String {
        let [first, ..] = key.as_bytes();
        self.due_shard(first % DUE_SHARDS)
    }

    pub(super) fn due_shard(&self, shard: u8) -> String {
        format!("{}:due:{shard}", self.prefix)
    }

    /// The bucket of somebody under a rate limit.
    pub(super) fn rate(&self, limit: &str, whose: &str) -> String {
        format!("{}:rate:{limit}:{{{whose}}}", self.prefix)
    }

    /// The channel on which changes of sessions are told.
    pub(super) fn changes(&self) -> String {
        format!("{}:changes", self.prefix)
    }

    pub(super) fn shared(&self, mark: &[u8; 32]) -> String {
        format!("{}:shared:{}", self.prefix, URL_SAFE_NO_PAD.encode(mark))
    }

    pub(super) fn note(&self, mark: &[u8; 32]) -> String {
        format!("{}:note:{}", self.prefix, URL_SAFE_NO_PAD.encode(mark))
    }

    pub(super) fn once(&self, mark: &[u8; 32]) -> String {
        format!("{}:once:{}", self.prefix, URL_SAFE_NO_PAD.encode(mark))
    }
}

pub(super) fn slot(service: &ServiceName) -> String {
    [SLOT, service.as_str()].concat()
}

pub(super) fn grant(name: &GrantName) -> String {
    format!("{GRANT}{}", grant_text(name))
}

pub(super) fn sent(name: &GrantName) -> String {
    format!("{SENT}{}", grant_text(name))
}

/// The service whose slot a field is.
pub(super) fn service_of_slot(field: &str) -> Option<ServiceName> {
    field.strip_prefix(SLOT).map(ServiceName::new)
}

/// The grant that a field holds.
pub(super) fn grant_of_field(field: &str) -> Option<GrantName> {
    match field.strip_prefix(GRANT)?.split_once(':') {
        Some(("service", service)) => Some(GrantName::Service(ServiceName::new(service))),
        Some(_) => None,
        None => (field == grant(&GrantName::Login)).then_some(GrantName::Login),
    }
}

fn grant_text(name: &GrantName) -> String {
    match name {
        GrantName::Login => "login".to_owned(),
        GrantName::Service(service) => format!("service:{service}"),
    }
}

/// What stands for a session in a due set.
pub(super) fn text(key: &SessionKey) -> String {
    URL_SAFE_NO_PAD.encode(key.as_bytes())
}

pub(super) fn parse_text(text: &str) -> Option<SessionKey> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    bytes.try_into().ok().map(SessionKey::from_bytes)
}

/// What stands for a session in an index set: when it was created tells whether it may still be
/// on its way into the store.
pub(super) fn member(key: &SessionKey, created_at: UnixTime) -> String {
    let created = u32::try_from(created_at.seconds()).unwrap_or(u32::MAX);
    URL_SAFE_NO_PAD.encode([key.as_bytes().as_slice(), &created.to_be_bytes()].concat())
}

pub(super) fn parse_member(member: &str) -> Option<(SessionKey, UnixTime)> {
    let bytes = URL_SAFE_NO_PAD.decode(member).ok()?;
    let (key, created) = bytes.split_first_chunk::<32>()?;
    let created = u32::from_be_bytes(created.try_into().ok()?);
    Some((
        SessionKey::from_bytes(*key),
        UnixTime::from_seconds(created.into()),
    ))
}

/// The first half of SHA-256 over each text behind its length. Nobody can find a subject that has
/// another one's hash, for which 128 bits do.
fn hash(texts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    }
    let hash: [u8; 32] = hash.finalize().into();
    let (half, _) = hash.split_at(16);
    URL_SAFE_NO_PAD.encode(half)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_member_is_read_as_it_was_written() {
        let key = SessionKey::from_bytes([0xfb; 32]);
        for created in [0, 1, 1_795_956_477, u64::from(u32::MAX)] {
            let created = UnixTime::from_seconds(created);
            assert_eq!(parse_member(&member(&key, created)), Some((key, created)));
        }
        for wrong in [String::new(), text(&key), format!("{}:1", text(&key))] {
            assert_eq!(parse_member(&wrong), None, "{wrong}");
        }
    }
}
