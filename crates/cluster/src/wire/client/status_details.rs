//! The details of a status, looked at before tonic reads them.
//!
//! tonic takes it for granted that they are base64 and panics where they are not. Whoever listens at a node's
//! address can send such ones: a status is read before anybody has proved anything. Source: grpc/grpc-rust, pull
//! request 2618.

use bytes::Bytes;
use http::HeaderMap;
use hyper::body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tonic::metadata::MetadataMap;

const DETAILS: &str = "grpc-status-details-bin";

/// Takes details out that are no base64. The status stays what it is.
pub(super) fn drop_broken_details(headers: &mut HeaderMap) {
    let Some(details) = headers.get(DETAILS) else { return };
    let mut only = HeaderMap::with_capacity(1);
    only.insert(DETAILS, details.clone());
    let only = MetadataMap::from_headers(only);
    if only.get_bin(DETAILS).is_none_or(|details| details.to_bytes().is_err()) {
        headers.remove(DETAILS);
    }
}

/// A body whose trailers have no broken details.
pub(super) struct Checked<B>(pub B);

impl<B: Body<Data = Bytes> + Unpin> Body for Checked<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let mut frame = ready!(Pin::new(&mut self.0).poll_frame(cx));
        if let Some(Ok(frame)) = &mut frame
            && let Some(trailers) = frame.trailers_mut()
        {
            drop_broken_details(trailers);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use http_body_util::{BodyExt, Full};
    use std::convert::Infallible;
    use tonic::Status;

    /// A failure with these details, as tonic reads it out of trailers.
    async fn status(details: &'static [u8]) -> Status {
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", HeaderValue::from_static("7"));
        trailers.insert(DETAILS, HeaderValue::from_bytes(details).expect("a header's value"));
        let body = Full::new(Bytes::from_static(b"data")).with_trailers(async { Some(Ok::<_, Infallible>(trailers)) });
        let collected = Checked(Box::pin(body)).collect().await.expect("a whole body");
        let trailers = collected.trailers().expect("there are trailers").clone();
        assert_eq!(collected.to_bytes(), "data");
        Status::from_header_map(&trailers).expect("there is a status")
    }

    #[tokio::test]
    async fn a_status_keeps_details_that_are_base64_and_loses_others() {
        for (details, read) in [(&b"YQ=="[..], "a"), (b"YQ", "a"), (b"", ""), (b"\x8b", ""), (b"Y", ""), (b"Y Q=", "")]
        {
            let status = status(details).await;
            assert_eq!((status.code(), status.details()), (tonic::Code::PermissionDenied, read.as_bytes()));
        }
    }
}
