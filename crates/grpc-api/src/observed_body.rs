//! An answer's body that is charged until its client has taken it, and tells, at its end, how the call
//! went: the status is in its trailers.

use crate::charged_body::{CallBytes, no_memory};
use crate::metrics::{self, Present};
use anabranch_runtime::BudgetSpent;
use anabranch_runtime::Clock;
use bytes::Bytes;
use http::HeaderMap;
use hyper::body::{Body, Frame, SizeHint};
use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tonic::{Code, Status};

/// A call that has not ended.
pub(crate) struct Observation {
    method: &'static str,
    clock: Arc<dyn Clock>,
    started: Duration,
    code: Option<Code>,
    _present: Present,
}

impl Observation {
    /// A call of `method` begins.
    pub fn begin(method: &'static str, clock: Arc<dyn Clock>) -> Self {
        let started = clock.monotonic();
        Observation { method, clock, started, code: None, _present: Present::call() }
    }

    /// The call has ended in the head of its answer, if that carries a status.
    pub fn head(&mut self, headers: &http::HeaderMap) {
        self.code = Status::from_header_map(headers).map(|status| status.code());
    }
}

impl Drop for Observation {
    /// A call without a status was broken off by its client.
    fn drop(&mut self) {
        let elapsed = self.clock.monotonic().saturating_sub(self.started);
        metrics::call_ended(self.method, self.code.unwrap_or(Code::Cancelled), elapsed);
    }
}

/// The body of an answer, observed to its end.
pub(crate) struct ObservedBody {
    pub body: tonic::body::Body,
    pub bytes: CallBytes,
    /// The call has ended, for there was no memory for the rest of its answer.
    pub has_no_memory: bool,
    pub observation: Observation,
}

impl Body for ObservedBody {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.has_no_memory {
            return Poll::Ready(None);
        }
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if let Some(Ok(frame)) = &frame
            && let Some(trailers) = frame.trailers_ref()
        {
            self.observation.head(trailers);
        }
        let Some(frame) = frame else { return Poll::Ready(None) };
        Poll::Ready(Some(match frame?.into_data() {
            Ok(data) => match self.bytes.outgoing(data) {
                Ok(data) => Ok(Frame::data(data)),
                Err(BudgetSpent) => {
                    // The call's end, as its client reads it; an error of the body would break it off.
                    self.has_no_memory = true;
                    let mut trailers = HeaderMap::new();
                    no_memory().add_header(&mut trailers)?;
                    self.observation.head(&trailers);
                    Ok(Frame::trailers(trailers))
                }
            },
            Err(frame) => Ok(frame),
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
