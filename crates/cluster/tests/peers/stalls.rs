//! What is slow or large harms itself only.

use crate::fakes::{Echo, Stuck, echoed, peer, serving};
use crate::net::{Book, Node, PATIENCE, identity, pair, soon};
use anabranch_cluster::{PeerOptions, Served};
use anabranch_consensus::{AppendMessage, MessageKind, Peer, Transport, Unreached};
use anabranch_types::NodeId;
use bytes::Bytes;
use futures::StreamExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

fn message(bytes: usize) -> AppendMessage {
    AppendMessage::new(Bytes::from_static(b"head"), vec![Bytes::from(vec![7; bytes - 5]), Bytes::from_static(b"!")])
}

fn endless(bytes: usize) -> futures::stream::BoxStream<'static, AppendMessage> {
    futures::stream::repeat_with(move || message(bytes)).boxed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_of_24_mib_passes_whole() {
    let (caller, callee, _) = pair(serving([Arc::new(Echo(7)) as _])).await;
    let sizes = [24 << 20, 5, 1 << 20, 24 << 20];
    let messages = futures::stream::iter(sizes.map(message)).boxed();
    let answers = caller.links.append(peer(7), messages, PATIENCE).await.unwrap();
    let answers: Vec<_> = soon("the answers", answers.collect()).await;
    let expected = sizes.map(|size| Ok(echoed(&message(size).into_bytes())));
    assert_eq!(answers, expected, "each is answered, in order, and the stream ends with them");
    caller.stop().await;
    callee.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_above_the_limit_ends_its_stream_only() {
    let book = Arc::new(Book::default());
    let options = PeerOptions { append_bytes_max: 1 << 20, ..PeerOptions::default() };
    let caller = Node::start(1, &book, Served::default(), options.clone()).await;
    let callee = Node::start(2, &book, serving([Arc::new(Echo(7)) as _, Arc::new(Echo(8)) as _]), options).await;
    let (more, waits) = mpsc::channel(1);
    let messages = futures::stream::unfold(waits, |mut waits| async { Some((waits.recv().await?, waits)) });
    let mut other = caller.links.append(peer(8), messages.boxed(), PATIENCE).await.unwrap();
    let messages = futures::stream::iter([message(100), message(2 << 20)]).chain(endless(5)).boxed();
    match caller.links.append(peer(7), messages, PATIENCE).await {
        Ok(answers) => {
            let answers: Vec<_> = soon("the stream to end", answers.collect()).await;
            assert!(answers.len() <= 2 && answers.last().is_some_and(Result::is_err), "{answers:?}");
        }
        // It can end before the other side has opened it.
        Err(unreached) => assert!(matches!(unreached, Unreached::NoLink { .. }), "{unreached}"),
    }
    more.send(message(50)).await.unwrap();
    assert_eq!(soon("the other stream", other.next()).await, Some(Ok(echoed(&message(50).into_bytes()))));
    drop((more, other));
    caller.stop().await;
    callee.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_answers_nothing_holds_up_no_other() {
    let (caller, callee, book) = pair(serving([Arc::new(Echo(7)) as _])).await;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    book.write(3, silent.local_addr().unwrap().to_string(), identity(3).incarnation);
    let to_silent = Peer { node: NodeId(3), ..peer(7) };
    let asks: Vec<_> = (0..100)
        .map(|_| caller.links.ask(to_silent, MessageKind::Heartbeat, Bytes::from(vec![0; 60 << 10]), PATIENCE))
        .map(tokio::spawn)
        .collect();
    let append = tokio::spawn(caller.links.append(to_silent, endless(1 << 20), PATIENCE));
    for _ in 0..100 {
        let answer = caller.links.ask(peer(7), MessageKind::Heartbeat, Bytes::from_static(b"beat"), PATIENCE).await;
        assert_eq!(answer, Ok(echoed(b"beat")));
    }
    let messages = futures::stream::iter((0..50).map(|_| message(1 << 20))).boxed();
    let answers = caller.links.append(peer(7), messages, PATIENCE).await.unwrap();
    assert_eq!(soon("the answers", answers.count()).await, 50);
    let within = Duration::from_millis(50);
    let late = caller.links.ask(to_silent, MessageKind::Vote, Bytes::new(), within).await;
    assert_eq!(late, Err(Unreached::Late { peer: to_silent, within }));
    tracing::info!("pings find out that the connection is dead");
    for ask in asks {
        let answer = soon("an error", ask).await.unwrap();
        assert!(matches!(answer, Err(Unreached::NoLink { .. })), "{answer:?}");
    }
    assert!(soon("an error", append).await.unwrap().is_err());
    caller.stop().await;
    callee.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_takes_nothing_holds_up_no_other_on_its_connection() {
    let (let_go, mut has_let_go) = mpsc::channel(8);
    let stuck = Stuck { group: 6, let_go };
    let (caller, callee, _) = pair(serving([Arc::new(stuck) as _, Arc::new(Echo(7)) as _])).await;
    let mut first = caller.links.append(peer(6), endless(1 << 20), PATIENCE).await.unwrap();
    let messages = futures::stream::iter((0..100).map(|_| message(1 << 20))).boxed();
    let answers = caller.links.append(peer(7), messages, PATIENCE).await.unwrap();
    assert_eq!(soon("the answers", answers.count()).await, 100);
    let beat = caller.links.ask(peer(7), MessageKind::Heartbeat, Bytes::from_static(b"beat"), PATIENCE).await;
    assert_eq!(beat, Ok(echoed(b"beat")));
    tracing::info!("consensus gives up on it again and again");
    for _ in 0..5 {
        drop(first);
        first = caller.links.append(peer(6), endless(1 << 20), PATIENCE).await.unwrap();
        soon("the replica to be rid of the stream before", has_let_go.recv()).await.unwrap();
    }
    drop(first);
    caller.stop().await;
    callee.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_are_dropped_end_the_messages() {
    let (caller, callee, _) = pair(serving([Arc::new(Echo(7)) as _])).await;
    let (tells, mut told) = mpsc::channel(1);
    let tells = crate::fakes::Tells(tells);
    let messages = futures::stream::once(async { message(5) }).chain(futures::stream::pending()).map(move |message| {
        let _held = &tells;
        message
    });
    let mut answers = caller.links.append(peer(7), messages.boxed(), PATIENCE).await.unwrap();
    assert!(soon("an answer", answers.next()).await.unwrap().is_ok());
    drop(answers);
    soon("the messages to be let go", told.recv()).await.unwrap();
    caller.stop().await;
    callee.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_piece_of_a_snapshot_passes_whole_and_beside_everything_else() {
    let (let_go, _let_go) = mpsc::channel(1);
    let replicas = [Arc::new(Echo(7)) as _, Arc::new(Stuck { group: 8, let_go }) as _];
    let (caller, callee, _) = pair(serving(replicas)).await;
    // One that never comes holds up no other one, and no vote.
    let stuck = tokio::spawn(caller.links.fetch(peer(8), Bytes::from_static(b"piece"), PATIENCE));
    let largest = caller.links.fetch(peer(7), Bytes::from_static(&[5, 255]), PATIENCE).await.unwrap();
    assert!(largest.len() == 255 << 12 && largest.iter().all(|byte| *byte == 5));
    let refused = caller.links.fetch(peer(7), Bytes::from_static(&[5]), PATIENCE).await.unwrap_err();
    assert!(matches!(&refused, Unreached::Refused { reason, .. } if reason.contains("two bytes")), "{refused}");
    let elsewhere = Peer { replica: anabranch_types::ReplicaId(3), ..peer(7) };
    let refused = caller.links.fetch(elsewhere, Bytes::from_static(&[5, 1]), PATIENCE).await.unwrap_err();
    assert!(matches!(&refused, Unreached::Refused { reason, .. } if reason.contains("no replica 3")), "{refused}");
    let vote = caller.links.ask(peer(7), MessageKind::Vote, Bytes::from_static(b"vote"), PATIENCE).await.unwrap();
    assert_eq!(vote, echoed(b"vote"));
    stuck.abort();
    caller.stop().await;
    callee.stop().await;
}
