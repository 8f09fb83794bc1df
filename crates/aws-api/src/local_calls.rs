//! Calls beside the AWS protocol on the same port: an operator's, which the node answers itself.
//!
//! They need what AWS calls need: a signature with credentials of the server. Where signatures are
//! not verified, only this machine may call. No page of a browser may call at all.

use crate::answer::{DoorBody, answer};
use crate::checks;
use crate::door::{Arrival, AwsDoor};
use crate::pages::{LocalPage, PageFuture};
use anabranch_api::{ApiError, ErrorCode, Kinesis};
use bytes::Bytes;
use http::header::ORIGIN;
use http::request::Parts;
use http::{Response, StatusCode};
use hyper::body::Body;
use std::fmt;
use std::sync::Arc;

/// Such a call is a few ids.
const BODY_BYTES_MAX: usize = 64 << 10;
const JSON: &str = "application/json";

/// A call that has been found: its answer to a body, once its caller is known.
pub type LocalCall = Box<dyn FnOnce(Bytes) -> PageFuture + Send>;

type Find = dyn Fn(&str) -> Option<LocalCall> + Send + Sync;

/// The calls of a node, by path, for `POST`. Cheap to clone.
#[derive(Clone)]
pub struct LocalCalls(Arc<Find>);

impl LocalCalls {
    /// The calls that `find` knows.
    pub fn new(find: impl Fn(&str) -> Option<LocalCall> + Send + Sync + 'static) -> Self {
        LocalCalls(Arc::new(find))
    }

    /// No calls.
    pub fn none() -> Self {
        LocalCalls::new(|_| None)
    }

    /// The call at `path`; none where there is none.
    pub(crate) fn find(&self, path: &str) -> Option<LocalCall> {
        (self.0)(path)
    }
}

impl fmt::Debug for LocalCalls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LocalCalls")
    }
}

/// An answer of a local call that is not the node's: `{"error": code, "message": message}`.
pub fn local_error(status: StatusCode, error: &str, message: &str) -> LocalPage {
    let body = serde_json::json!({ "error": error, "message": message }).to_string();
    LocalPage { status, content_type: JSON, body: Bytes::from(body) }
}

impl<S: Kinesis> AwsDoor<S> {
    pub(crate) async fn handle_local<B: Body<Data = Bytes> + Unpin>(
        &self,
        parts: &Parts,
        body: &mut B,
        call: LocalCall,
        arrival: &Arrival,
    ) -> Response<DoorBody> {
        let page = match self.admit_local(parts, body, arrival).await {
            Ok(body) => call(body).await,
            Err(refusal) => refusal,
        };
        answer(page.status, page.content_type, page.body)
    }

    /// The body of a call that may be made.
    async fn admit_local<B: Body<Data = Bytes> + Unpin>(
        &self,
        parts: &Parts,
        body: &mut B,
        arrival: &Arrival,
    ) -> Result<Bytes, LocalPage> {
        let head_bytes_max = self.options.limits.header_bytes_max as usize;
        if checks::check_head(parts, head_bytes_max).is_err() {
            let message = "The path and headers of the request are too large.";
            return Err(local_error(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "HeadTooLarge", message));
        }
        if parts.headers.contains_key(ORIGIN) {
            let message = "Pages of browsers may not call this.";
            return Err(local_error(StatusCode::FORBIDDEN, ErrorCode::AccessDenied.name(), message));
        }
        let signed = self.verifier.needs_body_hash();
        if !signed && !arrival.from_this_machine {
            let message = "Without credentials, only this machine may call this.";
            return Err(local_error(StatusCode::FORBIDDEN, ErrorCode::AccessDenied.name(), message));
        }
        let unreadable = |_| local_error(StatusCode::BAD_REQUEST, "UnreadableBody", "The body cannot be read.");
        let collected = self.reader.collect(body).await.map_err(unreadable)?;
        if signed {
            let now = self.env.clock.wall();
            self.verifier.verify(parts, &collected.hash, now).map_err(|error| refused(&error))?;
        }
        if collected.bytes.len() > BODY_BYTES_MAX {
            let message = format!("The body is larger than {BODY_BYTES_MAX} bytes.");
            return Err(local_error(StatusCode::PAYLOAD_TOO_LARGE, "BodyTooLarge", &message));
        }
        Ok(collected.bytes)
    }
}

fn refused(error: &ApiError) -> LocalPage {
    let status = StatusCode::from_u16(error.code.http_status()).unwrap_or(StatusCode::FORBIDDEN);
    local_error(status, error.code.name(), &error.message)
}
