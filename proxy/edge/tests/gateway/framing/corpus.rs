//! What is sent. `HOST` stands for the gateway's, `SMUGGLED` for a request that must not arrive.

pub(super) const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nHost: HOST\r\n\r\n";

/// What a client sends after `POST / HTTP/1.1` and `Host`, and with which code it is refused.
pub(super) const REFUSED: &[(&str, &str, &str)] = &[
    (
        "CL.TE",
        "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG",
        "FRAMING_INVALID",
    ),
    (
        "TE.CL",
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\nGPOST",
        "FRAMING_INVALID",
    ),
    (
        "TE.TE, two lines",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        "FRAMING_INVALID",
    ),
    (
        "TE.TE, a list",
        "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        "FRAMING_INVALID",
    ),
    (
        "TE.TE, twice chunked",
        "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        "FRAMING_INVALID",
    ),
    (
        "TE.TE, another coding first",
        "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "FRAMING_INVALID",
    ),
    (
        "TE.TE, a near miss",
        "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "FRAMING_INVALID",
    ),
    (
        "TE.TE, a vertical tab",
        "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
        "HEADER_INVALID",
    ),
    (
        "TE.TE, quoted",
        "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n",
        "FRAMING_INVALID",
    ),
    (
        "TE.TE, space before the colon",
        "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        "HEADER_INVALID",
    ),
    (
        "TE.TE, on a folded line",
        "X: y\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HEADER_INVALID",
    ),
    (
        "TE.TE, behind a bare CR",
        "X: y\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HEADER_INVALID",
    ),
    (
        "TE.TE, another spelling",
        "Transfer_Encoding: chunked\r\n\r\n0\r\n\r\n",
        "FRAMING_INVALID",
    ),
    (
        "two equal lengths",
        "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        "FRAMING_INVALID",
    ),
    (
        "two lengths",
        "Content-Length: 5\r\nContent-Length: 0\r\n\r\nhello",
        "FRAMING_INVALID",
    ),
    (
        "a list of lengths",
        "Content-Length: 5, 5\r\n\r\nhello",
        "FRAMING_INVALID",
    ),
    (
        "a signed length",
        "Content-Length: +5\r\n\r\nhello",
        "FRAMING_INVALID",
    ),
    (
        "a negative length",
        "Content-Length: -5\r\n\r\nhello",
        "FRAMING_INVALID",
    ),
    (
        "a hexadecimal length",
        "Content-Length: 0x5\r\n\r\nhello",
        "FRAMING_INVALID",
    ),
    (
        "an empty length",
        "Content-Length:\r\n\r\nhello",
        "FRAMING_INVALID",
    ),
    (
        "an overflowing length",
        "Content-Length: 18446744073709551621\r\n\r\nhello",
        "FRAMING_INVALID",
    ),
    (
        "another spelling of the length",
        "Content_Length: 5\r\n\r\nhello",
        "FRAMING_INVALID",
    ),
    ("NUL in a value", "X: a\0b\r\n\r\n", "HEADER_INVALID"),
    ("NUL in a name", "X\0: a\r\n\r\n", "HEADER_INVALID"),
    ("bare LF", "X: a\nY: b\r\n\r\n", "HEADER_INVALID"),
    ("bare LF at the end", "X: a\r\n\n", "HEADER_INVALID"),
    ("bare CR", "X: a\rb\r\n\r\n", "HEADER_INVALID"),
    ("obs-fold", "X: a\r\n b\r\n\r\n", "HEADER_INVALID"),
    ("a name with a space", "X Y: a\r\n\r\n", "HEADER_INVALID"),
    ("no name", ": a\r\n\r\n", "HEADER_INVALID"),
    ("no colon", "X\r\n\r\n", "HEADER_INVALID"),
    ("Host twice", "Host: HOST\r\n\r\n", "HOST_INVALID"),
];

