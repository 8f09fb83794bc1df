//! `grpc.reflection.v1`: what services and messages there are, for clients that ask.

use crate::charged_body::ChargedBody;
use anabranch_proto::PUBLIC_DESCRIPTORS;
use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Request, Response};
use hyper::body::{Body as HttpBody, Frame};
use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::body::Body;
use tonic::codegen::Service;

type Serve = dyn Fn(Request<UntilStop>) -> BoxFuture<'static, Response<Body>> + Send + Sync;

/// Answers from the descriptors that were compiled in.
pub(crate) struct Reflection(Box<Serve>);

impl Reflection {
    pub fn new() -> Self {
        let builder = tonic_reflection::server::Builder::configure();
        let server = builder.register_encoded_file_descriptor_set(PUBLIC_DESCRIPTORS).build_v1();
        let server = server.expect("the descriptors are those of this build, and tests read them");
        Reflection(Box::new(move |request| {
            let mut server = server.clone();
            Box::pin(async move { server.call(request).await.unwrap_or_else(|never| match never {}) })
        }))
    }

    /// Serves one call, which ends at the latest when `stopping` is cancelled.
    pub async fn call(&self, request: Request<ChargedBody>, stopping: CancellationToken) -> Response<Body> {
        (self.0)(request.map(|body| UntilStop { body, stopping: Box::pin(stopping.cancelled_owned()) })).await
    }
}

/// A request's body that ends when the node drains, so that nobody's open question holds it up.
struct UntilStop {
    body: ChargedBody,
    stopping: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl HttpBody for UntilStop {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.stopping.as_mut().poll(cx).is_ready() {
            return Poll::Ready(None);
        }
        Pin::new(&mut self.body).poll_frame(cx)
    }
}
