//! Connections between simulated nodes, as the peer wire wants them.

use anabranch_cluster::{PeerListener, PeerNetwork, PeerStream};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::io;
use std::net::SocketAddr;
use turmoil::net::{TcpListener, TcpStream};

/// The port at which nodes listen for each other.
pub const PEER_PORT: u16 = 4600;

/// The port at which they listen for clients.
pub const CLIENT_PORT: u16 = 4567;

/// The host of all clients.
pub const CLIENTS: &str = "clients";

/// The host name of a node.
pub fn host(node: usize) -> String {
    format!("node-{node}")
}

/// Where a node listens for the others.
pub fn peer_address(node: usize) -> String {
    format!("{}:{PEER_PORT}", host(node))
}

/// turmoil's network.
#[derive(Debug, Clone, Copy)]
pub struct SimulatedNetwork;

impl PeerNetwork for SimulatedNetwork {
    fn resolve(&self, address: String) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        async move {
            let unknown = || io::Error::new(io::ErrorKind::NotFound, format!("{address} is no host and port"));
            let (host, port) = address.split_once(':').ok_or_else(unknown)?;
            let port = port.parse().map_err(|_| unknown())?;
            Ok(vec![SocketAddr::new(turmoil::lookup(host), port)])
        }
        .boxed()
    }

    fn connect(&self, to: SocketAddr) -> BoxFuture<'static, io::Result<Box<dyn PeerStream>>> {
        async move { Ok(Box::new(TcpStream::connect(to).await?) as Box<dyn PeerStream>) }.boxed()
    }
}

/// Accepts connections of other nodes.
pub struct SimulatedListener(pub TcpListener);

impl PeerListener for SimulatedListener {
    type Stream = TcpStream;

    async fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        self.0.accept().await
    }
}
