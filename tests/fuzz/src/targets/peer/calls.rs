//! Calls of a node, as the called one reads them.

use super::world::{Book, CALLEE, CALLER, caller, identity, network};
use crate::input::Input;
use crate::nodes::{Heard, Nodes};
use crate::time;
use crate::wire::{Client, framed};
use anabranch_cluster::{
    JoinNode, MetadataNode, NodeError, NodeIdentity, PeerLinks, PeerOptions, PeerServer, Role, Served, SharedSecret,
    StorageNode, join,
};
use anabranch_consensus::{MessageKind, Refused, Replica, ReplicaAnswers};
use anabranch_runtime::{Env, OnFailure};
use anabranch_types::{GroupId, Incarnation, NodeId, ReplicaId, Timestamp};
use bytes::Bytes;
use futures::future::{BoxFuture, ready};
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

/// How long a directory waits to be let in.
const JOIN_MAX: Duration = Duration::from_secs(5);

const METHODS: [&str; 18] = [
    "/anabranch.peer.v1.StorageCalls/Put",
    "/anabranch.peer.v1.StorageCalls/Read",
    "/anabranch.peer.v1.StorageCalls/Locate",
    "/anabranch.peer.v1.StorageCalls/CreateShards",
    "/anabranch.peer.v1.StorageCalls/DropStream",
    "/anabranch.peer.v1.StorageCalls/TransferLeader",
    "/anabranch.peer.v1.StorageCalls/StateHash",
    "/anabranch.peer.v1.StorageCalls/Report",
    "/anabranch.peer.v1.MetadataCalls/CreateStream",
    "/anabranch.peer.v1.MetadataCalls/DeleteStream",
    "/anabranch.peer.v1.MetadataCalls/Propose",
    "/anabranch.peer.v1.MetadataCalls/Version",
    "/anabranch.peer.v1.ReplicaMessages/Ask",
    "/anabranch.peer.v1.ReplicaAppends/Append",
    "/anabranch.peer.v1.ReplicaSnapshots/Fetch",
    JOIN,
    "/anabranch.peer.v1.StorageCalls/Seal",
    "/anabranch.peer.v1.StorageCalls/SetRetention",
];
const JOIN: &str = "/anabranch.peer.v1.Joining/Join";

/// Replica 2 of group 1, which says what it heard.
struct Echo;

impl Replica for Echo {
    fn group(&self) -> GroupId {
        GroupId(1)
    }

    fn replica(&self) -> ReplicaId {
        ReplicaId(2)
    }

    fn answer(&self, _: MessageKind, body: Bytes) -> BoxFuture<'static, Result<Bytes, Refused>> {
        ready(Ok(body)).boxed()
    }

    fn append(&self, messages: BoxStream<'static, Bytes>) -> ReplicaAnswers {
        messages.map(Ok).boxed()
    }

    fn fetch(&self, request: Bytes) -> BoxFuture<'static, Result<Bytes, Refused>> {
        ready(Ok(request)).boxed()
    }
}

/// A call of any message is answered with a status; what a role is asked is the same when it is asked again by a node
/// of ours, and so is what it answers. Without the secret, or as somebody else, nobody is let in.
pub fn calls(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let path = METHODS[usize::from(input.byte()) % METHODS.len()];
    let (kind, answers) = (input.byte() % 8, input.short());
    let header = if kind < 2 { Some(input.short()) } else { None };
    let body = framed(input.rest());
    time::run(async {
        let nodes = Arc::new(Nodes::answering(answers));
        let (network, listener) = network();
        let mut options = network.options();
        if kind == 0 {
            options.secret = Some(SharedSecret::new(b"nobody guesses this").expect("it is long enough"));
        }
        let env = Env::simulated(Timestamp::EPOCH, 1);
        let server = PeerServer::new(identity(CALLEE), served(&nodes), Arc::new(Book), options, env.clone());
        env.tasks.spawn("listener", OnFailure::Log, Arc::new(server).serve(listener));
        let mut client = Client::over(network.open()).await;
        let of_node = match path {
            JOIN => caller(NodeIdentity::joining(Incarnation(7)), NodeId(0)),
            _ => caller(identity(CALLER), CALLEE),
        };
        let header = header.unwrap_or(of_node.as_bytes());
        if client.call(path, &[("anabranch-caller-bin", header)], body).await.is_none() {
            return;
        }
        let (heard, told) = (nodes.take_heard(), nodes.last_told());
        assert!(heard.len() <= 1 && (kind > 0 || heard.is_empty()), "{path}: {heard:?}");
        if let Some(heard) = heard.into_iter().next() {
            let again = ask(&heard, network.options(), &env).await;
            assert_eq!(again.as_ref().unwrap_or(&told), &told, "what was told of {heard:?}");
            assert_eq!(format!("{:?}", nodes.take_heard()), format!("{:?}", [heard]));
        }
        env.tasks.shutdown(Duration::from_secs(60)).await.expect("all tasks end");
    });
}

fn served(nodes: &Arc<Nodes>) -> Served {
    let served = Served {
        storage: Role::of(nodes.clone() as Arc<dyn StorageNode>),
        metadata: Role::of(nodes.clone() as Arc<dyn MetadataNode>),
        joining: Role::of(nodes.clone() as Arc<dyn JoinNode>),
        ..Served::default()
    };
    served.replicas.insert(Arc::new(Echo));
    served
}

fn shown<T: Debug>(result: Result<T, NodeError>) -> String {
    format!("{result:?}")
}

/// Asks it again, over the links of node 1; the answer, printed, but for errors of joining.
async fn ask(heard: &Heard, options: PeerOptions, env: &Env) -> Option<String> {
    let links = PeerLinks::new(identity(CALLER), Arc::new(Book), options.clone(), env.clone());
    let (storage, metadata) = (links.storage(CALLEE), links.metadata(CALLEE));
    Some(match heard.clone() {
        Heard::Put(request, attempt) => shown(storage.put(request, attempt).await),
        Heard::Read(request) => shown(storage.read(request).await),
        Heard::Locate(group, shard, start) => shown(storage.locate(group, shard, start).await),
        Heard::Create(group, new) => shown(storage.create_shards(group, new).await),
        Heard::Seal(group, stream, shards) => shown(storage.seal(group, stream, shards).await),
        Heard::Drop(group, stream) => shown(storage.drop_stream(group, stream).await),
        Heard::Retain(group, new) => shown(storage.set_retention(group, new).await),
        Heard::Transfer(group, to) => shown(storage.transfer_leader(group, to).await),
        Heard::Hash(group) => shown(storage.state_hash(group).await),
        Heard::Report => shown(storage.report().await),
        Heard::CreateStream(request, account, name, shards) => {
            shown(metadata.create_stream(request, account, name, shards).await)
        }
        Heard::DeleteStream(account, name) => shown(metadata.delete_stream(account, name).await),
        Heard::Propose(command) => shown(metadata.propose(command).await),
        Heard::Version => shown(metadata.version().await),
        Heard::Join(request) => match join("node:1", &request, options, env, JOIN_MAX).await {
            Ok(reply) => shown(Ok(reply)),
            // What it says in its place is for people.
            Err(_) => return None,
        },
    })
}
