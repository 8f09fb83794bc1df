//! Nodes with a listener each, and the book of their addresses.

use anabranch_cluster::{NodeIdentity, PeerAddress, PeerLinks, PeerOptions, PeerServer, Peers, Served};
use anabranch_runtime::{Env, OnFailure};
use anabranch_types::{ClusterId, Incarnation, NodeId};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

pub const PATIENCE: Duration = Duration::from_secs(60);

pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("waited in vain: {what}"))
}

/// The catalog, as far as the network needs it.
#[derive(Default)]
pub struct Book(Mutex<HashMap<NodeId, PeerAddress>>);

impl Book {
    pub fn write(&self, node: u64, address: String, incarnation: Incarnation) {
        self.0.lock().insert(NodeId(node), PeerAddress { address, incarnation });
    }
}

impl Peers for Book {
    fn peer(&self, node: NodeId) -> Option<PeerAddress> {
        self.0.lock().get(&node).cloned()
    }

    fn may_be_new(&self, node: NodeId) -> bool {
        self.0.lock().keys().all(|known| *known < node)
    }
}

pub fn identity(node: u64) -> NodeIdentity {
    NodeIdentity { cluster: ClusterId(42), node: NodeId(node), incarnation: Incarnation(1000 + u128::from(node)) }
}

/// One node: it listens, is in the book, and has links to the others.
pub struct Node {
    pub env: Env,
    pub served: Served,
    pub links: PeerLinks,
}

impl Node {
    pub async fn start(number: u64, book: &Arc<Book>, served: Served, options: PeerOptions) -> Node {
        let this = identity(number);
        let env = Env::system();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        book.write(number, listener.local_addr().unwrap().to_string(), this.incarnation);
        let peers: Arc<dyn Peers> = book.clone();
        let server = PeerServer::new(this, served.clone(), Arc::clone(&peers), options.clone(), env.clone());
        env.tasks.spawn("peer_listener", OnFailure::Log, Arc::new(server).serve(listener));
        let links = PeerLinks::new(this, peers, options, env.clone());
        Node { env, served, links }
    }

    pub async fn stop(self) {
        self.env.tasks.shutdown(PATIENCE).await.unwrap();
    }
}

/// Node 1, which calls, and node 2, which serves.
pub async fn pair(served: Served) -> (Node, Node, Arc<Book>) {
    pair_with(served, [PeerOptions::default(), PeerOptions::default()]).await
}

/// A caller and a callee that talk so.
pub async fn pair_with(served: Served, [caller, callee]: [PeerOptions; 2]) -> (Node, Node, Arc<Book>) {
    let book = Arc::new(Book::default());
    let caller = Node::start(1, &book, Served::default(), caller).await;
    let callee = Node::start(2, &book, served, callee).await;
    (caller, callee, book)
}
