//! Node 1, which calls, and node 2, which answers, over connections in memory.

use crate::wire::PIPE_BYTES;
use anabranch_cluster::{NodeIdentity, PeerAddress, PeerListener, PeerNetwork, PeerOptions, PeerStream, Peers};
use anabranch_proto::peer::v1 as proto;
use anabranch_types::{ClusterId, Incarnation, NodeId};
use futures::FutureExt;
use futures::future::BoxFuture;
use prost::Message;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{DuplexStream, duplex};
use tokio::sync::mpsc;

/// Of both ends: on one machine, where a secret need not be.
fn address() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 4600))
}

pub const CALLER: NodeId = NodeId(1);
pub const CALLEE: NodeId = NodeId(2);

pub fn identity(node: NodeId) -> NodeIdentity {
    NodeIdentity { cluster: ClusterId(42), node, incarnation: Incarnation(1000 + u128::from(node.0)) }
}

/// Both nodes are known.
pub struct Book;

impl Peers for Book {
    fn peer(&self, node: NodeId) -> Option<PeerAddress> {
        let known = node == CALLER || node == CALLEE;
        known.then(|| PeerAddress { address: address().to_string(), incarnation: identity(node).incarnation })
    }

    fn may_be_new(&self, node: NodeId) -> bool {
        node > CALLEE
    }
}

/// Connections to node 2.
#[derive(Debug, Clone)]
pub struct Network(mpsc::Sender<DuplexStream>);

/// Node 2's end of them.
pub struct Listener(pub mpsc::Receiver<DuplexStream>);

pub fn network() -> (Network, Listener) {
    let (connections, accepted) = mpsc::channel(16);
    (Network(connections), Listener(accepted))
}

impl Network {
    pub fn open(&self) -> DuplexStream {
        let (client, server) = duplex(PIPE_BYTES);
        self.0.try_send(server).expect("there is room");
        client
    }

    pub fn options(&self) -> PeerOptions {
        PeerOptions { network: Arc::new(self.clone()), ..PeerOptions::default() }
    }
}

impl PeerNetwork for Network {
    fn resolve(&self, _: String) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        async { Ok(vec![address()]) }.boxed()
    }

    fn connect(&self, _: SocketAddr) -> BoxFuture<'static, io::Result<Box<dyn PeerStream>>> {
        let stream: Box<dyn PeerStream> = Box::new(self.open());
        async { Ok(stream) }.boxed()
    }
}

impl PeerListener for Listener {
    type Stream = DuplexStream;

    async fn accept(&mut self) -> io::Result<(DuplexStream, SocketAddr)> {
        let stream = self.0.recv().await.ok_or(io::ErrorKind::BrokenPipe)?;
        Ok((stream, address()))
    }
}

fn uint128(number: u128) -> Option<proto::Uint128> {
    Some(proto::Uint128 { high: (number >> 64) as u64, low: number as u64 })
}

/// What node 1, or a directory that is no node yet, says of itself to `to`, as a header has it.
pub fn caller(this: NodeIdentity, to: NodeId) -> String {
    let caller = proto::Caller {
        cluster: uint128(this.cluster.0),
        node: this.node.0,
        incarnation: uint128(this.incarnation.0),
        to_node: to.0,
        ..proto::Caller::default()
    };
    base64_simd::STANDARD_NO_PAD.encode_to_string(caller.encode_to_vec())
}

/// What node 2 says of itself.
pub fn answerer() -> String {
    let this = identity(CALLEE);
    let answerer = proto::Answerer {
        cluster: uint128(this.cluster.0),
        node: this.node.0,
        incarnation: uint128(this.incarnation.0),
        ..proto::Answerer::default()
    };
    base64_simd::STANDARD_NO_PAD.encode_to_string(answerer.encode_to_vec())
}
