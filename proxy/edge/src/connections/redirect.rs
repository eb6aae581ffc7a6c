//! The listener that only leads to https. Nothing is forwarded from it, no cookie is read, and
//! only methods without a body are answered with a redirect: what was sent in the clear to be
//! written is refused, so that it is noticed.

use http::{Method, StatusCode, header};
use pingora_core::protocols::Stream;
use pingora_core::server::ShutdownWatch;
use tokenbridge_bridge::rejection::{Refusal, Rejection};
use tokenbridge_bridge::target::{EncodedSlash, RequestTarget};
use tokenbridge_config::limits::Limits;

use super::head::{Arrived, HeadRules};
use super::timer::Timer;
use super::{Connections, refused};
use crate::answer::{Answer, Stamp};

/// What is led to https.
const LED: [Method; 2] = [Method::GET, Method::HEAD];

/// Answers one request; the connection ends with it.
pub(super) async fn serve(
    connections: &Connections,
    limits: &Limits,
    mut stream: Stream,
    mut shutdown: ShutdownWatch,
) {
    let rules = HeadRules::of(limits);
    let stopped = std::pin::pin!(connections.frontend.drain.over(&mut shutdown));
    match rules.read(&mut stream, &mut Timer::new(), stopped).await {
        Arrived::Nothing => {}
        Arrived::Refused(refusal) => refuse(connections, &mut stream, refusal).await,
        Arrived::Head(head) => match location(connections, &head.bytes) {
            Err(refusal) => refuse(connections, &mut stream, refusal).await,
            Ok((location, is_head)) => {
                let request_id = connections.ids.request_id();
                // RFC 6797 § 7.2: no promise of https in the clear.
                let stamp = Stamp {
                    request_id: request_id.as_str(),
                    hsts: None,
                };
                let answer =
                    Answer::empty(StatusCode::MOVED_PERMANENTLY).with(header::LOCATION, location);
                if let Ok(bytes) = answer.into_last_bytes(&stamp, is_head) {
                    refused::write(&mut stream, &bytes).await;
                }
            }
        },
    }
}

async fn refuse(connections: &Connections, stream: &mut Stream, refusal: Refusal) {
    refused::answer_in_the_clear(connections, stream, refusal, &LED).await;
}

/// Where a request is led to: the public URL and the canonical target; whether it was a HEAD.
fn location(connections: &Connections, head: &[u8]) -> Result<(String, bool), Refusal> {
    let mut parts = head.split(|byte| *byte == b' ');
    let (method, target) = (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    );
    if !LED.iter().any(|led| led.as_str().as_bytes() == method) {
        return Err(Refusal::new(
            Rejection::MethodNotAllowed,
            "only GET and HEAD are led to https",
        ));
    }
    let target = RequestTarget::parse(target, EncodedSlash::Keep)
        .map_err(|problem| Refusal::new(Rejection::TargetInvalid, format!("the path {problem}")))?;
    let origin = connections.frontend.served().public_url.origin();
    Ok((
        format!("{origin}{}", target.as_str()),
        method == Method::HEAD.as_str().as_bytes(),
    ))
}
