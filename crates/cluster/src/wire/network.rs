//! Connections between nodes, handed in (D12): TCP, or what a simulation has in its place.

use futures::FutureExt;
use futures::future::BoxFuture;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, lookup_host};

/// Both directions of a connection.
pub trait PeerStream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> PeerStream for T {}

/// Reaches other nodes.
pub trait PeerNetwork: fmt::Debug + Send + Sync + 'static {
    /// The addresses of `host:port`, best first. Cancel-safe.
    fn resolve(&self, address: String) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>>;

    /// A connection to `to`, whose small writes are not held back. Cancel-safe.
    fn connect(&self, to: SocketAddr) -> BoxFuture<'static, io::Result<Box<dyn PeerStream>>>;
}

/// Where connections of other nodes come from.
pub trait PeerListener: Send + 'static {
    /// One accepted connection.
    type Stream: PeerStream;

    /// The next connection, whose small writes are not held back, and from where. Cancel-safe.
    ///
    /// # Errors
    /// Of the operating system; the listener stays usable.
    fn accept(&mut self) -> impl Future<Output = io::Result<(Self::Stream, SocketAddr)>> + Send;
}

/// The machine's own network.
#[derive(Debug, Clone, Copy, Default)]
pub struct TcpNetwork;

impl PeerNetwork for TcpNetwork {
    fn resolve(&self, address: String) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        async move { Ok(lookup_host(address).await?.collect()) }.boxed()
    }

    fn connect(&self, to: SocketAddr) -> BoxFuture<'static, io::Result<Box<dyn PeerStream>>> {
        async move {
            let stream = TcpStream::connect(to).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Box<dyn PeerStream>)
        }
        .boxed()
    }
}

impl PeerListener for TcpListener {
    type Stream = TcpStream;

    async fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, origin) = TcpListener::accept(self).await?;
        stream.set_nodelay(true)?;
        Ok((stream, origin))
    }
}
