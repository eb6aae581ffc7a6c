//! A proxy between store and server counts how often the store has to wait for an answer.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokenbridge_bridge::Secret;
use tokenbridge_bridge::grant::Written;
use tokenbridge_session_store::{Clock, Described, RedisStore, SessionStore, SystemClock};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::bench::{keyring, open, service};
use crate::samples::{found, key, session, token};
use crate::server::RedisServer;

#[derive(Default)]
struct Turns {
    count: AtomicUsize,
    server_spoke_last: AtomicBool,
}

impl Turns {
    fn client_speaks(&self) {
        if self.server_spoke_last.swap(false, Ordering::SeqCst) {
            self.count.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn server_speaks(&self) {
        self.server_spoke_last.store(true, Ordering::SeqCst);
    }
}

/// Passes one connection on and counts each time the client speaks after the server did.
async fn counting_proxy(server: SocketAddr) -> (u16, Arc<Turns>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let turns = Arc::new(Turns::default());
    let counted = Arc::clone(&turns);
    tokio::spawn(async move {
        let (client, _) = listener.accept().await.unwrap();
        let upstream = TcpStream::connect(server).await.unwrap();
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) = upstream.into_split();
        let (mut asked, mut answered) = (vec![0; 65_536], vec![0; 65_536]);
        loop {
            tokio::select! {
                read = from_client.read(&mut asked) => match read {
                    Ok(length) if length > 0 => {
                        counted.client_speaks();
                        to_server.write_all(&asked[..length]).await.unwrap();
                    }
                    Ok(_) | Err(_) => return,
                },
                read = from_server.read(&mut answered) => match read {
                    Ok(length) if length > 0 => {
                        counted.server_speaks();
                        to_client.write_all(&answered[..length]).await.unwrap();
                    }
                    Ok(_) | Err(_) => return,
                },
            }
        }
    });
    (port, turns)
}

async fn proxied(server: &RedisServer) -> (RedisStore, Arc<Turns>) {
    let (port, turns) = counting_proxy(server.address()).await;
    let store = open(
        &Secret::new(format!("redis://127.0.0.1:{port}")),
        keyring("k1", 1),
    );
    store
        .create(&session(1, SystemClock::default().now()))
        .await
        .unwrap();
    let put = store
        .put_slot(&key(1), &service("crud"), &token("crud"), None)
        .await
        .unwrap();
    assert_eq!(put, Written::Stored);
    (store, turns)
}

#[tokio::test]
async fn a_request_needs_exactly_one_round_trip() {
    let server = RedisServer::start().await;
    let (store, turns) = proxied(&server).await;
    let before = turns.count.load(Ordering::SeqCst);
    for _ in 0..10 {
        assert_eq!(found(&store, 1, "crud").await.slot, Some(token("crud")));
    }
    assert_eq!(turns.count.load(Ordering::SeqCst) - before, 10);
}

#[tokio::test]
async fn a_description_and_each_conditional_write_need_one_round_trip() {
    let server = RedisServer::start().await;
    let (store, turns) = proxied(&server).await;
    let before = turns.count.load(Ordering::SeqCst);
    assert!(matches!(
        store.describe(&key(1)).await.unwrap(),
        Described::Found(_)
    ));
    let put = store
        .put_slot(&key(1), &service("crud"), &token("crud"), None)
        .await
        .unwrap();
    assert_eq!(put, Written::Stored);
    assert_eq!(turns.count.load(Ordering::SeqCst) - before, 2);
}
