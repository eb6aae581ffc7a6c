//! Providers that nobody here wrote, end to end: login, tokens, renewal, logout. `make interop`
//! brings the providers and runs these tests; elsewhere they are ignored.

mod keycloak;
mod oidc_provider;
mod provider;
mod rolling_restart;
mod walk;
