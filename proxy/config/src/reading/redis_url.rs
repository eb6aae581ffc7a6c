//! A Redis URL: its form alone; the store reads it.

use tokenbridge_bridge::Secret;
use url::Url;

use super::place::{Complaint, Read};

const FIX: &str = "write redis://HOST:PORT or rediss://HOST:PORT (TLS), with /N for another database; redis+cluster://HOST:PORT,... or redis+sentinel://HOST:PORT,.../PRIMARY for several";
const WITHOUT_FRAGMENT: &str = "remove what stands behind #; in a password write it as %23";

/// A Redis URL, which may hold a password.
///
/// | URL | what it names |
/// |---|---|
/// | `redis://[user:password@]host[:port][/db]` | one server |
/// | `redis+unix:///path` | one server, through a socket |
/// | `redis+sentinel://[user:password@]host[:port],.../primary[/db]` | the primary that sentinels name |
/// | `redis+cluster://[user:password@]host[:port],...` | a cluster |
pub(crate) fn redis_url(value: Secret) -> Read<Secret> {
    let (scheme, rest) = value.expose().split_once("://").unwrap_or_default();
    let right = match scheme {
        "redis" | "rediss" => is_server(value.expose())?,
        "redis+unix" => is_socket(value.expose()),
        "redis+cluster" | "rediss+cluster" => is_cluster(rest),
        "redis+sentinel" | "rediss+sentinel" => is_sentinel(rest),
        // What is no URL at all is told as that.
        _ => is_server(value.expose()).map(|_| false)?,
    };
    match right {
        true => Ok(value),
        false => Err(Complaint::new("is no Redis URL", FIX)),
    }
}

fn is_server(value: &str) -> Read<bool> {
    let url =
        Url::parse(value).map_err(|error| Complaint::new(format!("is no URL ({error})"), FIX))?;
    // `#insecure` would switch the verification of the server off.
    if url.fragment().is_some() {
        return Err(Complaint::new("has a fragment", WITHOUT_FRAGMENT));
    }
    Ok(is_place(&url) && is_database(url.path().trim_start_matches('/')))
}

/// Whether a URL names a host that can be connected to.
fn is_place(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let wildcard = ["", "0.0.0.0", "[::]"].contains(&host);
    let credentials = [url.username(), url.password().unwrap_or_default()];
    !wildcard && credentials.iter().all(|text| is_text(text)) && is_query(url)
}

/// Whether percent-encoded text is UTF-8. The reader of forms puts U+FFFD where it is not.
fn is_text(encoded: &str) -> bool {
    url::form_urlencoded::parse(encoded.as_bytes())
        .all(|(key, value)| !key.contains('\u{fffd}') && !value.contains('\u{fffd}'))
}

/// Whether the parameters that the client library reads are what it expects.
fn is_query(url: &Url) -> bool {
    url.query_pairs().all(|(key, value)| match &*key {
        "protocol" => ["2", "resp2", "3", "resp3"].contains(&&*value),
        "db" => is_database(&value),
        _ => true,
    })
}

fn is_socket(value: &str) -> bool {
    Url::parse(value).is_ok_and(|url| {
        let path = url.path();
        let is_path = path.len() > 1 && path.starts_with('/');
        url.host_str().is_none_or(str::is_empty) && is_path && is_text(path) && is_query(&url)
    })
}

fn is_cluster(rest: &str) -> bool {
    // A cluster has no databases.
    !rest.contains('/') && are_hosts(rest)
}

fn is_sentinel(rest: &str) -> bool {
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (primary, database) = path.split_once('/').unwrap_or((path, ""));
    let named = !primary.is_empty() && !primary.contains(['#', '?']);
    are_hosts(authority) && named && is_database(database)
}

fn is_database(text: &str) -> bool {
    text.is_empty() || text.parse::<u32>().is_ok()
}

/// Hosts with or without ports, behind credentials for all of them.
fn are_hosts(authority: &str) -> bool {
    let (credentials, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
    hosts.split(',').all(|host| {
        let url = match credentials {
            "" => Url::parse(&format!("redis://{}", host.trim())),
            _ => Url::parse(&format!("redis://{credentials}@{}", host.trim())),
        };
        url.is_ok_and(|url| {
            let nothing_else = url.path().is_empty() && url.query().is_none();
            is_place(&url) && nothing_else && url.fragment().is_none()
        })
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn every_form_that_the_store_reads_is_taken() {
        for text in [
            "redis://127.0.0.1:6379",
            "rediss://:hunter2@redis.example:6380/1",
            "redis+unix:///run/redis.sock",
            "redis+cluster://127.0.0.1:7000,127.0.0.1:7001,[::1]:7002",
            "rediss+cluster://user:hunter2@a.example,b.example:7001",
            "redis+sentinel://:hunter2@a:26379,b/main/2",
        ] {
            assert!(redis_url(Secret::new(text)).is_ok(), "{text}");
        }
    }

    #[test]
    fn what_is_none_is_refused_and_never_shown() {
        for text in [
            "http://:hunter2@a",
            "redis://",
            "redis://a/hunter2",
            "hunter2",
            "redis://a:hunter2",
            "redis+cluster://a,b/hunter2",
            "redis+cluster://hunter2@",
            "redis+cluster://a,,hunter2",
            "redis+cluster://a:hunter2",
            "redis+sentinel://hunter2",
            "redis+sentinel://a/main/hunter2",
            "redis+unix://",
            "redis+unix://hunter2/run/redis.sock",
            "redis+unix:///run/redis.sock?db=hunter2",
            "rediss://:hunter2@a#insecure",
            "redis://a:6379/0#hunter2",
            "redis://:hunter2@0.0.0.0",
            "redis://:hunter2%ff@a",
            "redis://a?protocol=hunter2",
            "rediss+cluster://:hunter2@a,b#insecure",
            "rediss+cluster://:6#hunter2@a",
            "rediss+sentinel://:hunter2@a/main#insecure",
        ] {
            let complaint = redis_url(Secret::new(text)).unwrap_err();
            assert!(
                !format!("{complaint:?}").contains("hunter2"),
                "{complaint:?}"
            );
        }
    }
}
