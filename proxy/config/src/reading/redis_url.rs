//! A Redis URL: its form alone; the store reads it.

use tokenbridge_bridge::Secret;
use url::Url;

use super::place::{Complaint, Read};

const FIX: &str = "write redis://HOST:PORT or rediss://HOST:PORT (TLS), with /N for another database; redis+cluster://HOST:PORT,... or redis+sentinel://HOST:PORT,.../PRIMARY for several";

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
        "redis+unix" => rest.len() > 1 && rest.starts_with('/'),
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
    let has_host = url.host_str().is_some_and(|host| !host.is_empty());
    Ok(has_host && is_database(url.path().trim_start_matches('/')))
}

fn is_cluster(rest: &str) -> bool {
    // A cluster has no databases.
    !rest.contains('/') && are_hosts(rest)
}

fn is_sentinel(rest: &str) -> bool {
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (primary, database) = path.split_once('/').unwrap_or((path, ""));
    are_hosts(authority) && !primary.is_empty() && is_database(database)
}

fn is_database(text: &str) -> bool {
    text.is_empty() || text.parse::<u32>().is_ok()
}

/// Hosts with or without ports, behind credentials for all of them.
fn are_hosts(authority: &str) -> bool {
    let hosts = authority.rsplit('@').next().unwrap_or_default();
    hosts.split(',').all(|host| {
        let url = Url::parse(&format!("redis://{}", host.trim()));
        url.is_ok_and(|url| url.host_str().is_some_and(|host| !host.is_empty()))
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
        ] {
            let complaint = redis_url(Secret::new(text)).unwrap_err();
            assert!(
                !format!("{complaint:?}").contains("hunter2"),
                "{complaint:?}"
            );
        }
    }
}
