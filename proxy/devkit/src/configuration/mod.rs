//! What the provider's two files say: which scope stands for which audiences,
//! and what each client may ask for.

mod document;
mod lifetime;
mod model;
mod problem;
mod rules;
#[cfg(test)]
mod tests;

use std::path::Path;

pub use lifetime::Lifetime;
pub use model::{
    AudienceMappings, Client, ClientAuthentication, Development, IdpConfiguration, ScopeMapping,
    TokenSettings, User,
};
pub use problem::{ConfigurationErrors, ConfigurationProblem};

/// The name of the file with the audience mappings.
pub const SETTINGS_FILE: &str = "settings.yaml";
/// The name of the file with the clients.
pub const CLIENTS_FILE: &str = "clients.yaml";

impl IdpConfiguration {
    /// Reads `settings.yaml` and `clients.yaml` of a folder.
    ///
    /// # Errors
    /// Every problem found in both files, each with file, line, key and fix.
    pub fn load(folder: &Path) -> Result<Self, ConfigurationErrors> {
        let mut problems = Vec::new();
        let mut read = |name: &str| {
            let path = folder.join(name);
            let file = path.display().to_string();
            match std::fs::read_to_string(&path) {
                Ok(text) => Some((file, text)),
                Err(error) => {
                    problems.push(ConfigurationProblem::unreadable(&file, &error));
                    None
                }
            }
        };
        let settings = read(SETTINGS_FILE);
        let clients = read(CLIENTS_FILE);
        match (settings, clients) {
            (Some(settings), Some(clients)) => {
                document::read((&settings.0, &settings.1), (&clients.0, &clients.1))
            }
            _ => Err(ConfigurationErrors(problems)),
        }
    }

    /// Reads the two files' texts.
    ///
    /// # Errors
    /// As [`IdpConfiguration::load`].
    pub fn parse(settings: &str, clients: &str) -> Result<Self, ConfigurationErrors> {
        document::read((SETTINGS_FILE, settings), (CLIENTS_FILE, clients))
    }

    /// The demo's configuration: what stands in `conf/idp`.
    ///
    /// # Errors
    /// None while the files in the repository are valid, which a test checks.
    pub fn demo() -> Result<Self, ConfigurationErrors> {
        Self::parse(
            include_str!("../../../../conf/idp/settings.yaml"),
            include_str!("../../../../conf/idp/clients.yaml"),
        )
    }
}
