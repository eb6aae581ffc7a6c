//! The one place where the gateway's own answers are written.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, StatusCode, Version, header};
use pingora_core::Result;
use pingora_core::protocols::http::ServerSession;
use pingora_core::protocols::http::date::get_cached_date;
use pingora_proxy::Session as HttpSession;

use pingora::http::{RequestHeader, ResponseHeader};

/// The request body that is read and thrown away so that an early answer arrives and the
/// connection can live on; a larger one closes the connection.
pub(crate) const DRAINED_BYTES: usize = 64 * 1024;
/// How long that may take.
pub(crate) const DRAINED_TIME: Duration = Duration::from_secs(2);
/// How long its next part is waited for: a client that sent the head alone is answered then.
const DRAINED_PAUSE: Duration = Duration::from_millis(100);

/// How long a client that sends on after its answer is listened to.
const LINGERING: Duration = Duration::from_secs(2);

/// The header of every answer and of every forwarded request that names the request.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// An answer of the gateway's own.
#[derive(Debug)]
pub(crate) struct Answer {
    status: StatusCode,
    fields: Vec<(HeaderName, String)>,
    body: Bytes,
}

impl Answer {
    /// An answer without a body.
    pub(crate) fn empty(status: StatusCode) -> Self {
        Self {
            status,
            fields: vec![(header::CACHE_CONTROL, "no-store".into())],
            body: Bytes::new(),
        }
    }

    /// A JSON document of the given media type.
    pub(crate) fn json(status: StatusCode, media_type: &str, document: &serde_json::Value) -> Self {
        Self::empty(status).with_body(media_type, document.to_string())
    }

    /// A script that is the same for everybody.
    pub(crate) fn script(text: &'static str) -> Self {
        let bare = Self {
            status: StatusCode::OK,
            fields: vec![(header::CACHE_CONTROL, "public, max-age=300".into())],
            body: Bytes::new(),
        };
        bare.with_body("text/javascript; charset=utf-8", text.into())
    }

    /// A page. It loads nothing and runs nothing.
    pub(crate) fn html(status: StatusCode, page: String) -> Self {
        Self::empty(status)
            .with_body("text/html; charset=utf-8", page)
            .with(
                header::CONTENT_SECURITY_POLICY,
                "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
            )
    }

    /// A redirect that turns any method into GET (RFC 9700 § 4.12: never 307 or 308).
    pub(crate) fn see_other(location: String) -> Self {
        Self::empty(StatusCode::SEE_OTHER)
            .with(header::LOCATION, location)
            .with(header::REFERRER_POLICY, "no-referrer")
    }

    /// One more header field.
    #[must_use]
    pub(crate) fn with(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.fields.push((name, value.into()));
        self
    }

    /// One `Set-Cookie` field for each value.
    #[must_use]
    pub(crate) fn with_cookies(mut self, cookies: impl IntoIterator<Item = String>) -> Self {
        self.fields.extend(
            cookies
                .into_iter()
                .map(|cookie| (header::SET_COOKIE, cookie)),
        );
        self
    }

