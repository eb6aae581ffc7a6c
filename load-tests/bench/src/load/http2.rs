//! One of the streams on an HTTP/2 connection.

use bytes::Bytes;
use h2::client::SendRequest;
use http::Request;

use super::Ask;
use super::tls::Opened;
use crate::Outcome;

/// Large enough that the generator holds nothing up.
const WINDOW: u32 = 8 * 1024 * 1024;

/// One stream after the other.
pub(super) struct Stream {
    sender: SendRequest<Bytes>,
    request: Request<()>,
    body: Bytes,
    status: u16,
}

/// So many streams at the same time on one connection.
///
/// # Errors
/// The peer does not speak HTTP/2, or the request is none.
pub(super) async fn streams(stream: Opened, ask: &Ask, count: usize) -> Outcome<Vec<Stream>> {
    let (sender, connection) = h2::client::Builder::new()
        .initial_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .handshake::<_, Bytes>(stream)
        .await?;
    tokio::task::spawn_local(async move {
        // The streams notice a connection that breaks.
        let _ = connection.await;
    });
    // HTTP/2 has the authority where HTTP/1.1 has Host.
    let (host, fields) = ask.fields.split_first().ok_or("no Host")?;
    let mut request = Request::builder()
        .method(ask.method)
        .uri(format!("https://{}{}", host.1, ask.path));
    for (name, value) in fields {
        request = request.header(name.to_ascii_lowercase(), value);
    }
    let request = request.body(())?;
    let stream = || Stream {
        sender: sender.clone(),
        request: request.clone(),
        body: ask.body.clone(),
        status: ask.status,
    };
    Ok((0..count).map(|_| stream()).collect())
}

impl Stream {
    /// Sends once; whether the answer was right.
    ///
    /// # Errors
    /// The connection is of no more use.
    pub(super) async fn exchange(&mut self) -> Result<bool, h2::Error> {
        std::future::poll_fn(|context| self.sender.poll_ready(context)).await?;
        let whole = self.body.is_empty();
        let (answer, mut body) = self.sender.send_request(self.request.clone(), whole)?;
        if !whole {
            body.send_data(self.body.clone(), true)?;
        }
        let answer = answer.await?;
        let status = answer.status().as_u16();
        let mut body = answer.into_body();
        while let Some(data) = body.data().await {
            let bytes = data?.len();
            body.flow_control().release_capacity(bytes)?;
        }
        Ok(status == self.status)
    }
}
