//! Answers that last: a gateway with sessions in front of an upstream that the test plays.

use tokenbridge_devkit::BrowserSession;
use tokenbridge_devkit::browser::BrowserRequest;

use super::live_upstream::{LiveUpstream, Taken, WITH_SESSION, fields_of_page};
use super::raw::RawClient;
use super::{ConfigurationFolder, Installation};

/// The close frame of a session that is over, and that of an end which goes away.
pub(crate) const SESSION_OVER: [u8; 4] = [0x88, 2, 0x11, 0x31];
pub(crate) const GOING_AWAY: [u8; 4] = [0x88, 2, 0x03, 0xe9];

pub(crate) const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
pub(crate) const SWITCHED: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\
                        Upgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
pub(crate) const EVENTS: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
                      Transfer-Encoding: chunked\r\n\r\n";
pub(crate) const EVENT: &str = "9\r\ndata: 1\n\n\r\n";

/// A gateway with sessions in front of an upstream that the test plays.
pub(crate) struct Live {
    pub(crate) installation: Installation,
    pub(crate) upstream: LiveUpstream,
    pub(crate) browser: BrowserSession,
    pub(crate) fields: String,
}

impl Live {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub(crate) async fn start_with(change: impl FnOnce(&mut ConfigurationFolder)) -> Self {
        let upstream = LiveUpstream::start().await;
        let installation = Installation::start_with(|folder| {
            upstream.stand_in(folder);
            change(folder);
        })
        .await;
        let browser = installation.logged_in("alice").await;
        let fields = fields(&installation, &browser);
        Self {
            installation,
            upstream,
            browser,
            fields,
        }
    }

    /// Sends a request with more fields to a gateway of this port; the upstream has it then.
    pub(crate) async fn ask(&self, port: u16, target: &str, more: &str) -> (RawClient, Taken) {
        let mut client = RawClient::connect(port).await;
        let fields = &self.fields;
        client
            .send(format!("GET {target} HTTP/1.1\r\n{fields}{more}\r\n"))
            .await;
        let taken = self.upstream.take().await;
        (client, taken)
    }

    /// Opens a WebSocket, and shows that both sides are heard.
    pub(crate) async fn websocket(&self, port: u16, target: &str) -> (RawClient, Taken) {
        let (mut client, mut taken) = self.ask(port, target, UPGRADE).await;
        taken.connection.send(format!("{SWITCHED}\r\n")).await;
        assert_eq!(client.answer().await.status, 101);
        client.send(MASKED_HELLO).await;
        taken.connection.until(MASKED_HELLO).await;
        taken.connection.send(HELLO).await;
        client.until(HELLO).await;
        (client, taken)
    }

    /// Opens a stream of events, and waits for the first one.
    pub(crate) async fn events(&self) -> (RawClient, Taken) {
        let accept = "Accept: text/event-stream\r\n";
        let (mut client, mut taken) = self.ask(self.port(), WITH_SESSION, accept).await;
        taken.connection.send(format!("{EVENTS}{EVENT}")).await;
        client.until(b"data: 1\n\n").await;
        (client, taken)
    }

    pub(crate) fn port(&self) -> u16 {
        self.installation.folder.port()
    }

    /// Another session in another browser, from now on.
    pub(crate) async fn log_in(&mut self, user: &str) {
        self.browser = self.installation.logged_in(user).await;
        self.fields = fields(&self.installation, &self.browser);
    }

    pub(crate) async fn log_out(&self) {
        let logout = BrowserRequest::post(self.installation.url("/auth/logout"));
        let page = self.installation.send(&self.browser, logout).await;
        assert_eq!(page.status, 200);
    }
}

/// The text "hello" in one frame, from the server and from the client.
pub(crate) const HELLO: &[u8] = b"\x81\x05hello";
pub(crate) const MASKED_HELLO: &[u8] = b"\x81\x85\x00\x00\x00\x00hello";

fn fields(installation: &Installation, browser: &BrowserSession) -> String {
    let cookie = installation.session_cookie(browser).unwrap();
    fields_of_page(installation.folder.public_url(), &cookie)
}
