//! What stands in each kind of stored value, part by part.

use tokenbridge_bridge::grant::{Generation, RefreshGrant};
use tokenbridge_bridge::service::Audience;
use tokenbridge_bridge::session::{Profile, SessionFacts, Subject};
use tokenbridge_bridge::token::{MintRefusal, MintRefusalReason, ServiceToken, TokenSlot};

use super::record::{Reader, Writer};

/// What a slot begins with.
const TOKEN: u64 = 0;
const REFUSED: u64 = 1;

/// The profile comes last: who needs the facts alone stops before it.
pub(super) fn write_session(writer: &mut Writer, facts: &SessionFacts, profile: &Profile) {
    writer.text(&facts.subject.issuer);
    writer.text(&facts.subject.subject);
    writer.choice(facts.idp_session.as_deref(), Writer::text);
    writer.time(facts.created_at);
    writer.time(facts.expires_at);
    writer.choice(facts.authenticated_at, Writer::time);
    writer.choice(facts.acr.as_deref(), Writer::text);
    for part in [&profile.name, &profile.preferred_username, &profile.email] {
        writer.choice(part.as_deref(), Writer::text);
    }
}

pub(super) fn read_facts(reader: &mut Reader<'_>) -> Option<SessionFacts> {
    Some(SessionFacts {
        subject: Subject {
            issuer: reader.owned()?,
            subject: reader.owned()?,
        },
        idp_session: reader.choice(Reader::owned)?,
        created_at: reader.time()?,
        expires_at: reader.time()?,
        authenticated_at: reader.choice(Reader::time)?,
        acr: reader.choice(Reader::owned)?,
    })
}

pub(super) fn read_session(reader: &mut Reader<'_>) -> Option<(SessionFacts, Profile)> {
    let facts = read_facts(reader)?;
    let profile = Profile {
        name: reader.choice(Reader::owned)?,
        preferred_username: reader.choice(Reader::owned)?,
        email: reader.choice(Reader::owned)?,
    };
    Some((facts, profile))
}

/// A grant without its generation, which stands beside it in clear: scripts compare it.
pub(super) fn write_grant(writer: &mut Writer, grant: &RefreshGrant) {
    writer.choice(grant.refresh_token.as_ref(), Writer::token);
    writer.choice(grant.scopes.as_deref(), |writer, scopes| {
        writer.list(scopes, |writer, scope| writer.text(scope));
    });
    writer.choice(
        grant.access_token.as_ref(),
        |writer, (token, expires_at)| {
            writer.token(token);
            writer.time(*expires_at);
        },
    );
    writer.choice(grant.id_token.as_ref(), Writer::token);
}

pub(super) fn read_grant(reader: &mut Reader<'_>, generation: Generation) -> Option<RefreshGrant> {
    Some(RefreshGrant {
        refresh_token: reader.choice(Reader::token)?,
        generation,
        scopes: reader.choice(|reader| reader.list(Reader::owned))?,
        access_token: reader.choice(|reader| Some((reader.token()?, reader.time()?)))?,
        id_token: reader.choice(Reader::token)?,
    })
}

pub(super) fn write_slot(writer: &mut Writer, slot: &TokenSlot) {
    match slot {
        TokenSlot::Token(token) => {
            writer.number(TOKEN);
            writer.token(&token.value);
            writer.list(&token.audiences, |writer, one| writer.text(one.as_str()));
            writer.list(&token.scopes, |writer, scope| writer.text(scope));
            writer.time(token.issued_at);
            writer.time(token.expires_at);
            writer.flag(token.forced);
        }
        TokenSlot::Refused(refusal) => {
            writer.number(REFUSED);
            writer.text(refusal.reason.as_str());
            writer.text(&refusal.detail);
            writer.time(refusal.at);
        }
    }
}

/// `None` also for a reason that this version does not know.
pub(super) fn read_slot(reader: &mut Reader<'_>) -> Option<TokenSlot> {
    match reader.number()? {
        TOKEN => Some(TokenSlot::Token(ServiceToken {
            value: reader.token()?,
            audiences: reader.list(|reader| reader.text().map(Audience::new))?,
            scopes: reader.list(Reader::owned)?,
            issued_at: reader.time()?,
            expires_at: reader.time()?,
            forced: reader.flag()?,
        })),
        REFUSED => {
            let reason = reader.text()?;
            Some(TokenSlot::Refused(MintRefusal {
                reason: MintRefusalReason::ALL
                    .into_iter()
                    .find(|one| one.as_str() == reason)?,
                detail: reader.owned()?,
                at: reader.time()?,
            }))
        }
        _ => None,
    }
}
