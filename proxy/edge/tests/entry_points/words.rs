//! What each reader's texts are made of.

pub(crate) const TARGET: &[&str] = &[
    "/", "/", "a", "b", ".", "..", "%2e", "%2E", "%2f", "%5c", "\\", "//", ";", "?", "#", "%",
    "%25", "%252e", "%00", "%7e", "~", "%41", "é", "%c3%a9", "%ff", " ", "\t", "http://", "host",
    ":", "@", "*", "+", "=", "&", "%2", "%zz",
];

pub(crate) const COOKIE: &[&str] = &[
    "__Host-bff_session",
    "__HOST-BFF_SESSION",
    "bff_session",
    "_",
    "login",
    "=",
    ";",
    "; ",
    " ",
    "\n",
    "\t",
    ",",
    "\"",
    "a",
    "x=y",
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB",
    "__Host-bff_session=x",
    "\0",
    "é",
];

pub(crate) const RETURN_TO: &[&str] = &[
    "/",
    "//",
    "\\",
    "/\\",
    "evil.example",
    "https:",
    "http:",
    "javascript:",
    "data:",
    "@",
    "?",
    "#",
    "\t",
    "\n",
    "%2f",
    "%5c",
    "%09",
    "..",
    ".",
    "/auth/",
    "auth",
    "a",
    "=",
    "&",
    "<",
    "\"",
    ":",
    "é",
    "%00",
    " ",
    ";",
];

pub(crate) const PATTERN: &[&str] = &[
    "/", "/", "a", "b", "api", "{", "}", "{id}", "{path}", "*", "/*", "\n", "\n", ".", "..", "%2f",
    "%20", "?", "x=y", "#", ";", "//", "{id", "é",
];

pub(crate) const MEMBERS: &[&str] = &[
    "access_token",
    "refresh_token",
    "refresh_token",
    "id_token",
    "token_type",
    "expires_in",
    "scope",
    "error",
    "issued_token_type",
    "other",
];

pub(crate) const VALUES: &[&str] = &[
    "\"Bearer\"",
    "\"eyJhbGciOiJSUzI1NiJ9.payload.signature\"",
    "\"refresh-token-of-a-grant\"",
    "3600",
    "\"3600\"",
    "-1",
    "1e99",
    "null",
    "[]",
    "[\"a\"]",
    "{}",
    "\"invalid_grant\"",
    "\"\"",
    "true",
    "\"\\u0000\"",
    "\"\\ud83c\\udf6a\"",
    "99999999999999999999",
];

pub(crate) const YAML: &[&str] = &[
    "services:\n",
    "routes:\n",
    "  ",
    "- ",
    "id: ",
    "path: ",
    "/a/*\n",
    "x:\n",
    "---8<---\n",
    "public_url: ",
    "https://app.example\n",
    "auth:\n",
    "${SECRET}",
    "file:",
    "&a ",
    "*a",
    "<<: ",
    "!!binary ",
    "{",
    "}",
    "[",
    "]",
    "\"",
    "'",
    ": ",
    ", ",
    "\n",
    "\t",
    "#",
    "|\n",
    "true\n",
    "1\n",
];

pub(crate) const CONFIGURATION: &str = r#"services:
  api_service:
    base_url: "https://api.internal:8443/base"
    timeout: 5s
    token: refresh
routes:
  - id: api
    path: /api/{tenant}/*
    target_service: api_service
    upstream_path: /{tenant}/{path}
    auth: session
    methods: [GET, POST]
    max_body: 1MiB
  - id: open
    path: /open
    target_service: api_service
    preserve_path: true
    auth: none
---8<---
public_url: https://app.example
listen: [127.0.0.1:8080]
auth:
  issuer: https://login.example
  client_id: gateway
  client_secret: ${SECRET}
  scopes: [openid, offline_access]
service_audiences: {api_service: https://api.example}
cors: {allowed_origins: [https://admin.app.example]}
csrf: {mode: token, header: X-CSRF-Token}
trusted_proxies: [10.0.0.0/8]
limits: {max_body: 10MiB, header_timeout: 10s}
rate_limits:
  api: {per: session, rate: 50/s, burst: 100, routes: [api]}
forward_auth: {listen: "10.0.0.1:9902", clients: [10.0.0.5]}
"#;
