//! Who is not who it should be is refused, and told why (D14).

use crate::fakes::{Echo, Script, echoed, peer, serving, storing};
use crate::net::{Book, Node, PATIENCE, identity, pair};
use anabranch_cluster::{
    Attempt, NodeError, NodeIdentity, PeerLinks, PeerOptions, PutRequest, Served, SharedSecret, StorageNode,
};
use anabranch_consensus::{MessageKind, Peer, Transport, Unreached};
use anabranch_runtime::Env;
use anabranch_types::{ClusterId, GroupId, Incarnation, NodeId, ReplicaId, RequestId, Timestamp};
use bytes::Bytes;
use std::sync::Arc;

fn secret(text: &str) -> PeerOptions {
    PeerOptions { secret: Some(SharedSecret::new(text.as_bytes()).unwrap()), ..PeerOptions::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_of_another_directory_gets_no_piece_of_a_snapshot() {
    let (caller, callee, book) = pair(serving([Arc::new(Echo(7)) as _])).await;
    caller.links.fetch(peer(7), Bytes::from_static(&[1, 1]), PATIENCE).await.expect("known");
    book.write(1, String::new(), Incarnation(5));
    let refused = caller.links.fetch(peer(7), Bytes::from_static(&[1, 1]), PATIENCE).await.expect_err("unknown");
    assert!(refused.to_string().contains("incarnation") || refused.to_string().contains("directory"), "{refused}");
    caller.stop().await;
    callee.stop().await;
}

/// What node 2 answers to a vote of `this`.
async fn asked(this: NodeIdentity, book: &Arc<Book>, options: PeerOptions, to: Peer) -> Result<Bytes, Unreached> {
    let env = Env::system();
    let links = PeerLinks::new(this, book.clone(), options, env.clone());
    let answer = links.ask(to, MessageKind::Vote, Bytes::from_static(b"vote"), PATIENCE).await;
    drop(links);
    env.tasks.shutdown(PATIENCE).await.unwrap();
    answer
}

fn refusal(answer: Result<Bytes, Unreached>) -> String {
    match answer.unwrap_err() {
        Unreached::Refused { reason, .. } => reason,
        other => panic!("not refused: {other}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_does_not_fit_is_refused_with_the_field() {
    let book = Arc::new(Book::default());
    book.write(1, String::new(), identity(1).incarnation);
    let options = secret("the secret of the cluster");
    let node = Node::start(2, &book, serving([Arc::new(Echo(7)) as _]), options.clone()).await;
    let caller = identity(1);
    assert_eq!(asked(caller, &book, options.clone(), peer(7)).await.unwrap(), echoed(b"vote"));

    let other = NodeIdentity { cluster: ClusterId(9), ..caller };
    let reason = refusal(asked(other, &book, options.clone(), peer(7)).await);
    assert!(reason.starts_with("refused for its cluster: node 1 is of cluster 0000"), "{reason}");

    let other = NodeIdentity { incarnation: Incarnation(9), ..caller };
    let reason = refusal(asked(other, &book, options.clone(), peer(7)).await);
    assert!(reason.starts_with("refused for its incarnation: node 1 comes with directory 0000"), "{reason}");

    // Ids grow: node 5 may be new here, until node 6 is known.
    let other = NodeIdentity { node: NodeId(5), ..caller };
    assert_eq!(asked(other, &book, options.clone(), peer(7)).await.unwrap(), echoed(b"vote"));
    book.write(6, String::new(), identity(6).incarnation);
    let reason = refusal(asked(other, &book, options.clone(), peer(7)).await);
    assert_eq!(reason, "refused for its sender node: node 2 knows no node 5");

    let reason = refusal(asked(caller, &book, secret("a secret of another cluster"), peer(7)).await);
    assert_eq!(reason, "refused for its secret: the proof is not made with this cluster's secret");
    let reason = refusal(asked(caller, &book, PeerOptions::default(), peer(7)).await);
    assert!(reason.starts_with("refused for its secret"), "{reason}");

    // As if the address of node 3 were node 2's by now.
    let address = anabranch_cluster::Peers::peer(&*book, NodeId(2)).unwrap().address;
    book.write(3, address, identity(3).incarnation);
    let reason = refusal(asked(caller, &book, options.clone(), Peer { node: NodeId(3), ..peer(7) }).await);
    assert_eq!(reason, "refused for its receiver node: meant for node 3, this is node 2");

    let reason = refusal(asked(caller, &book, options, Peer { replica: ReplicaId(3), ..peer(7) }).await);
    assert_eq!(reason, "this node has no replica 3 of group 7");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_from_another_directory_does_not_count() {
    let (caller, callee, book) = pair(serving([Arc::new(Echo(7)) as _])).await;
    let address = anabranch_cluster::Peers::peer(&*book, NodeId(2)).unwrap().address;
    book.write(2, address, Incarnation(9));
    let answer = caller.links.ask(peer(7), MessageKind::Vote, Bytes::new(), PATIENCE).await;
    let reason = answer.unwrap_err().to_string();
    assert!(reason.contains("the answer does not count: refused for its incarnation"), "{reason}");
    caller.stop().await;
    callee.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_secret_no_other_machine_is_called() {
    let (caller, callee, book) = pair(Served::default()).await;
    book.write(3, "192.0.2.1:4569".to_owned(), identity(3).incarnation);
    let to = Peer { node: NodeId(3), ..peer(7) };
    let reason = caller.links.ask(to, MessageKind::Vote, Bytes::new(), PATIENCE).await.unwrap_err().to_string();
    assert!(reason.contains("refused for its origin: 192.0.2.1 is another machine"), "{reason}");
    caller.stop().await;
    callee.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_put_is_certainly_not_done() {
    let (caller, callee, book) = pair(storing(Arc::new(Script::default()))).await;
    let put = PutRequest { group: GroupId(7), request_id: RequestId(1), issued: Timestamp::EPOCH, items: Vec::new() };
    let put = Arc::new(put);
    let env = Env::system();
    let of_another_cluster = NodeIdentity { cluster: ClusterId(9), ..identity(1) };
    let links = PeerLinks::new(of_another_cluster, book.clone(), PeerOptions::default(), env.clone());
    let refused = links.storage(NodeId(2)).put(Arc::clone(&put), Attempt::First).await.unwrap_err();
    assert!(matches!(refused, NodeError::NotLeader { leader: None, .. }), "another node may serve it: {refused}");
    // Catalogs differ for a moment whenever a node joins.
    let unknown = NodeIdentity { node: NodeId(5), ..identity(1) };
    let links = PeerLinks::new(unknown, book, PeerOptions::default(), env.clone());
    let refused = links.storage(NodeId(2)).put(put, Attempt::First).await.unwrap_err();
    assert!(matches!(refused, NodeError::NotLeader { group: GroupId(7), leader: None }), "{refused}");
    env.tasks.shutdown(PATIENCE).await.unwrap();
    caller.stop().await;
    callee.stop().await;
}
