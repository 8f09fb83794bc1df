//! Accepts connections, counts them, shakes hands and hands them over.

use crate::door::{Admits, Arrival, AwsDoor};
use crate::metrics::{self, Present};
use crate::tls::{self, TlsIdentity};
use anabranch_api::Kinesis;
use anabranch_runtime::OnFailure;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tracing::{debug, warn};

/// Pause after a failed accept: the usual cause, too many open files, does not go away at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Where connections come from: a TCP port, or a simulated one.
pub trait Listener: Send + 'static {
    /// One accepted connection.
    type Io: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// The next connection. Cancel-safe.
    ///
    /// # Errors
    /// Of the operating system; the listener stays usable.
    fn accept(&mut self) -> impl Future<Output = io::Result<Self::Io>> + Send;

    /// Whether the other end of `io` is on this machine. A listener that cannot tell says no.
    fn is_from_this_machine(_io: &Self::Io) -> bool {
        false
    }
}

impl Listener for TcpListener {
    type Io = TcpStream;

    /// Small answers are not held back for more bytes.
    async fn accept(&mut self) -> io::Result<TcpStream> {
        let (stream, _) = TcpListener::accept(self).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    fn is_from_this_machine(io: &TcpStream) -> bool {
        io.peer_addr().is_ok_and(|address| address.ip().to_canonical().is_loopback())
    }
}

impl<S: Kinesis> AwsDoor<S> {
    /// Accepts from `listener` until the door's task group is stopping, over TLS where an
    /// identity is given. Each connection is a task of [`AwsDoor::calls`], so that group's
    /// shutdown waits for open requests; connections that come after it began admit pages only.
    pub async fn serve<L: Listener>(self: Arc<Self>, mut listener: L, tls: Option<TlsIdentity>) {
        let (stopping, draining) = (self.env.tasks.stopping(), self.calls.stopping());
        loop {
            let accepted = tokio::select! {
                () = stopping.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            let io = match accepted {
                Ok(io) => io,
                Err(error) => {
                    warn!(%error, "accept failed");
                    self.env.sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let Ok(place) = Arc::clone(&self.connections).try_acquire_owned() else {
                metrics::connection_refused();
                debug!("connection closed, there are too many");
                continue;
            };
            let (tasks, admits) = match draining.is_cancelled() {
                false => (&self.calls, Admits::Calls),
                true => (&self.env.tasks, Admits::PagesOnly),
            };
            let from_this_machine = L::is_from_this_machine(&io);
            let arrival = Arrival { admits, from_this_machine, ..Arrival::from_anywhere() };
            let (door, tls) = (Arc::clone(&self), tls.clone());
            tasks.spawn("aws_connection", OnFailure::Log, door.serve_accepted(io, tls, place, arrival));
        }
    }

    async fn serve_accepted<T>(
        self: Arc<Self>,
        io: T,
        identity: Option<TlsIdentity>,
        _place: OwnedSemaphorePermit,
        arrival: Arrival,
    ) where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let _present = Present::connection();
        let Some(identity) = identity else { return self.serve_arrived(io, arrival, None).await };
        let handshake = TlsAcceptor::from(identity.config()).accept(io);
        match timeout(self.options.timeouts.handshake, handshake).await {
            Ok(Ok(encrypted)) => {
                let certificates = encrypted.get_ref().1.peer_certificates();
                let client = certificates.and_then(|chain| chain.first()).and_then(tls::client_name);
                self.serve_arrived(encrypted, arrival, client).await;
            }
            Ok(Err(error)) => {
                metrics::handshake_failed();
                debug!(%error, "tls handshake failed");
            }
            Err(_) => {
                metrics::handshake_failed();
                debug!("tls handshake took too long");
            }
        }
    }
}
