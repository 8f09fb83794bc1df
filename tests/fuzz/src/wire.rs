//! Calls of gRPC over a connection in memory, a byte at a time if need be: nothing here judges what is sent.
#![allow(clippy::disallowed_methods, reason = "both ends of a connection are tasks of their target")]

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::DuplexStream;

/// Bytes on their way in each direction.
pub const PIPE_BYTES: usize = 64 << 10;

/// The client's end of a connection.
#[derive(Clone)]
pub struct Client {
    sender: SendRequest<Full<Bytes>>,
}

/// What came back of a call.
#[derive(Debug)]
pub struct Answer {
    /// `grpc-status`, wherever it was.
    pub status: u16,
    /// All of the body.
    pub body: Bytes,
}

impl Client {
    /// Shakes hands over `io`.
    ///
    /// # Panics
    /// When the other end is none of HTTP/2.
    pub async fn over(io: DuplexStream) -> Self {
        let (sender, connection) =
            Builder::new(TokioExecutor::new()).handshake(TokioIo::new(io)).await.expect("HTTP/2");
        tokio::spawn(connection);
        Client { sender }
    }

    /// Calls `path`; none when a header's text is none of HTTP.
    ///
    /// # Panics
    /// When the call is not answered as gRPC wants it: whatever was sent, the server says what it thinks of it.
    pub async fn call(&mut self, path: &str, headers: &[(&str, &[u8])], body: Bytes) -> Option<Answer> {
        let mut builder = Request::post(format!("http://node{path}"));
        for (name, value) in [("content-type", &b"application/grpc"[..]), ("te", b"trailers")].iter().chain(headers) {
            builder = builder.header(*name, *value);
        }
        let request = builder.body(Full::new(body)).ok()?;
        let response = self.sender.send_request(request).await.expect("a call is answered");
        assert_eq!(response.status(), 200, "{path}");
        let (parts, body) = response.into_parts();
        let collected = body.collect().await.expect("an answer is whole");
        let status = |headers: &HeaderMap| headers.get("grpc-status")?.to_str().ok()?.parse().ok();
        let status: Option<u16> = status(&parts.headers).or_else(|| collected.trailers().and_then(status));
        let status = status.filter(|status| *status <= 16).expect("an answer has a status of gRPC");
        Some(Answer { status, body: collected.to_bytes() })
    }
}

/// A message as gRPC frames it: whether it is compressed, its length, itself.
#[must_use]
pub fn framed(message: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(5 + message.len());
    frame.put_u8(0);
    frame.put_u32(u32::try_from(message.len()).expect("an input is short"));
    frame.put_slice(message);
    frame.freeze()
}

/// The messages of a whole body.
///
/// # Panics
/// When they are not framed, or compressed.
#[must_use]
pub fn messages(mut body: &[u8]) -> Vec<&[u8]> {
    let mut messages = Vec::new();
    while let Some((head, rest)) = body.split_first_chunk::<5>() {
        assert_eq!(head[0], 0, "nobody asked for compression");
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
        let (message, rest) = rest.split_at_checked(length).expect("a frame is whole");
        messages.push(message);
        body = rest;
    }
    assert!(body.is_empty(), "bytes are left over: {body:?}");
    messages
}
