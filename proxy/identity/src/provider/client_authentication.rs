//! How the gateway proves who it is at the provider's endpoints.

use std::io::Read;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;
use tokenbridge_bridge::{Secret, UnixTime};
use tokenbridge_config::client_key;
use tokenbridge_config::issuer::ClientAuthentication;
use url::form_urlencoded::byte_serialize;
use zeroize::Zeroizing;

/// How long a client assertion is valid, in seconds.
const ASSERTION_LIFE: u64 = 60;
/// A file that holds more is no assertion, in bytes.
const LONGEST_ASSERTION: u64 = 64 * 1024;
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A client and its credential.
pub(crate) struct Client {
    id: String,
    credential: Credential,
}

enum Credential {
    Basic(Secret),
    Post(Secret),
    PrivateKey {
        key: EncodingKey,
        algorithm: Algorithm,
        key_id: Option<String>,
    },
    AssertionFile(PathBuf),
}

/// What goes along with one request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Proof {
    /// The value of `Authorization`.
    pub(crate) authorization: Option<Secret>,
    /// Fields of the form.
    pub(crate) fields: Vec<(&'static str, Secret)>,
}

#[derive(Serialize)]
struct Assertion<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    jti: String,
    iat: u64,
    exp: u64,
}

impl Client {
    /// Takes the configured credential.
    ///
    /// # Errors
    /// A private key that cannot sign.
    pub(crate) fn new(id: &str, configured: &ClientAuthentication) -> Result<Self, String> {
        let credential = match configured {
            ClientAuthentication::SecretBasic(secret) => Credential::Basic(basic(id, secret)),
            ClientAuthentication::SecretPost(secret) => Credential::Post(secret.clone()),
            ClientAuthentication::PrivateKeyJwt { key, key_id } => {
                let (algorithm, key) = client_key::read(key)?;
                Credential::PrivateKey {
                    key,
                    algorithm,
                    key_id: key_id.clone(),
                }
            }
            ClientAuthentication::AssertionFile(path) => Credential::AssertionFile(path.clone()),
        };
        Ok(Self {
            id: id.to_owned(),
            credential,
        })
    }

    /// The client's id.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// The proof for one request. `audience` is the issuer (RFC 7523 § 3, and what
    /// draft-ietf-oauth-rfc7523bis asks for).
    ///
    /// # Errors
    /// The operating system's random source failed, the key did not sign, or the file with the
    /// assertion cannot be read.
    pub(crate) async fn prove(&self, audience: &str, now: UnixTime) -> Result<Proof, String> {
        Ok(match &self.credential {
            Credential::Basic(authorization) => Proof {
                authorization: Some(authorization.clone()),
                fields: Vec::new(),
            },
            Credential::Post(secret) => Proof {
                authorization: None,
                fields: vec![self.named(), ("client_secret", secret.clone())],
            },
            Credential::PrivateKey {
                key,
                algorithm,
                key_id,
            } => {
                let mut header = Header::new(*algorithm);
                header.kid.clone_from(key_id);
                let assertion = Assertion {
                    iss: &self.id,
                    sub: &self.id,
                    aud: audience,
                    jti: random_id()?,
                    iat: now.seconds(),
                    exp: now.seconds().saturating_add(ASSERTION_LIFE),
                };
                let signed = jsonwebtoken::encode(&header, &assertion, key)
                    .map_err(|error| format!("the client's key did not sign: {error}"))?;
                self.asserted(Secret::new(signed))
            }
            Credential::AssertionFile(path) => self.asserted(read_assertion(path.clone()).await?),
        })
    }

    fn named(&self) -> (&'static str, Secret) {
        ("client_id", Secret::new(self.id.as_str()))
    }

    fn asserted(&self, assertion: Secret) -> Proof {
        Proof {
            authorization: None,
            fields: vec![
                self.named(),
                ("client_assertion_type", Secret::new(ASSERTION_TYPE)),
                ("client_assertion", assertion),
            ],
        }
    }
}

/// The assertion that stands in a file now. Whoever writes it replaces it before it ends.
async fn read_assertion(path: PathBuf) -> Result<Secret, String> {
    let shown = path.display().to_string();
    let refused = |why: &str| format!("client_assertion_file: {shown} {why}");
    let read = tokio::task::spawn_blocking(move || {
        let mut text = Zeroizing::new(String::new());
        // A pipe or a folder in its place is not waited for.
        if !std::fs::metadata(&path)?.is_file() {
            return Err(std::io::Error::other("it is no file"));
        }
        let file = std::fs::File::open(path)?;
        file.take(LONGEST_ASSERTION).read_to_string(&mut text)?;
        Ok::<_, std::io::Error>(text)
    });
    let text = match read.await {
        Ok(Ok(text)) => text,
        Ok(Err(error)) => return Err(refused(&format!("cannot be read: {error}"))),
        Err(_) => return Err(refused("cannot be read: the gateway is stopping")),
    };
    let assertion = text.trim();
    let is_jwt = assertion.split('.').count() == 3
        && assertion
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    match is_jwt {
        true => Ok(Secret::new(assertion)),
        false => Err(refused("holds no JWT")),
    }
}

/// `client_secret_basic`: both parts are form-encoded first (RFC 6749 § 2.3.1).
fn basic(id: &str, secret: &Secret) -> Secret {
    let encode = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    let pair = Secret::new(format!("{}:{}", encode(id), encode(secret.expose())));
    Secret::new(format!("Basic {}", STANDARD.encode(pair.expose())))
}

fn random_id() -> Result<String, String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|_| "the operating system's random source failed".to_string())?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests;
