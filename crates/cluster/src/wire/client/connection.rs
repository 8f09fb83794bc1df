//! One HTTP/2 connection to another node, as tonic's clients use it.

use super::Common;
use super::lane::{Lane, NoLink};
use super::status_details::{Checked, drop_broken_details};
use crate::wire::charged::{Charged, MessageCharge};
use crate::wire::network::PeerStream;
use crate::wire::refusal::Refusal;
use anabranch_runtime::answer_cost;
use anabranch_types::{Incarnation, NodeId};
use futures::FutureExt;
use futures::future::BoxFuture;
use http::uri::Authority;
use http::{HeaderName, HeaderValue, Request, Response, Uri};
use http_body_util::Either;
use hyper::body::Incoming;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};
use tonic::Status;
use tonic::body::Body;
use tower_service::Service;

/// Bytes of a frame: larger ones cost less work for bulk data.
const FRAME_BYTES: u32 = 256 << 10;
/// Bytes of one stream that wait to be written.
const SEND_BUFFER_BYTES: usize = 1 << 20;

/// Sends calls of this node to one other. Clones use the same connection, which ends with the last.
#[derive(Clone)]
pub(super) struct Connection {
    sender: SendRequest<Body>,
    common: Arc<Common>,
    node: NodeId,
    /// What the catalog says of the node's directory.
    incarnation: Incarnation,
    address: Arc<str>,
    origin: Uri,
    caller: (HeaderName, HeaderValue),
}

/// A call on a connection failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallBroke {
    /// It was not sent.
    #[error("not sent: {0}")]
    NotSent(hyper::Error),
    /// It may have been received.
    #[error("the connection broke: {0}")]
    Sent(hyper::Error),
    /// Something answered that is not the node that was called.
    #[error("the answer does not count: {0}")]
    WrongAnswerer(Refusal),
}

/// The body of a reply, charged where the call has a [`MessageCharge`] as an extension.
pub(super) type ReplyBody = Checked<Either<Incoming, Charged<Incoming>>>;

/// Ends when the connection does.
pub(super) type Driver = BoxFuture<'static, Result<(), hyper::Error>>;

/// Connects to `address`.
pub(super) async fn open(lane: &Lane, address: &str) -> Result<(Connection, Driver), NoLink> {
    let common = &lane.common;
    let failed = |error: &dyn std::fmt::Display| NoLink(format!("{address}: {error}"));
    let authority: Authority = address.parse().map_err(|error| failed(&error))?;
    let origin = Uri::builder().scheme("http").authority(authority).path_and_query("/").build();
    let origin = origin.map_err(|error| failed(&error))?;
    let stream = connect(common, address).await.map_err(|error| failed(&error))?;
    let options = &common.options;
    let (sender, driver) = Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .initial_stream_window_size(options.stream_window_bytes)
        .initial_connection_window_size(options.connection_window_bytes)
        .max_frame_size(FRAME_BYTES)
        .max_send_buf_size(SEND_BUFFER_BYTES)
        .max_header_list_size(options.header_bytes_max)
        .keep_alive_interval(options.ping_every)
        .keep_alive_timeout(options.ping_answer_max)
        .keep_alive_while_idle(true)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| failed(&error))?;
    let connection = Connection {
        sender,
        common: Arc::clone(common),
        node: lane.node,
        incarnation: Incarnation(0),
        address: address.into(),
        origin,
        caller: common.identification.caller_header(lane.node),
    };
    Ok((connection, driver.boxed()))
}

/// Tries every address of the name, in the resolver's order.
async fn connect(common: &Common, address: &str) -> io::Result<Box<dyn PeerStream>> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    let network = &common.options.network;
    for resolved in network.resolve(address.to_owned()).await? {
        if let Err(refusal) = common.identification.check_origin(resolved.ip()) {
            last = io::Error::new(io::ErrorKind::PermissionDenied, refusal);
            continue;
        }
        match network.connect(resolved).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

impl Connection {
    /// Whether calls on it still reach `address`.
    pub fn leads_to(&self, address: &str) -> bool {
        *self.address == *address && !self.sender.is_closed()
    }

    /// The same; answers count only from a node with this directory.
    pub fn to(self, incarnation: Incarnation) -> Self {
        Connection { incarnation, ..self }
    }

    /// What tonic's clients put before the path.
    pub fn origin(&self) -> Uri {
        self.origin.clone()
    }
}

impl Service<Request<Body>> for Connection {
    type Response = Response<ReplyBody>;
    type Error = CallBroke;
    type Future = BoxFuture<'static, Result<Response<ReplyBody>, CallBroke>>;

    /// Always ready: a connection that is closed says so in `call`, in a way that tonic's clients
    /// hand on.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), CallBroke>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let (name, value) = self.caller.clone();
        request.headers_mut().insert(name, value);
        let charge = request.extensions().get::<MessageCharge>().cloned();
        let sent = self.sender.try_send_request(request);
        let (common, node, incarnation) = (Arc::clone(&self.common), self.node, self.incarnation);
        async move {
            let mut response = sent.await.map_err(|mut broke| match broke.take_message() {
                Some(_) => CallBroke::NotSent(broke.into_error()),
                None => CallBroke::Sent(broke.into_error()),
            })?;
            drop_broken_details(response.headers_mut());
            let status = Status::from_header_map(response.headers());
            if status.as_ref().and_then(Refusal::of_status).is_some() {
                // Whoever it is that refuses: it does not know this node and did nothing.
                return Ok(response.map(|body| Checked(Either::Left(body))));
            }
            let checked = common.identification.check_answerer(response.headers(), node, incarnation);
            checked.map_err(CallBroke::WrongAnswerer)?;
            Ok(response.map(|body| match charge {
                Some(charge) => Checked(Either::Right(Charged::arriving(body, charge, answer_cost))),
                None => Checked(Either::Left(body)),
            }))
        }
        .boxed()
    }
}
