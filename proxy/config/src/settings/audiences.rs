//! `service_audiences` and `service_scopes`: by service, what a token must be for and may do.

use tokenbridge_bridge::service::Audience;

use crate::reading::place::At;
use crate::reading::scalar;
use crate::reading::section::Section;

/// Both maps, in the order of the file.
pub(crate) struct ServiceTokens<'r> {
    pub(crate) audiences: Vec<(&'r str, Audience)>,
    pub(crate) scopes: Vec<(&'r str, Vec<String>, At<'r>)>,
}

impl ServiceTokens<'_> {
    /// The audience of a service.
    pub(crate) fn audience(&self, service: &str) -> Option<&Audience> {
        self.audiences
            .iter()
            .find(|(name, _)| *name == service)
            .map(|(_, audience)| audience)
    }

    /// The scopes of a service; none when nothing is said.
    pub(crate) fn scopes(&self, service: &str) -> &[String] {
        let found = self.scopes.iter().find(|(name, _, _)| *name == service);
        found.map(|(_, scopes, _)| &**scopes).unwrap_or_default()
    }
}

/// Reads both maps.
pub(crate) fn read<'r>(root: &Section<'r>) -> ServiceTokens<'r> {
    let mut audiences = Vec::new();
    let mut scopes = Vec::new();
    if let Some(section) = root.section("service_audiences") {
        for (name, item) in section.free_entries("service") {
            let audience = item.value(scalar::text);
            audiences.extend(audience.map(|audience| (name, Audience::new(&audience))));
        }
    }
    if let Some(section) = root.section("service_scopes") {
        for (name, item) in section.free_entries("service") {
            let at = item.at.clone();
            let parts: Vec<Vec<String>> = item
                .one_or_list()
                .iter()
                .filter_map(|item| item.value(scalar::scopes))
                .collect();
            scopes.push((name, parts.into_iter().flatten().collect(), at));
        }
    }
    ServiceTokens { audiences, scopes }
}
