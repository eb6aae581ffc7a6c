//! What is read of the provider's files. They belong to another program: keys that are not known
//! here are none of our business, and a part that is missing or of another form counts as empty.

use std::path::Path;
use std::time::Duration;

use crate::problem::{Problem, Severity, Spot};
use crate::reading::tree::{self, Entry, Node, Value};
use crate::reading::{scalar, suggestion, text};

/// Both files; a file that could not be read is absent, and that is noted.
pub(super) struct Provider {
    pub(super) mappings: Option<Mappings>,
    pub(super) client: Option<Client>,
}

/// `token` of the provider's `settings.yaml`.
pub(super) struct Mappings {
    /// Where a mapping would be added.
    pub(super) spot: Spot,
    pub(super) list: Vec<Mapping>,
    pub(super) access_token_lifetime: Option<Duration>,
}

/// The audiences that a scope stands for.
pub(super) struct Mapping {
    pub(super) scope: String,
    pub(super) audiences: Vec<String>,
    pub(super) spot: Spot,
}

/// The gateway's entry in `clients.yaml`.
pub(super) struct Client {
    pub(super) scopes: (Vec<String>, Spot),
    pub(super) allowed_audiences: (Vec<String>, Spot),
}

/// Reads both files of `folder`.
pub(super) fn read(folder: &Path, client_id: &str, problems: &mut Vec<Problem>) -> Provider {
    let settings = folder.join("settings.yaml").display().to_string();
    let clients = folder.join("clients.yaml").display().to_string();
    let mappings = parse(&settings, problems).map(|root| read_mappings(&settings, &root));
    let client = parse(&clients, problems)
        .and_then(|root| read_client(&clients, &root, client_id, problems));
    Provider { mappings, client }
}

fn parse(file: &str, problems: &mut Vec<Problem>) -> Option<Node> {
    let text = match text::read(Path::new(file)) {
        Ok(text) => text,
        Err(error) => {
            let problem = format!("cannot be read: {error}");
            let fix = "create the file, or name another folder with --idp";
            problems.push(Spot::new(file, None, "").problem(Severity::CheckError, problem, fix));
            return None;
        }
    };
    let tree = tree::parse(&text);
    for problem in tree.problems {
        let spot = Spot::new(file, Some(problem.line), problem.key);
        problems.push(spot.problem(Severity::CheckError, problem.problem, problem.fix));
    }
    if tree.root.is_none() && problems.iter().all(|problem| problem.file != file) {
        let problem = Spot::new(file, None, "").problem(
            Severity::CheckError,
            "is empty",
            "fill it as conf/idp shows",
        );
        problems.push(problem);
    }
    tree.root
}

fn read_mappings(file: &str, root: &Node) -> Mappings {
    let path = "token.audience_mappings.scope_mappings";
    let mut line = root.line;
    let mut node = Some(root);
    for key in path.split('.') {
        let entry = node.and_then(|node| node.entry(key));
        line = entry.map_or(line, |entry| entry.line);
        node = entry.map(|entry| &entry.node);
    }
    let items: &[Node] = match node.map(|node| &node.value) {
        Some(Value::List(items)) => items,
        Some(Value::Null | Value::Scalar(_) | Value::Mapping(_)) | None => &[],
    };
    let mapping = |(index, item): (usize, &Node)| {
        let key = format!("{path}[{index}].audiences");
        let audiences = item.entry("audiences");
        let line = audiences.map_or(item.line, |entry| entry.line);
        Mapping {
            scope: item.entry("scope").map(texts).unwrap_or_default().concat(),
            audiences: audiences.map(texts).unwrap_or_default(),
            spot: Spot::new(file, Some(line), key),
        }
    };
    let lifetime = root
        .entry("token")
        .and_then(|token| token.node.entry("access_token_lifetime"));
    Mappings {
        spot: Spot::new(file, Some(line), path),
        list: items.iter().enumerate().map(mapping).collect(),
        access_token_lifetime: lifetime
            .and_then(|entry| scalar::duration(&texts(entry).concat()).ok()),
    }
}

fn read_client(
    file: &str,
    root: &Node,
    client_id: &str,
    problems: &mut Vec<Problem>,
) -> Option<Client> {
    let Some(client) = root.entry(client_id) else {
        let known: Vec<&str> = match &root.value {
            Value::Mapping(entries) => entries.iter().map(|entry| entry.key.as_str()).collect(),
            Value::Null | Value::Scalar(_) | Value::List(_) => Vec::new(),
        };
        let hint = suggestion::sentence(client_id, known);
        problems.push(Spot::new(file, None, client_id).problem(
            Severity::CheckError,
            "is missing: it is the gateway's auth.client_id",
            format!("add `{client_id}:` with scopes and allowed_audiences; {hint}"),
        ));
        return None;
    };
    let part = |key: &str| {
        let entry = client.node.entry(key);
        let line = entry.map_or(client.line, |entry| entry.line);
        let spot = Spot::new(file, Some(line), format!("{client_id}.{key}"));
        (entry.map(texts).unwrap_or_default(), spot)
    };
    Some(Client {
        scopes: part("scopes"),
        allowed_audiences: part("allowed_audiences"),
    })
}

fn texts(entry: &Entry) -> Vec<String> {
    entry.node.texts().into_iter().map(str::to_owned).collect()
}
