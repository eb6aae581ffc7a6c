//! How the client proves who it is at the token endpoint.

use tokenbridge_bridge::Secret;

use crate::issuer::ClientAuthentication;
use crate::reading::place::Complaint;
use crate::reading::section::{Item, Section};
use crate::reading::{file, scalar};

#[derive(Clone, Copy)]
enum Method {
    Basic,
    Post,
    PrivateKeyJwt,
}

const METHODS: [(&str, Method); 3] = [
    ("client_secret_basic", Method::Basic),
    ("client_secret_post", Method::Post),
    ("private_key_jwt", Method::PrivateKeyJwt),
];

/// Reads the method and what belongs to it; what belongs to another one is a problem.
pub(crate) fn read(auth: &Section<'_>) -> Option<ClientAuthentication> {
    let method = auth.value_or(
        "token_endpoint_auth_method",
        scalar::choice(&METHODS),
        Method::Basic,
    );
    match method {
        Method::Basic => read_secret(auth).map(ClientAuthentication::SecretBasic),
        Method::Post => read_secret(auth).map(ClientAuthentication::SecretPost),
        Method::PrivateKeyJwt => read_key(auth),
    }
}

fn read_secret(auth: &Section<'_>) -> Option<Secret> {
    let fix = "remove it, or set token_endpoint_auth_method: private_key_jwt";
    refuse(auth.get("client_key_file"), fix);
    refuse(auth.get("client_key_id"), fix);
    refuse(auth.get("client_assertion_file"), fix);
    let item = auth.require(
        "client_secret",
        "add `client_secret: ${CLIENT_SECRET}` or `client_secret: file:PATH`",
    )?;
    item.secret(|secret| match secret.expose().trim().is_empty() {
        true => Err(Complaint::new(
            "is empty",
            "set the secret that the provider gave to the client",
        )),
        false => Ok(secret),
    })
}

fn read_key(auth: &Section<'_>) -> Option<ClientAuthentication> {
    refuse(
        auth.get("client_secret"),
        "remove it, or set token_endpoint_auth_method: client_secret_basic",
    );
    let key_id = auth.get("client_key_id");
    let key = auth.get("client_key_file");
    if let Some(assertion) = auth.get("client_assertion_file") {
        for item in [key, key_id].into_iter().flatten() {
            item.at.error(
                "is not used with client_assertion_file",
                "remove it, or sign assertions here and remove client_assertion_file",
            );
        }
        return file::jwt(&assertion).map(ClientAuthentication::AssertionFile);
    }
    let key_id = key_id.and_then(|item| item.value(scalar::text));
    let item = auth.require(
        "client_key_file",
        "add `client_key_file: PATH` with the client's private key in PEM, or `client_assertion_file: PATH`",
    )?;
    Some(ClientAuthentication::PrivateKeyJwt {
        key: file::client_key(&item)?,
        key_id,
    })
}

fn refuse(item: Option<Item<'_>>, fix: &str) {
    if let Some(item) = item {
        item.at
            .error("is not used with this token_endpoint_auth_method", fix);
    }
}
