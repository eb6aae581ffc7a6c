//! A token endpoint's answer; the first byte chooses its status.

use serde_json::Value;
use tokenbridge_identity::fuzzing::read_token_response;

const STATUSES: [u16; 7] = [200, 201, 400, 401, 429, 500, 302];
/// Longer ones are no tokens that anybody could send.
const LONGEST_TOKEN: usize = 64 * 1024;

/// Whatever else is wrong with an answer that grants something, its refresh token is not lost: it
/// may be the only live one. And nothing of it is ever shown.
pub(crate) fn check(data: &[u8]) {
    let Some((first, body)) = data.split_first() else {
        return;
    };
    let status = STATUSES[usize::from(*first) % STATUSES.len()];
    let read = read_token_response(status, body);
    let granted = (200..300).contains(&status);
    let document: Option<Value> = serde_json::from_slice(body).ok();
    let sent = document
        .as_ref()
        .and_then(|document| document.get("refresh_token"));
    let sent = sent
        .and_then(Value::as_str)
        .filter(|token| granted && !token.is_empty());
    let kept = read.refresh_token.as_ref().map(|token| token.expose());
    assert_eq!(kept, sent.filter(|token| token.len() <= LONGEST_TOKEN));
    for name in ["access_token", "refresh_token", "id_token"] {
        let token = document
            .as_ref()
            .and_then(|document| document.get(name)?.as_str());
        // Short ones, and those that another member repeats, may well stand in the text.
        let once = |token: &&str| String::from_utf8_lossy(body).matches(*token).count() == 1;
        if let Some(token) = token
            .filter(|token| granted && token.len() > 20)
            .filter(once)
        {
            assert!(!read.shown.contains(token), "{name} is shown");
        }
    }
}
