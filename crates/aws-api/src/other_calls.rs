//! The seam for another door on the same port: calls of another protocol, told apart by their
//! head.
//!
//! The port is one (D13): connections, TLS, pages and the drain are this crate's; what such a call
//! means is not.

use crate::pulse::OpenRequest;
use anabranch_api::ApiError;
use anabranch_runtime::{MemoryBudget, TaskGroup};
use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio_util::sync::CancellationToken;

/// The body of another door's answer; it may go on for as long as its connection.
pub type OtherBody = UnsyncBoxBody<Bytes, Box<dyn Error + Send + Sync>>;

/// An answer in the making.
pub type OtherAnswer<'a> = Pin<Box<dyn Future<Output = Response<OtherBody>> + Send + 'a>>;

/// Serves the calls of another protocol. Whatever happens, it answers; dropping its future or its
/// body breaks the call off.
pub trait OtherCalls<S>: Send + Sync + 'static {
    /// Whether a request of HTTP/2 is of this protocol. Asked before anything is checked.
    fn takes(&self, head: &Parts) -> bool;

    /// Serves it.
    fn serve<'a>(&'a self, request: Request<Incoming>, admission: Admission<S>) -> OtherAnswer<'a>;
}

/// What the port knows about a call.
pub struct Admission<S> {
    /// Who answers; or why nobody does now: the node is starting or draining.
    pub service: Result<Arc<S>, ApiError>,
    /// The name in the certificate with which the client has proved itself.
    pub client: Option<Arc<str>>,
    /// What all requests and answers of the port are charged to (D16).
    pub memory: MemoryBudget,
    /// Cancel it to end the connection: its client keeps memory waiting that others need.
    pub connection: CancellationToken,
    /// For what goes on after the answer has begun. When it is stopping the node drains: the
    /// connection ends after the calls that are open.
    pub tasks: TaskGroup,
}

/// A body that counts as an open request of its connection until it is dropped.
pub(crate) struct Held {
    pub(crate) body: OtherBody,
    pub(crate) _open: OpenRequest,
}

impl Body for Held {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
