//! Successes that do not arrive as they should: the provider has done its part, and what of it can be
//! read is up to the reader.

use serde_json::{Map, Value, json};
use tokenbridge_bridge::Secret;

use super::chance::Chance;
use super::provider::number_of;
use crate::provider::http_client::MAX_TOKEN_ANSWER;
use crate::tokens::response::{Answer, TokenResponse, read};

/// What arrives: the answer as the gateway's own reader takes it, and the refresh token that anybody
/// can read in it.
pub(super) struct Arriving {
    pub(super) answer: Answer,
    pub(super) refresh_token: Option<usize>,
}

/// A success as it was sent.
pub(super) fn whole(answer: Answer) -> Arriving {
    let refresh_token = match &answer {
        Answer::Granted(response) => response.refresh_token.as_ref().map(number_of),
        Answer::Refused(_) | Answer::Unreadable { .. } | Answer::Failed(_) => None,
    };
    Arriving {
        answer,
        refresh_token,
    }
}

/// A success, made into something else.
pub(super) fn garbled(response: &TokenResponse, chance: &mut Chance) -> Arriving {
    let sent = response.refresh_token.as_ref();
    let text = garbled_text(response, chance);
    let readable = |token: &&Secret| {
        let member = format!(r#""refresh_token":"{}""#, token.expose());
        text.contains(&member)
    };
    Arriving {
        refresh_token: sent.filter(readable).map(number_of),
        answer: read(200, None, text.as_bytes()),
    }
}

fn garbled_text(response: &TokenResponse, chance: &mut Chance) -> String {
    let mut body = body(response);
    match chance.below(40) {
        // Large bodies take their time.
        0 => drop(body.insert("padding".into(), "x".repeat(MAX_TOKEN_ANSWER).into())),
        1..8 => drop(body.insert("token_type".into(), "N_A".into())),
        8..12 => drop(body.remove("access_token")),
        12..16 => drop(body.insert("expires_in".into(), 0.into())),
        16..20 => drop(body.insert("expires_in".into(), 1_000_000_000_000_u64.into())),
        20..24 => return "<!doctype html>".into(),
        _ => {
            // With the refresh token or without it.
            let mut text = Value::from(body).to_string();
            text.truncate(chance.index(text.len()));
            return text;
        }
    }
    Value::from(body).to_string()
}

fn body(response: &TokenResponse) -> Map<String, Value> {
    let mut body = Map::new();
    let mut set = |name: &str, value: Option<Value>| {
        body.extend(value.map(|value| (name.to_owned(), value)));
    };
    let text = |secret: &Option<Secret>| secret.as_ref().map(|secret| secret.expose().into());
    set("access_token", text(&response.access_token));
    set("refresh_token", text(&response.refresh_token));
    set("id_token", text(&response.id_token));
    let life = response.expires_in.map(|life| json!(life.as_secs()));
    set("expires_in", life);
    let kind = response.issued_token_type.as_deref();
    set("issued_token_type", kind.map(Value::from));
    set("token_type", Some("Bearer".into()));
    body
}
