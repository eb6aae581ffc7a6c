//! `tokenbridge check --probe`: a login through the running gateway that shows what the provider
//! gives each service.
//!
//! | module | owns |
//! |---|---|
//! | [`admin`] | the admin listener's part: beginning a probe, and its report |
//! | [`command`] | the command's part: it begins, waits and prints |
//! | [`browser`] | the login of `--user`, where the provider has plain HTML forms |
//! | [`form`] | the form of a page: enough of HTML for that |
//! | [`table`] | what is printed |

pub(crate) mod admin;
mod browser;
pub(crate) mod command;
mod form;
mod table;
