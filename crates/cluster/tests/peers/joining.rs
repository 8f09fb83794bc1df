//! A directory that is no node yet is let in by the secret alone, and may only ask to join.

use crate::fakes::Script;
use crate::net::{Book, Node, PATIENCE};
use anabranch_catalog::NodeAddresses;
use anabranch_cluster::{
    JoinReply, JoinRequest, NodeError, NodeIdentity, PeerLinks, PeerOptions, Role, Served, SharedSecret, StorageNode,
    Welcome, join,
};
use anabranch_runtime::Env;
use anabranch_types::{ClusterId, Incarnation, NodeId, ReplicaId};
use std::sync::Arc;

fn options(secret: &str) -> PeerOptions {
    PeerOptions { secret: Some(SharedSecret::new(secret.as_bytes()).unwrap()), ..PeerOptions::default() }
}

fn request() -> JoinRequest {
    let addresses = NodeAddresses::new("127.0.0.1:4569", "127.0.0.1:4567").unwrap();
    JoinRequest { incarnation: Incarnation(77), addresses, feature_level: 2 }
}

/// A node that lets join as its script says, and its address.
async fn member(script: Arc<Script>, secret: &str) -> (Node, String) {
    let book = Arc::new(Book::default());
    let served = Served { joining: Role::of(script as _), ..Served::default() };
    let node = Node::start(2, &book, served, options(secret)).await;
    let address = anabranch_cluster::Peers::peer(&*book, NodeId(2)).unwrap().address;
    (node, address)
}

const SECRET: &str = "the secret of the cluster";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_joins_hears_what_the_member_says() {
    let script = Arc::new(Script::default());
    let (node, address) = member(script.clone(), SECRET).await;
    let env = Env::system();
    let welcome = Welcome { cluster: ClusterId(1 << 100), node: NodeId(4), metadata_replica: ReplicaId(17) };
    let refused = JoinReply::Refused { reason: "too old".to_owned() };
    for reply in [JoinReply::Welcome(welcome), JoinReply::NoCluster, refused] {
        *script.joined.lock() = Ok(reply.clone());
        let heard = join(&address, &request(), options(SECRET), &env, PATIENCE).await.unwrap();
        assert_eq!(heard, reply);
    }
    *script.joined.lock() = Err(NodeError::Unknown { reason: "no majority".to_owned() });
    let failed = join(&address, &request(), options(SECRET), &env, PATIENCE).await.unwrap_err();
    assert_eq!(failed.to_string(), format!("{address}: outcome unknown: no majority"));
    assert!(script.asked.lock().iter().all(|asked| *asked == format!("{:?}", request())));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_know_the_secret_does_not_join() {
    let script = Arc::new(Script::default());
    let (node, address) = member(script.clone(), SECRET).await;
    let env = Env::system();
    for other in [options("the secret of another cluster"), PeerOptions::default()] {
        let failed = join(&address, &request(), other, &env, PATIENCE).await.unwrap_err();
        assert!(failed.reason.contains("refused for its secret"), "{failed}");
    }
    assert_eq!(*script.asked.lock(), Vec::<String>::new());
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_that_is_no_node_may_ask_for_nothing_else() {
    let script = Arc::new(Script::default());
    let book = Arc::new(Book::default());
    let served = Served { storage: Role::of(script.clone() as _), ..Served::default() };
    let node = Node::start(2, &book, served, options(SECRET)).await;
    let env = Env::system();
    let links = PeerLinks::new(NodeIdentity::joining(Incarnation(77)), book, options(SECRET), env.clone());
    let refused = links.storage(NodeId(2)).report().await.unwrap_err();
    assert!(matches!(refused, NodeError::NotLeader { leader: None, .. }), "{refused}");
    assert_eq!(*script.asked.lock(), Vec::<String>::new());
    env.tasks.shutdown(PATIENCE).await.unwrap();
    node.stop().await;
}
