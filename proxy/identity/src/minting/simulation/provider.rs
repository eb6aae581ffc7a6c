//! A provider that rotates refresh tokens, or does not, and that notices what is used again.

use std::time::Duration;

use tokenbridge_bridge::{Secret, UnixTime};

use super::scenario::{Refusal, Reuse, Scenario};
use crate::tokens::request::{ACCESS_TOKEN_TYPE, TokenRequest};
use crate::tokens::response::{Answer, OauthError, OauthErrorKind, TokenResponse};

pub(super) const ISSUER: &str = "https://idp";
pub(super) const SUBJECT: &str = "alice";
/// An ID token of [`SUBJECT`]; the number of its answer stands where a signature would.
const ID_TOKEN: &str = "e30.eyJpc3MiOiJodHRwczovL2lkcCIsInN1YiI6ImFsaWNlIn0.";
/// The service whose target is refused, where one is.
const REFUSED: &str = "https://b";
/// For whom a token is when nobody says what it is for.
pub(super) const PLAIN: &str = "https://c";

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Live,
    Spent(Duration),
    Revoked,
}

struct RefreshToken {
    grant: usize,
    state: State,
    /// Whether it was ever answered with a refusal that ends it.
    refused: bool,
}

/// See the module.
pub(super) struct Provider {
    reuse: Reuse,
    refusal: Refusal,
    life: Duration,
    tokens: Vec<RefreshToken>,
    /// For whom the tokens of each grant are when a refresh does not say.
    grants: Vec<String>,
    answers: usize,
}

impl Provider {
    pub(super) fn new(scenario: &Scenario) -> Self {
        Self {
            reuse: scenario.reuse,
            refusal: scenario.refusal,
            life: Duration::from_secs(scenario.life),
            tokens: Vec::new(),
            grants: Vec::new(),
            answers: 0,
        }
    }

    /// What a login brings.
    pub(super) fn login(&mut self, now: UnixTime) -> TokenResponse {
        self.grant(PLAIN, now)
    }

    fn grant(&mut self, target: &str, now: UnixTime) -> TokenResponse {
        let refresh_token = self.issue(self.grants.len());
        self.grants.push(target.into());
        self.answer(target, Some(refresh_token), now)
    }

    pub(super) fn process(&mut self, request: &TokenRequest, at: (Duration, UnixTime)) -> Answer {
        let target = field(request, "resource");
        if let Some(number) = spent(request) {
            let own = self.grants[self.tokens[number].grant].clone();
            return self.refresh(number, target.unwrap_or(&own), at);
        }
        match field(request, "code") {
            Some(_) => Answer::Granted(Box::new(self.grant(target.unwrap_or(PLAIN), at.1))),
            None => self.exchange(request, target.unwrap_or(PLAIN), at.1),
        }
    }

    fn refresh(&mut self, number: usize, target: &str, at: (Duration, UnixTime)) -> Answer {
        let state = self.tokens[number].state;
        let grant = self.tokens[number].grant;
        let repeated = match (state, self.reuse) {
            (State::Live, _) => false,
            (State::Spent(since), Reuse::Accepted(grace)) if at.0 - since <= grace => true,
            (State::Spent(since), Reuse::RevokesNewer(grace)) if at.0 - since <= grace => {
                self.end(grant);
                true
            }
            (State::Spent(_) | State::Revoked, reuse) => {
                if reuse != Reuse::Refused {
                    self.end(grant);
                }
                self.tokens[number].refused = true;
                return refused(OauthErrorKind::InvalidGrant, "invalid_grant");
            }
        };
        if self.refusal != Refusal::Never && target == REFUSED {
            if self.refusal == Refusal::Spends {
                self.tokens[number].refused = true;
                if !repeated {
                    self.tokens[number].state = State::Spent(at.0);
                }
            }
            return refused(OauthErrorKind::InvalidTarget, "invalid_target");
        }
        if self.reuse == Reuse::Static {
            return Answer::Granted(Box::new(self.answer(target, None, at.1)));
        }
        if !repeated {
            self.tokens[number].state = State::Spent(at.0);
        }
        let next = self.issue(grant);
        Answer::Granted(Box::new(self.answer(target, Some(next), at.1)))
    }

