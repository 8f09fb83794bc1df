//! Accepts connections and serves each until it or the node ends.

use super::PeerServer;
use crate::wire::network::{PeerListener, PeerStream};
use anabranch_runtime::OnFailure;
use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;

/// Pause after a failed accept: the usual cause, too many open files, does not go away at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Answer bytes kept for one stream before its handler waits.
const SEND_BUFFER_BYTES: usize = 256 << 10;
/// Bytes of a frame: larger ones cost less work for bulk data.
const FRAME_BYTES: u32 = 256 << 10;
/// Streams that were reset and not yet looked at: more are an attack (CVE-2023-44487).
const PENDING_RESETS_MAX: usize = 64;

impl PeerServer {
    /// Accepts from `listener` until the server's task group is stopping. Open calls then have the
    /// drain time; append streams end at once.
    pub async fn serve<L: PeerListener>(self: Arc<Self>, mut listener: L) {
        let stopping = self.env.tasks.stopping();
        loop {
            let accepted = tokio::select! {
                () = stopping.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            let (stream, origin) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "accept failed");
                    self.env.sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let Ok(place) = Arc::clone(&self.connections).try_acquire_owned() else {
                tracing::debug!(%origin, "connection closed, there are too many");
                continue;
            };
            let server = Arc::clone(&self);
            self.env.tasks.spawn("peer_connection", OnFailure::Log, server.serve_connection(stream, origin, place));
        }
    }

    async fn serve_connection(
        self: Arc<Self>,
        stream: impl PeerStream,
        origin: SocketAddr,
        _place: OwnedSemaphorePermit,
    ) {
        let is_known = Arc::new(AtomicBool::new(false));
        let service = service_fn(|request| {
            let (server, is_known) = (Arc::clone(&self), Arc::clone(&is_known));
            async move { Ok::<_, Infallible>(server.answer(request, origin.ip(), &is_known).await) }
        });
        let mut connection = pin!(self.builder().serve_connection(TokioIo::new(stream), service));
        let stopping = self.env.tasks.stopping();
        let unknown = async {
            self.env.sleep(self.options.first_call_max).await;
            if is_known.load(Ordering::Relaxed) {
                std::future::pending::<()>().await;
            }
        };
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = unknown => {
                tracing::debug!(%origin, "connection closed, no call on it was let in");
                Ok(())
            }
            () = stopping.cancelled() => {
                connection.as_mut().graceful_shutdown();
                tokio::time::timeout(self.options.drain_max, connection).await.unwrap_or(Ok(()))
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%origin, %error, "connection broke");
        }
    }

    fn builder(&self) -> Builder<TokioExecutor> {
        let options = &self.options;
        let mut builder = Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .max_header_list_size(options.header_bytes_max)
            .max_concurrent_streams(options.streams_max)
            .max_pending_accept_reset_streams(PENDING_RESETS_MAX)
            .max_local_error_reset_streams(PENDING_RESETS_MAX)
            .initial_stream_window_size(options.stream_window_bytes)
            .initial_connection_window_size(options.connection_window_bytes)
            .max_frame_size(FRAME_BYTES)
            .max_send_buf_size(SEND_BUFFER_BYTES)
            .keep_alive_interval(options.ping_every)
            .keep_alive_timeout(options.ping_answer_max)
            .auto_date_header(false);
        builder
    }
}
