//! What an upstream is told of the way that a request came.

use super::send;
use crate::support::transport::Transport;

#[tokio::test(flavor = "multi_thread")]
async fn forwarding_fields_are_made_anew_also_behind_a_trusted_proxy() {
    let transport = Transport::start_with(|folder| {
        folder.add_settings("trusted_proxies: [127.0.0.0/8]");
    })
    .await;
    let fields = "X-Forwarded-For: 203.0.113.9, 198.51.100.1\r\nX-Forwarded-Host: evil.example\r\n\
                  X-Forwarded-Proto: gopher\r\nX-Forwarded-Prefix: /evil\r\nX-Forwarded-Port: 1\r\n\
                  Forwarded: for=1.2.3.4\r\nX_Forwarded_For: 6.6.6.6\r\n";
    assert_eq!(send(&transport, fields).await.status, 200);
    let seen = &transport.upstream.seen()[0];
    assert_eq!(
        seen.values("x-forwarded-for"),
        ["203.0.113.9, 198.51.100.1, 127.0.0.1"]
    );
    assert_eq!(seen.values("x-forwarded-host"), [transport.host()]);
    assert_eq!(seen.values("x-forwarded-proto"), ["http"]);
    for name in [
        "x-forwarded-prefix",
        "x-forwarded-port",
        "forwarded",
        "x_forwarded_for",
    ] {
        assert!(seen.values(name).is_empty(), "{name}: {}", seen.head);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_address_is_not_forwarded_as_one() {
    let transport = Transport::start_with(|folder| {
        folder.add_settings("trusted_proxies: [127.0.0.0/8]");
    })
    .await;
    for (number, (fields, chain)) in [
        (
            "X-Forwarded-For: 6.6.6.6, <b>, 198.51.100.1\r\n",
            "198.51.100.1, 127.0.0.1",
        ),
        (
            "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: unknown\r\n",
            "127.0.0.1",
        ),
        (
            "X-Forwarded-For: \u{e9}\r\nX-Forwarded-For: [::1]:80\r\n",
            "::1, 127.0.0.1",
        ),
        ("X-Forwarded-For:\r\n", "127.0.0.1"),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(send(&transport, fields).await.status, 200);
        let seen = transport.upstream.seen();
        assert_eq!(
            seen[number].values("x-forwarded-for"),
            [chain],
            "{fields:?}"
        );
    }
}
