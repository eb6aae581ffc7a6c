//! What loads, and how what does not load is told.

use super::{ConfigurationErrors, IdpConfiguration};

const CLIENTS: &str = "bff-server:\n  scopes: [openid]\n";

fn problems(settings: &str, clients: &str) -> ConfigurationErrors {
    IdpConfiguration::parse(settings, clients).unwrap_err()
}

fn audiences(configuration: &IdpConfiguration, scope: &str) -> Vec<String> {
    configuration
        .audiences_of(scope)
        .map(ToOwned::to_owned)
        .collect()
}

#[test]
fn the_demos_files_load() {
    let demo = IdpConfiguration::demo().unwrap();
    assert_eq!(
        audiences(&demo, "application.all"),
        ["https://analytics.example", "https://crud.example"]
    );
    let client = &demo.clients["bff-server"];
    assert_eq!(
        client.allowed_audiences,
        audiences(&demo, "application.all")
    );
    let users: Vec<&str> = demo.users.keys().map(String::as_str).collect();
    assert_eq!(users, ["alice", "bob"]);
}

#[test]
fn the_examples_in_the_demos_comments_load() {
    let settings = include_str!("../../../../conf/idp/settings.yaml");
    let (active, examples) = settings.split_once("# development:").unwrap();
    let examples = examples.replace("\n#", "\n");
    let settings = format!("{active}development:{examples}");
    let configuration = IdpConfiguration::parse(&settings, CLIENTS).unwrap();
    assert_eq!(configuration.development.modes.len(), 1);
    assert_eq!(configuration.development.faults.len(), 1);
    assert_eq!(configuration.development.backend_audiences.len(), 2);
}

#[test]
fn lists_whose_lines_were_all_taken_out_are_empty() {
    let settings =
        "token:\n  audience_mappings:\n    scope_mappings:\n      - scope: a\n        audiences:\n";
    let clients = "bff-server:\n  scopes:\n  allowed_audiences:\n";
    let configuration = IdpConfiguration::parse(settings, clients).unwrap();
    assert_eq!(audiences(&configuration, "a"), Vec::<String>::new());
    assert!(
        configuration.clients["bff-server"]
            .allowed_audiences
            .is_empty()
    );
}

#[test]
fn a_scope_that_is_mapped_twice_has_the_audiences_of_both() {
    let settings = "token:\n  audience_mappings:\n    scope_mappings:\n      - scope: a\n        audiences: [x]\n      - scope: a\n        audiences: [y]\n";
    let configuration = IdpConfiguration::parse(settings, CLIENTS).unwrap();
    assert_eq!(audiences(&configuration, "a"), ["x", "y"]);
}

#[test]
fn every_optional_key_of_the_settings_is_read() {
    let settings = "
token:
  access_token_lifetime: 3s
  refresh_token_lifetime: 1h
  refresh_token_grace: 10
users:
  carol: {password: hush, name: Carol, email: carol@example.com}
development:
  modes: [wide, refused-target-spends]
  default_audience: https://other.example
  backend_audiences: {analytics: https://analytics.example.com}
  faults:
    - fault: {kind: delay, endpoint: token, milliseconds: 200}
      when: {grant_type: refresh_token}
      times: 3
";
    let configuration = IdpConfiguration::parse(settings, CLIENTS).unwrap();
    assert_eq!(
        configuration.token.refresh_token_grace.unwrap().seconds(),
        10
    );
    assert_eq!(configuration.development.modes.len(), 2);
    assert_eq!(configuration.development.faults[0].times, Some(3));
    assert!(!format!("{configuration:?}").contains("hush"));
}

#[test]
fn every_optional_key_of_a_client_is_read() {
    let clients = "
bff-server:
  client_name: The gateway
  scopes: [openid]
  client_secret: hush
  token_endpoint_auth_method: private_key_jwt
  jwks: {keys: [{kty: OKP, crv: Ed25519, kid: one, x: 11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo}]}
  redirect_uris: [http://localhost:8080/auth/callback]
  post_logout_redirect_uris: [http://localhost:8080/auth/logged-out]
  grant_types: [authorization_code, refresh_token]
  require_consent: true
  access_token_lifetime: 1s
  refresh_token_lifetime: 2d
";
    let configuration = IdpConfiguration::parse("token: {}\n", clients).unwrap();
    let client = &configuration.clients["bff-server"];
    assert_eq!(client.refresh_token_lifetime.unwrap().seconds(), 172_800);
    assert_eq!(client.jwks.as_ref().unwrap().keys.len(), 1);
    assert!(!format!("{configuration:?}").contains("hush"));
}

#[test]
fn a_problem_is_told_with_file_line_key_and_fix() {
    let unknown = problems("token:\n  acess_token_lifetime: 5m\n", CLIENTS).to_string();
    assert!(
        unknown.starts_with("settings.yaml:2: token.acess_token_lifetime: "),
        "{unknown}"
    );
    assert!(unknown.contains("unknown field"), "{unknown}");
    let unreadable = problems("token:\n  access_token_lifetime: soon\n", CLIENTS).to_string();
    assert!(
        unreadable.starts_with("settings.yaml:2: token.access_token_lifetime: "),
        "{unreadable}"
    );
    assert!(
        unreadable.contains("`soon`") && unreadable.contains("30s, 5m"),
        "{unreadable}"
    );
}

#[test]
fn the_problems_of_both_files_are_told_at_once() {
    let settings = "token:\n  access_token_lifetime: 0s\nusers: {}\n";
    let clients = "bff-server:\n  scopes: [openid]\n  redirect_uris:\n    - not a url\n  grant_types: [password]\n";
    let told = problems(settings, clients);
    let places: Vec<(&str, Option<u64>, &str)> = told
        .0
        .iter()
        .map(|problem| (problem.file.as_str(), problem.line, problem.key.as_str()))
        .collect();
    assert_eq!(
        places,
        [
            ("settings.yaml", Some(2), "token.access_token_lifetime"),
            ("settings.yaml", Some(3), "users"),
            ("clients.yaml", Some(4), "bff-server.redirect_uris"),
            ("clients.yaml", Some(5), "bff-server.grant_types"),
        ]
    );
}

#[test]
fn files_that_are_no_documents_are_told_apart() {
    let empty = problems("# nothing\n", CLIENTS).to_string();
    assert!(
        empty.starts_with("settings.yaml: the file is empty"),
        "{empty}"
    );
    let broken = problems("token: [\n", "bff-server: {scopes: [\n");
    assert_eq!(broken.0.len(), 2);
    let nobody = problems("token: {}\n", "{}\n").to_string();
    assert!(nobody.contains("there is no client"), "{nobody}");
}

#[test]
fn a_folder_without_the_files_is_told_with_both_paths() {
    let folder = std::path::Path::new("/nowhere/idp");
    let told = IdpConfiguration::load(folder).unwrap_err().to_string();
    assert!(told.contains("/nowhere/idp/settings.yaml: the file cannot be read"));
    assert!(told.contains("/nowhere/idp/clients.yaml: the file cannot be read"));
}
