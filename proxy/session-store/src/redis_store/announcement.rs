//! How a change of a session is told on Redis's channel `tb:<frontend>:changes`:
//! `ended:<key>`, `replaced:<key>` or `slot:<key>:<service>`.

use tokenbridge_bridge::service::ServiceName;
use tokenbridge_bridge::session::SessionKey;

use super::names;
use crate::changes::Change;

pub(super) fn write(key: &SessionKey, change: &Change) -> String {
    let key = names::text(key);
    match change {
        Change::Ended => format!("ended:{key}"),
        Change::Replaced => format!("replaced:{key}"),
        Change::Slot(service) => format!("slot:{key}:{service}"),
    }
}

/// `None`: a replica of another version says something that this one does not know.
pub(super) fn read(text: &str) -> Option<(SessionKey, Change)> {
    let (kind, rest) = text.split_once(':')?;
    let (key, change) = match kind {
        "ended" => (rest, Change::Ended),
        "replaced" => (rest, Change::Replaced),
        "slot" => {
            let (key, service) = rest.split_once(':')?;
            (key, Change::Slot(ServiceName::new(service)))
        }
        _ => return None,
    };
    Some((names::parse_text(key)?, change))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_change_is_read_as_it_was_written() {
        let key = SessionKey::from_bytes([9; 32]);
        let slot = Change::Slot(ServiceName::new("a.b-c"));
        for change in [Change::Ended, Change::Replaced, slot] {
            assert_eq!(read(&write(&key, &change)), Some((key, change)));
        }
        for unknown in ["", "ended", "ended:x", "other:x", "slot:x"] {
            assert_eq!(read(unknown), None, "{unknown}");
        }
    }
}