/// Whole requests that are refused before anything else is done.
pub(super) const REFUSED_LINES: &[(&str, u16, &str)] = &[
    (
        "POST / HTTP/1.0\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
        "FRAMING_INVALID",
    ),
    ("GET / HTTP/1.1\r\n\r\n", 400, "HOST_INVALID"),
    ("GET / HTTP/1.0\r\n\r\n", 400, "HOST_INVALID"),
    (
        "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        421,
        "HOST_UNKNOWN",
    ),
    (
        "GET / HTTP/1.1\r\nHost: u@HOST\r\n\r\n",
        400,
        "HOST_INVALID",
    ),
    (
        "GET http://evil.example/ HTTP/1.1\r\nHost: HOST\r\n\r\n",
        400,
        "HOST_INVALID",
    ),
    (
        "GET http:/\\HOST/ HTTP/1.1\r\nHost: HOST\r\n\r\n",
        400,
        "TARGET_INVALID",
    ),
    (
        "OPTIONS * HTTP/1.1\r\nHost: HOST\r\n\r\n",
        400,
        "TARGET_INVALID",
    ),
    (
        "GET /a/../b HTTP/1.1\r\nHost: HOST\r\n\r\n",
        400,
        "TARGET_INVALID",
    ),
    (
        "GET /a\\b HTTP/1.1\r\nHost: HOST\r\n\r\n",
        400,
        "TARGET_INVALID",
    ),
    (
        "GET  / HTTP/1.1\r\nHost: HOST\r\n\r\n",
        400,
        "HEADER_INVALID",
    ),
    (
        "GET / HTTP/1.1 x\r\nHost: HOST\r\n\r\n",
        400,
        "HEADER_INVALID",
    ),
    (
        "GET / HTTP/2.0\r\nHost: HOST\r\n\r\n",
        505,
        "VERSION_UNSUPPORTED",
    ),
    (
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        505,
        "VERSION_UNSUPPORTED",
    ),
    (
        "CONNECT HOST HTTP/1.1\r\nHost: HOST\r\n\r\n",
        405,
        "METHOD_NOT_ALLOWED",
    ),
    (
        "TRACE / HTTP/1.1\r\nHost: HOST\r\n\r\n",
        405,
        "METHOD_NOT_ALLOWED",
    ),
    (
        "BREW / HTTP/1.1\r\nHost: HOST\r\n\r\n",
        405,
        "METHOD_NOT_ALLOWED",
    ),
    (
        "get / HTTP/1.1\r\nHost: HOST\r\n\r\n",
        405,
        "METHOD_NOT_ALLOWED",
    ),
    ("\x16\x03\x01\x02\x00", 400, "HEADER_INVALID"),
];

/// What is one request, though a careless server would see two or none; and its body.
pub(super) const ONE: &[(&str, &str, &str)] = &[
    ("a length", "Content-Length: 5\r\n\r\nhello", "hello"),
    (
        "chunks",
        "Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
        "hello",
    ),
    (
        "chunk extensions",
        "Transfer-Encoding: chunked\r\n\r\n5;a=b;c=\"d\"\r\nhello\r\n0;e\r\n\r\n",
        "hello",
    ),
    (
        "trailers",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Forwarded-User: root\r\n\r\n",
        "hello",
    ),
    (
        "a request in the body",
        "Content-Length: 5\r\n\r\nhelloSMUGGLED",
        "hello",
    ),
    (
        "a request behind chunks",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nSMUGGLED",
        "hello",
    ),
    ("a request behind no body", "\r\nSMUGGLED", ""),
    (
        "a request behind an upgrade that is refused",
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\nSMUGGLED",
        "",
    ),
    (
        "a request behind an unknown upgrade",
        "Connection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\nSMUGGLED",
        "",
    ),
    (
        "a request behind Expect",
        "Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhelloSMUGGLED",
        "hello",
    ),
];

/// Chunks that end nowhere or twice, or that two servers could read differently.
pub(super) const BROKEN_CHUNKS: &[&str] = &[
    "FFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n",
    "-5\r\nhello\r\n0\r\n\r\n",
    "0x5\r\nhello\r\n0\r\n\r\n",
    "5\nhello\r\n0\r\n\r\n",
    "5 \r\nhello\r\n0\r\n\r\n",
    "5\t;a\r\nhello\r\n0\r\n\r\n",
    "5;\nhello\r\n0\r\n\r\nSMUGGLED",
    "5;a\nhello\r\n0\r\n\r\nSMUGGLED",
    "5;a=\"\n\"\r\nhello\r\n0\r\n\r\nSMUGGLED",
    "5;a\rb\r\nhello\r\n0\r\n\r\nSMUGGLED",
    "5\r\nhelloX\r\n0\r\n\r\nSMUGGLED",
    "2\r\nhello\r\n0\r\n\r\nSMUGGLED",
    "5\r\nhello0\r\n\r\nSMUGGLED",
    "5\r\nhello\r\n\r\n\r\nSMUGGLED",
    "5\r\nhello\r\n0\r\nno colon\r\n\r\n",
    "5\r\nhello\r\n0\r\nno-colon\r\n\r\n",
    "5\r\nhello\r\n0\r\nA: b\n\r\nSMUGGLED",
    "5\r\nhello\r\n0\r\n folded\r\n\r\n",
    " 5 \r\nhello\r\n0\r\n\r\nSMUGGLED",
    "\r\n\r\nSMUGGLED",
];