    fn exchange(&mut self, request: &TokenRequest, target: &str, now: UnixTime) -> Answer {
        let subject = AccessToken::read(field(request, "subject_token").unwrap());
        if subject.ends <= now {
            return refused(OauthErrorKind::InvalidGrant, "invalid_grant");
        }
        if self.refusal != Refusal::Never && target == REFUSED {
            return refused(OauthErrorKind::InvalidTarget, "invalid_target");
        }
        let mut answer = self.answer(target, None, now);
        answer.issued_token_type = Some(ACCESS_TOKEN_TYPE.into());
        answer.id_token = None;
        Answer::Granted(Box::new(answer))
    }

    /// Revokes one refresh token (RFC 7009); one that is spent already is nobody's business.
    pub(super) fn revoke(&mut self, number: usize) {
        if self.tokens[number].state == State::Live {
            self.tokens[number].state = State::Revoked;
        }
    }

    /// Ends the grant of a token, as its administrator would.
    pub(super) fn end_grant_of(&mut self, number: usize) {
        self.end(self.tokens[number].grant);
    }

    pub(super) fn is_live(&self, number: usize) -> bool {
        self.tokens[number].state == State::Live
    }

    /// Whether the provider has said that this token is of no more use.
    pub(super) fn has_refused(&self, number: usize) -> bool {
        self.tokens[number].refused
    }

    fn end(&mut self, grant: usize) {
        let of_grant = self.tokens.iter_mut().filter(|token| token.grant == grant);
        of_grant
            .filter(|token| token.state == State::Live)
            .for_each(|token| token.state = State::Revoked);
    }

    fn issue(&mut self, grant: usize) -> Secret {
        let number = self.tokens.len();
        self.tokens.push(RefreshToken {
            grant,
            state: State::Live,
            refused: false,
        });
        Secret::new(format!("rt|{number}"))
    }

    fn answer(&mut self, target: &str, next: Option<Secret>, now: UnixTime) -> TokenResponse {
        self.answers += 1;
        let token = AccessToken {
            answer: self.answers,
            ends: now.plus(self.life),
            audience: target,
        };
        TokenResponse {
            access_token: Some(Secret::new(token.write())),
            expires_in: Some(self.life),
            refresh_token: next,
            id_token: Some(Secret::new(format!("{ID_TOKEN}{:08}", self.answers))),
            ..TokenResponse::default()
        }
    }
}

/// What an access token of this provider says.
pub(super) struct AccessToken<'a> {
    /// The number of the answer that brought it.
    pub(super) answer: usize,
    pub(super) ends: UnixTime,
    pub(super) audience: &'a str,
}

impl<'a> AccessToken<'a> {
    fn write(&self) -> String {
        format!("{}|{}|{}", self.answer, self.ends.seconds(), self.audience)
    }

    pub(super) fn read(text: &'a str) -> Self {
        let mut parts = text.splitn(3, '|');
        let mut part = || parts.next().unwrap();
        Self {
            answer: part().parse().unwrap(),
            ends: UnixTime::from_seconds(part().parse().unwrap()),
            audience: part(),
        }
    }
}

/// The number of the answer that brought an ID token.
pub(super) fn answer_of(id_token: &Secret) -> usize {
    id_token.expose()[ID_TOKEN.len()..].parse().unwrap()
}

/// The number of a refresh token.
pub(super) fn number_of(refresh_token: &Secret) -> usize {
    refresh_token.expose()[3..].parse().unwrap()
}

/// The refresh token that a request spends.
pub(super) fn spent(request: &TokenRequest) -> Option<usize> {
    field(request, "refresh_token").map(|text| text[3..].parse().unwrap())
}

fn field<'a>(request: &'a TokenRequest, name: &str) -> Option<&'a str> {
    let mut fields = request.fields.iter().filter(|(key, _)| *key == name);
    fields.next().map(|(_, value)| value.expose())
}

pub(super) fn refused(kind: OauthErrorKind, code: &str) -> Answer {
    Answer::Refused(OauthError {
        kind,
        code: code.into(),
    })
}