    fn with_body(mut self, media_type: &str, body: String) -> Self {
        self.body = body.into();
        self.with(header::CONTENT_TYPE, media_type)
            .with(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
    }

    /// The same answer with another status.
    #[must_use]
    pub(crate) fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// What an answer is made of, for a listener that is not the proxy's.
    pub(crate) fn into_parts(self) -> (StatusCode, Vec<(HeaderName, String)>, Bytes) {
        (self.status, self.fields, self.body)
    }

    /// The status.
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// Writes the answer, after what is left of a small request body was read.
    ///
    /// # Errors
    /// The client is gone.
    pub(crate) async fn send(self, http: &mut HttpSession, stamp: &Stamp<'_>) -> Result<()> {
        // Of a request that did not come in time nothing more is waited for.
        if self.status != StatusCode::REQUEST_TIMEOUT {
            drain(http).await;
        }
        let head = http.req_header().method == Method::HEAD;
        let mut response = self.header(stamp)?;
        self.limit(&mut response)?;
        let end = head || self.body.is_empty();
        http.write_response_header(Box::new(response), end).await?;
        if !end {
            http.write_response_body(Some(self.body), true).await?;
        }
        linger(http).await;
        Ok(())
    }

    /// Writes the header of an answer whose body comes bit by bit, until the caller ends it.
    ///
    /// # Errors
    /// The client is gone.
    pub(crate) async fn begin(self, http: &mut HttpSession, stamp: &Stamp<'_>) -> Result<()> {
        let mut response = self.header(stamp)?;
        // HTTP/1.0 knows no chunks: there the end of the connection is the end of the body.
        if http.req_header().version == Version::HTTP_11 {
            response.insert_header(header::TRANSFER_ENCODING, "chunked")?;
        }
        http.write_response_header(Box::new(response), false).await
    }

    /// Writes the answer to a request that the framework would answer itself.
    ///
    /// # Errors
    /// The client is gone.
    pub(crate) async fn send_early(
        self,
        session: &mut ServerSession,
        stamp: &Stamp<'_>,
    ) -> Result<()> {
        let mut response = self.header(stamp)?;
        self.limit(&mut response)?;
        session.write_response_header(Box::new(response)).await?;
        session.write_response_body(self.body, true).await
    }

    /// The answer as the last bytes of an HTTP/1 connection; `head` leaves the body out.
    ///
    /// # Errors
    /// A value cannot stand in a header.
    pub(crate) fn into_last_bytes(self, stamp: &Stamp<'_>, head: bool) -> Result<Vec<u8>> {
        let mut response = self.header(stamp)?;
        self.limit(&mut response)?;
        response.insert_header(header::DATE, get_cached_date())?;
        response.insert_header(header::CONNECTION, "close")?;
        let reason = self.status.canonical_reason().unwrap_or_default();
        let mut bytes = format!("HTTP/1.1 {} {reason}\r\n", self.status.as_str()).into_bytes();
        response.header_to_h1_wire(&mut bytes);
        bytes.extend_from_slice(b"\r\n");
        if !head {
            bytes.extend_from_slice(&self.body);
        }
        Ok(bytes)
    }

    /// Without a length the framework delimits the answer by closing the connection.
    fn limit(&self, response: &mut ResponseHeader) -> Result<()> {
        response.insert_header(header::CONTENT_LENGTH, self.body.len())
    }

    fn header(&self, stamp: &Stamp<'_>) -> Result<ResponseHeader> {
        let mut response = ResponseHeader::build(self.status, Some(self.fields.len() + 6))?;
        for (name, value) in &self.fields {
            response.append_header(name, value.as_str())?;
        }
        response.insert_header(X_REQUEST_ID, stamp.request_id)?;
        if let Some(hsts) = stamp.hsts {
            response.insert_header(header::STRICT_TRANSPORT_SECURITY, hsts.clone())?;
        }
        Ok(response)
    }
}

/// What stands on every answer of the gateway's own.
pub(crate) struct Stamp<'a> {
    pub(crate) request_id: &'a str,
    /// `Strict-Transport-Security`, where it is sent.
    pub(crate) hsts: Option<&'a HeaderValue>,
}

/// Reads what is left of a small request body, so that the connection can live on. One that is
/// announced as larger is answered at once.
async fn drain(http: &mut HttpSession) {
    if sends_on(http) && !is_announced_as_large(http.req_header()) {
        let reading = read_away(http, DRAINED_BYTES, DRAINED_PAUSE);
        // Running out of time only costs the connection.
        let _ = tokio::time::timeout(DRAINED_TIME, reading).await;
    }
}

fn is_announced_as_large(request: &RequestHeader) -> bool {
    let length = request.headers.get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok());
    length.is_some_and(|length| !matches!(length.parse(), Ok(..=DRAINED_BYTES)))
}

/// The connection closes now where a body was left unread. A close with unread bytes resets it, and
/// a reset can take the answer from a client that is still sending: it gets a moment to see it.
async fn linger(http: &mut HttpSession) {
    if http.as_http1().is_some() && sends_on(http) {
        let reading = read_away(http, usize::MAX, LINGERING);
        // The answer was sent: who has not seen it by now may lose it.
        let _ = tokio::time::timeout(LINGERING, reading).await;
    }
}

/// A client that waits for 100 Continue sends nothing before it has that or our answer.
fn sends_on(http: &mut HttpSession) -> bool {
    let waits = http.req_header().headers.contains_key(header::EXPECT);
    !http.is_body_done() && (!waits || http.response_written().is_some())
}

/// Reads until the body ends, is too large, or nothing comes for the length of a pause.
async fn read_away(http: &mut HttpSession, most: usize, pause: Duration) {
    let mut read = 0;
    while read <= most {
        match tokio::time::timeout(pause, http.read_request_body()).await {
            Ok(Ok(Some(chunk))) => read += chunk.len(),
            Ok(Ok(None) | Err(_)) | Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests;
