//! One configured key, expanded into a subkey per purpose.

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

pub(super) const KEY_LENGTH: usize = 32;
/// SHA-256's block: what HMAC pads its key to (RFC 2104 § 2).
const HMAC_BLOCK: usize = 64;

/// What a subkey is for. What is sealed for one purpose does not open for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// One field of a stored session.
    StoreField,
    /// The cookie of a login flow.
    LoginFlowCookie,
    /// CSRF tokens.
    Csrf,
    /// The `state` of a logout at the provider.
    LogoutState,
    /// Names of shared token buckets.
    RateLimit,
    /// What a probe's address carries.
    ProbeTicket,
}

impl Purpose {
    /// The HKDF label. It is part of every stored format: with another one nothing opens.
    const fn label(self) -> &'static str {
        match self {
            Self::StoreField => "tokenbridge store-field v1",
            Self::LoginFlowCookie => "tokenbridge login-flow-cookie v1",
            Self::Csrf => "tokenbridge csrf v1",
            Self::LogoutState => "tokenbridge logout-state v1",
            Self::RateLimit => "tokenbridge rate-limit v1",
            Self::ProbeTicket => "tokenbridge probe-ticket v1",
        }
    }
}

type Subkey = Zeroizing<[u8; KEY_LENGTH]>;

/// A key under its id.
pub(super) struct NamedKey {
    pub(super) id: String,
    store_field: Subkey,
    login_flow_cookie: Subkey,
    csrf: Subkey,
    logout_state: Subkey,
    rate_limit: Subkey,
    probe_ticket: Subkey,
}

impl NamedKey {
    pub(super) fn new(id: String, key: &[u8; KEY_LENGTH]) -> Self {
        let (pseudorandom_key, _) = Hkdf::<Sha256>::extract(None, key);
        let pseudorandom_key = Zeroizing::new(pseudorandom_key.into());
        let expand = |purpose: Purpose| expand(&pseudorandom_key, purpose.label());
        Self {
            id,
            store_field: expand(Purpose::StoreField),
            login_flow_cookie: expand(Purpose::LoginFlowCookie),
            csrf: expand(Purpose::Csrf),
            logout_state: expand(Purpose::LogoutState),
            rate_limit: expand(Purpose::RateLimit),
            probe_ticket: expand(Purpose::ProbeTicket),
        }
    }

    pub(super) fn subkey(&self, purpose: Purpose) -> &[u8; KEY_LENGTH] {
        match purpose {
            Purpose::StoreField => &self.store_field,
            Purpose::LoginFlowCookie => &self.login_flow_cookie,
            Purpose::Csrf => &self.csrf,
            Purpose::LogoutState => &self.logout_state,
            Purpose::RateLimit => &self.rate_limit,
            Purpose::ProbeTicket => &self.probe_ticket,
        }
    }
}

/// The first block of HKDF-Expand (RFC 5869 § 2.3), which is as long as a subkey: written out,
/// because the library's call can fail for lengths that do not occur here.
fn expand(pseudorandom_key: &[u8; KEY_LENGTH], label: &str) -> Subkey {
    let mut mac = hmac(pseudorandom_key);
    mac.update(label.as_bytes());
    mac.update(&[1]);
    Zeroizing::new(mac.finalize().into_bytes().into())
}

/// HMAC-SHA256 with a key of 32 bytes.
pub(super) fn hmac(key: &[u8; KEY_LENGTH]) -> Hmac<Sha256> {
    let mut block = Zeroizing::new([0; HMAC_BLOCK]);
    for (target, byte) in block.iter_mut().zip(key) {
        *target = *byte;
    }
    <Hmac<Sha256> as KeyInit>::new((&*block).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subkeys_are_those_of_hkdf_sha256() {
        let key = NamedKey::new("k".into(), &[9; KEY_LENGTH]);
        for purpose in [
            Purpose::StoreField,
            Purpose::LoginFlowCookie,
            Purpose::Csrf,
            Purpose::LogoutState,
            Purpose::RateLimit,
            Purpose::ProbeTicket,
        ] {
            let mut expected = [0; KEY_LENGTH];
            Hkdf::<Sha256>::new(None, &[9; KEY_LENGTH])
                .expand(purpose.label().as_bytes(), &mut expected)
                .unwrap();
            assert_eq!(key.subkey(purpose), &expected, "{purpose:?}");
        }
    }
}
