use std::sync::Arc;

use tokenbridge_bridge::Secret;
use tokenbridge_session_store::{RedisOptions, RedisStore, RedisUrlError, SystemClock};

use crate::bench::keyring;

fn open(url: &str, frontend: &str) -> Result<RedisStore, RedisUrlError> {
    let options = RedisOptions::new(Secret::new(url), frontend);
    RedisStore::open(
        &options,
        Arc::new(keyring("k1", 1)),
        Arc::new(SystemClock::default()),
    )
}

#[test]
fn every_kind_of_url_is_read_without_connecting() {
    for url in [
        "redis://localhost",
        "redis://user:p%40ss@localhost:6380/3",
        "rediss://:password@redis.example:6380/0",
        "redis+unix:///run/redis.sock",
        "redis+sentinel://one:26379,two/primary",
        "rediss+sentinel://user:password@one,[::1]:26379/primary/2",
        "redis+cluster://one:7000,two:7001",
        "rediss+cluster://user:password@one:7000",
    ] {
        if let Err(error) = open(url, "main") {
            panic!("{url}: {error}");
        }
    }
}

#[test]
fn a_wrong_url_is_named_without_its_password() {
    for (url, expected) in [
        ("", RedisUrlError::Scheme),
        ("localhost:6379", RedisUrlError::Scheme),
        ("http://:hunter2@localhost", RedisUrlError::Scheme),
        ("redis://:hunter2@localhost:port", RedisUrlError::Form),
        ("redis://:hunter2@localhost/database", RedisUrlError::Form),
        (
            "rediss://:hunter2@localhost/#insecure",
            RedisUrlError::Insecure,
        ),
        (
            "redis+sentinel://:hunter2@one,two",
            RedisUrlError::NoPrimary,
        ),
        ("redis+sentinel://one,,two/primary", RedisUrlError::Form),
        ("redis+cluster://:hunter2@one/2", RedisUrlError::ClusterPath),
    ] {
        let Err(error) = open(url, "main") else {
            panic!("{url} was accepted")
        };
        assert_eq!(error, expected, "{url}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}

#[test]
fn a_frontend_with_other_characters_is_refused() {
    for frontend in ["", "a:b", "{a}", "a b"] {
        assert_eq!(
            open("redis://localhost", frontend).err(),
            Some(RedisUrlError::Frontend)
        );
    }
}

#[test]
fn options_do_not_show_the_url() {
    let options = RedisOptions::new(Secret::new("redis://:hunter2@localhost"), "main");
    assert!(!format!("{options:?}").contains("hunter2"));
}
