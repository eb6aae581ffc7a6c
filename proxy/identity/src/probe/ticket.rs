//! What a probe's address carries: its id, sealed, so that no replica has to remember it and
//! nobody else can make one.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokenbridge_bridge::{Secret, UnixTime};
use tokenbridge_session_store::{Keyring, Purpose};
use zeroize::Zeroizing;

use crate::login::flow::LIFE;

#[derive(Deserialize, Serialize)]
struct Sealed {
    i: Zeroizing<String>,
    t: u64,
}

/// What a ticket leads to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// The probe of this id.
    Probe(Secret),
    /// One that was begun too long ago.
    Expired,
    /// None.
    Unknown,
}

/// What a mark of a probe is for.
#[derive(Clone, Copy)]
pub(crate) enum Mark {
    /// That its ticket was used.
    Used,
    /// What is known before the last of its authorizations.
    Part,
    /// Its report.
    Report,
}

/// The ticket of a probe; `None` when the operating system's random source failed.
pub(crate) fn seal(keyring: &Keyring, id: &Secret, now: UnixTime) -> Option<Secret> {
    let sealed = Sealed {
        i: Zeroizing::new(id.expose().to_owned()),
        t: now.seconds(),
    };
    let text = Zeroizing::new(serde_json::to_vec(&sealed).ok()?);
    let sealed = keyring.seal(Purpose::ProbeTicket, &[], &text).ok()?;
    Some(Secret::new(URL_SAFE_NO_PAD.encode(sealed)))
}

/// The probe that a ticket is for.
pub(crate) fn open(keyring: &Keyring, ticket: &str, now: UnixTime) -> Found {
    let opened = URL_SAFE_NO_PAD
        .decode(ticket)
        .ok()
        .and_then(|sealed| keyring.open(Purpose::ProbeTicket, &[], &sealed).ok())
        .and_then(|text| serde_json::from_slice::<Sealed>(text.expose()).ok());
    match opened {
        Some(sealed) if now.since(UnixTime::from_seconds(sealed.t)) >= LIFE => Found::Expired,
        Some(sealed) => Found::Probe(Secret::new(sealed.i.as_str())),
        None => Found::Unknown,
    }
}

/// Under which the store keeps something of a probe.
pub(crate) fn mark(kind: Mark, id: &str) -> [u8; 32] {
    let kind: &[u8] = match kind {
        Mark::Used => b"tokenbridge probe used\0",
        Mark::Part => b"tokenbridge probe part\0",
        Mark::Report => b"tokenbridge probe report\0",
    };
    Sha256::new()
        .chain_update(kind)
        .chain_update(id)
        .finalize()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_leads_to_its_probe_for_a_while_and_only_where_it_was_made() {
        let (ours, others) = (Keyring::random().unwrap(), Keyring::random().unwrap());
        let at = UnixTime::from_seconds;
        let id = Secret::new("the id");
        let ticket = seal(&ours, &id, at(1_000)).unwrap();
        assert!(!ticket.expose().contains("the id"));
        let late = 1_000 + LIFE.as_secs();
        assert_eq!(open(&ours, ticket.expose(), at(late - 1)), Found::Probe(id));
        assert_eq!(open(&ours, ticket.expose(), at(late)), Found::Expired);
        assert_eq!(open(&others, ticket.expose(), at(1_000)), Found::Unknown);
        for forged in ["", "x", "AAAA", "the id"] {
            assert_eq!(open(&ours, forged, at(1_000)), Found::Unknown, "{forged}");
        }
        assert_ne!(mark(Mark::Used, "a"), mark(Mark::Report, "a"));
    }
}
