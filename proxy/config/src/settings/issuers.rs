//! `issuers`: authorization servers beside the login's, at which tokens of some services are made.

use tokenbridge_bridge::service::TargetParameter;
use url::Url;

use super::auth::{TARGET_PARAMETERS, read_address, read_preset};
use super::client;
use crate::issuer::ClientAuthentication;
use crate::preset::Preset;
use crate::reading::place::At;
use crate::reading::scalar;
use crate::reading::section::{Item, Section};

/// What says who asks; of no use without `client_id`.
const CREDENTIALS: [&str; 5] = [
    "client_secret",
    "token_endpoint_auth_method",
    "client_key_file",
    "client_key_id",
    "client_assertion_file",
];

/// One of them, as far as it could be read.
pub(crate) struct IssuerDraft<'r> {
    pub(crate) name: &'r str,
    pub(crate) at: At<'r>,
    /// Absent when it is missing or wrong.
    pub(crate) address: Option<(String, Url)>,
    pub(crate) client: Client,
    pub(crate) preset: Preset,
    pub(crate) target_parameter: Option<TargetParameter>,
}

/// Who asks there.
#[derive(Clone)]
pub(crate) enum Client {
    /// The client of `auth`.
    OfTheLogin,
    /// Another one.
    Own(String, ClientAuthentication),
    /// One that could not be read.
    Wrong,
}

/// Reads all of them.
pub(crate) fn read_all<'r>(root: &Section<'r>) -> Vec<IssuerDraft<'r>> {
    let Some(section) = root.section("issuers") else {
        return Vec::new();
    };
    let mut drafts = Vec::new();
    for (name, item) in section.free_entries("name") {
        if let Err(complaint) = scalar::name(name) {
            item.at.complain(&format!("`{name}`"), complaint);
        }
        drafts.extend(read(name, item));
    }
    drafts
}

fn read<'r>(name: &'r str, item: Item<'r>) -> Option<IssuerDraft<'r>> {
    let section = item.section()?;
    let client = match section.get("client_id") {
        Some(id) => match id.value(scalar::text).zip(client::read(&section)) {
            Some((id, authentication)) => Client::Own(id, authentication),
            None => Client::Wrong,
        },
        None => without_id(&section),
    };
    Some(IssuerDraft {
        name,
        at: section.at.clone(),
        address: read_address(&section),
        client,
        preset: read_preset(&section),
        target_parameter: section.value("target_parameter", scalar::choice(&TARGET_PARAMETERS)),
    })
}

fn without_id(section: &Section<'_>) -> Client {
    let credentials = CREDENTIALS.iter().filter_map(|key| section.get(key));
    let mut found = Client::OfTheLogin;
    for item in credentials {
        item.at.error(
            "is of no use without client_id",
            "add client_id, or remove it: the client of `auth` then asks there too",
        );
        found = Client::Wrong;
    }
    found
}
