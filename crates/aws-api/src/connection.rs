//! Serves one connection: HTTP/1.1 or HTTP/2 with prior knowledge, told apart by its first bytes.
//!
//! Ends when the client ends it, when it only occupies a place, or when the node is stopping.

use crate::door::{Admits, Arrival, AwsDoor};
use crate::options::{DoorLimits, DoorTimeouts};
use crate::other_calls::Held;
use crate::pulse::{Pulse, Verdict, Watched};
use anabranch_api::Kinesis;
use http::{Request, Version};
use http_body_util::Either;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep_until};
use tracing::debug;

/// Read buffer of an HTTP/1.1 connection: the largest head that is read at all (`checks.rs` then
/// judges it), and the largest piece of a body.
const READ_BUFFER_BYTES: usize = 64 << 10;
/// Answer bytes kept for one HTTP/2 stream before its handler waits.
const SEND_BUFFER_BYTES: usize = 256 << 10;

impl<S: Kinesis> AwsDoor<S> {
    /// Serves requests from `io` until it ends. When [`AwsDoor::calls`] are stopping, open
    /// requests are answered within the drain time and no further ones are taken.
    pub async fn serve_connection<T>(self: Arc<Self>, io: T)
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        self.serve_arrived(io, Arrival::from_anywhere(), None).await;
    }

    /// The same, for a client that its certificate names; a connection for pages only lasts until
    /// the door's task group is stopping.
    pub(crate) async fn serve_arrived<T>(self: Arc<Self>, io: T, arrival: Arrival, client: Option<Arc<str>>)
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let pulse = Pulse::new();
        let watched = TokioIo::new(Watched { io, pulse: pulse.clone() });
        let service = service_fn(|request: Request<Incoming>| {
            let (door, open) = (Arc::clone(&self), pulse.request_begins(request.version() == Version::HTTP_2));
            let (client, arrival) = (client.clone(), arrival.clone());
            async move {
                let (parts, body) = request.into_parts();
                let other = door.other_for(&parts);
                let request = Request::from_parts(parts, body);
                Ok::<_, Infallible>(match other {
                    Some(other) => {
                        let answer = other.serve(request, door.admission(&arrival, client)).await;
                        answer.map(|body| Either::Right(Held { body, _open: open }))
                    }
                    None => {
                        let _open = open;
                        door.handle_on(request, &arrival).await.map(Either::Left)
                    }
                })
            }
        });
        let builder = builder(&self.options.limits, &self.options.timeouts);
        let mut connection = pin!(builder.serve_connection(watched, service));
        let stopping = match arrival.admits {
            Admits::Calls => self.calls.stopping(),
            Admits::PagesOnly => self.env.tasks.stopping(),
        };
        let timeouts = &self.options.timeouts;
        let mut look_at = Instant::now() + timeouts.header_read;
        // Set once the connection is asked to finish: the time of its end, come what may.
        let mut ends_at = None;
        loop {
            tokio::select! {
                result = connection.as_mut() => {
                    if let Err(error) = result {
                        debug!(%error, "connection broke");
                    }
                    return;
                }
                () = arrival.connection.cancelled() => {
                    debug!("connection ended: its client kept memory waiting that others need");
                    return;
                }
                () = stopping.cancelled(), if ends_at.is_none() => {
                    connection.as_mut().graceful_shutdown();
                    ends_at = Some(Instant::now() + timeouts.drain);
                }
                () = sleep_until(ends_at.unwrap_or(look_at)) => {
                    if ends_at.is_some() {
                        debug!("connection did not finish in time");
                        return;
                    }
                    match pulse.judge(Instant::now(), timeouts.header_read, timeouts.idle) {
                        Verdict::LookAgainAt(instant) => look_at = instant,
                        Verdict::HeadOverdue => {
                            debug!("request head did not come in time");
                            return;
                        }
                        Verdict::Idle => {
                            connection.as_mut().graceful_shutdown();
                            ends_at = Some(Instant::now() + timeouts.header_read);
                        }
                    }
                }
            }
        }
    }
}

/// Streams of HTTP/2 run as tasks beside their connection's, so that one does not hold up the
/// others; they end with it, because its end cancels their reads and writes.
fn builder(limits: &DoorLimits, timeouts: &DoorTimeouts) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .max_buf_size(READ_BUFFER_BYTES)
        .auto_date_header(false);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(limits.header_bytes_max)
        .max_concurrent_streams(limits.concurrent_streams_max)
        .max_pending_accept_reset_streams(limits.pending_reset_streams_max)
        .max_local_error_reset_streams(limits.pending_reset_streams_max)
        .initial_stream_window_size(limits.stream_window_bytes)
        .initial_connection_window_size(limits.connection_window_bytes)
        .max_send_buf_size(SEND_BUFFER_BYTES)
        .keep_alive_interval(timeouts.ping_interval)
        .keep_alive_timeout(timeouts.ping_timeout)
        .auto_date_header(false);
    builder
}
