//! The issuer's keys: fetched when they are needed, kept, fetched again for an unknown key id.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use jsonwebtoken::jwk::{Jwk, PublicKeyUse};
use reqwest::Client;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::rejection::Rejection;
use crate::locked::locked;

/// How many key ids are remembered as unknown, so that they are not asked for again.
const REMEMBERED_UNKNOWN: usize = 64;

/// The keys that an issuer publishes.
pub(crate) struct IssuerKeys {
    client: Client,
    issuer: String,
    jwks_uri: Option<String>,
    cached: Mutex<Arc<Published>>,
    /// One fetch at a time.
    fetching: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Published {
    keys: Vec<Jwk>,
    unknown: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Metadata {
    jwks_uri: String,
}

/// Keys one by one, as one that cannot be read must not hide the others.
#[derive(Deserialize)]
struct Keys {
    keys: Vec<Value>,
}

impl IssuerKeys {
    pub(crate) fn new(client: Client, issuer: String, jwks_uri: Option<String>) -> Self {
        Self {
            client,
            issuer,
            jwks_uri,
            cached: Mutex::default(),
            fetching: tokio::sync::Mutex::default(),
        }
    }

    /// The key with that id.
    pub(crate) async fn find(&self, id: &str) -> Result<Jwk, Rejection> {
        if let Some(answer) = self.look_up(id) {
            return answer;
        }
        let _one_at_a_time = self.fetching.lock().await;
        if let Some(answer) = self.look_up(id) {
            return answer;
        }
        let keys = self.fetch().await?;
        let mut unknown = BTreeSet::new();
        if !keys
            .iter()
            .any(|key| key.common.key_id.as_deref() == Some(id))
        {
            unknown.clone_from(&locked(&self.cached).unknown);
            if unknown.len() >= REMEMBERED_UNKNOWN {
                unknown.clear();
            }
            unknown.insert(id.to_owned());
        }
        *locked(&self.cached) = Arc::new(Published { keys, unknown });
        self.look_up(id).unwrap_or(Err(Rejection::UnknownKey))
    }

    /// The answer from what is known; none when it must be asked for.
    fn look_up(&self, id: &str) -> Option<Result<Jwk, Rejection>> {
        let published = Arc::clone(&locked(&self.cached));
        let found = published
            .keys
            .iter()
            .find(|key| key.common.key_id.as_deref() == Some(id));
        match found {
            Some(key) => Some(Ok(key.clone())),
            None if published.unknown.contains(id) => Some(Err(Rejection::UnknownKey)),
            None => None,
        }
    }

    async fn fetch(&self) -> Result<Vec<Jwk>, Rejection> {
        let uri = match &self.jwks_uri {
            Some(uri) => uri.clone(),
            None => {
                let discovery = format!("{}/.well-known/openid-configuration", self.issuer);
                self.get::<Metadata>(&discovery).await?.jwks_uri
            }
        };
        let set = self.get::<Keys>(&uri).await?;
        let readable = set
            .keys
            .into_iter()
            .filter_map(|key| serde_json::from_value(key).ok());
        Ok(readable
            .filter(|key: &Jwk| {
                !matches!(key.common.public_key_use, Some(PublicKeyUse::Encryption))
            })
            .collect())
    }

    async fn get<T: DeserializeOwned>(&self, uri: &str) -> Result<T, Rejection> {
        let unavailable = |error: reqwest::Error| Rejection::IssuerUnavailable(error.to_string());
        let response = self.client.get(uri).send().await.map_err(unavailable)?;
        let response = response.error_for_status().map_err(unavailable)?;
        response.json().await.map_err(unavailable)
    }
}
