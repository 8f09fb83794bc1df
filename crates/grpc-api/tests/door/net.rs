//! A connection of HTTP/2 as tonic's clients use it.

use futures::future::BoxFuture;
use http::{HeaderName, HeaderValue, Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite};
use tonic::body::Body;
use tonic::codegen::Service;

/// One connection; clones share it, and it ends with the last.
#[derive(Clone)]
pub struct Link {
    sender: SendRequest<Body>,
    /// Put on every call.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

impl Link {
    /// Shakes hands over `io`. A stream is `window` bytes ahead of its reader at the most.
    pub async fn over(io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, window: u32) -> Link {
        let mut builder = Builder::new(TokioExecutor::new());
        builder.initial_stream_window_size(window).initial_connection_window_size(16 << 20);
        let (sender, connection) = builder.handshake(TokioIo::new(io)).await.expect("handshake");
        tokio::spawn(connection);
        Link { sender, headers: Vec::new() }
    }

    /// The same connection with a header on every call.
    pub fn with(&self, name: &'static str, value: &str) -> Link {
        let mut link = self.clone();
        link.headers.push((HeaderName::from_static(name), value.parse().expect("a header")));
        link
    }
}

impl Service<Request<Body>> for Link {
    type Response = Response<Incoming>;
    type Error = hyper::Error;
    type Future = BoxFuture<'static, Result<Response<Incoming>, hyper::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), hyper::Error>> {
        self.sender.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let path = request.uri().path_and_query().expect("a path").to_string();
        *request.uri_mut() = format!("http://broker{path}").parse().expect("a uri");
        request.headers_mut().extend(self.headers.iter().cloned().map(|(name, value)| (Some(name), value)));
        let sent = self.sender.send_request(request);
        Box::pin(sent)
    }
}
