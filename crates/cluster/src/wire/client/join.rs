//! Asks a node to let this directory join.

use super::PeerLinks;
use super::failure::CallFailure;
use crate::error::NodeError;
use crate::joining::{JoinReply, JoinRequest};
use crate::wire::codec;
use crate::wire::config::PeerOptions;
use crate::wire::identity::NodeIdentity;
use crate::wire::peers::{PeerAddress, Peers};
use anabranch_proto::peer::v1::joining_client::JoiningClient;
use anabranch_runtime::Env;
use anabranch_types::NodeId;
use std::sync::Arc;
use std::time::Duration;

/// Whoever listens at the address that was given.
struct Somebody(String);

impl Peers for Somebody {
    fn peer(&self, node: NodeId) -> Option<PeerAddress> {
        let anybody = NodeIdentity::joining(anabranch_types::Incarnation(0)).incarnation;
        (node == NodeIdentity::NOBODY).then(|| PeerAddress { address: self.0.clone(), incarnation: anybody })
    }

    fn may_be_new(&self, _: NodeId) -> bool {
        false
    }
}

/// The node at `address`, `host:port` of its listener for nodes, was not reached or refuses.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{address}: {reason}")]
pub struct JoinFailed {
    /// Who was asked.
    pub address: String,
    /// What happened.
    pub reason: String,
}

/// Asks the node at `address` to make this directory a node of its cluster. Asking again, whoever is
/// asked, gives the same node: the cluster knows the directory by its incarnation.
///
/// # Errors
/// [`JoinFailed`] when there is no answer within `within`, or the answer does not count.
pub async fn join(
    address: &str,
    request: &JoinRequest,
    options: PeerOptions,
    env: &Env,
    within: Duration,
) -> Result<JoinReply, JoinFailed> {
    let failed = |reason: String| JoinFailed { address: address.to_owned(), reason };
    let env = env.in_group("joining");
    let this = NodeIdentity::joining(request.incarnation);
    let links = PeerLinks::new(this, Arc::new(Somebody(address.to_owned())), options, env.clone());
    let link = links.link(NodeIdentity::NOBODY);
    let asked = link.calls.call(within, codec::join_out(request), |connection, request| async move {
        let origin = connection.origin();
        JoiningClient::with_origin(connection, origin).join(request).await
    });
    let reply = asked.await.map_err(|failure: CallFailure| failed(failure.to_string()));
    // The connection has served; its task ends with its group.
    drop((link, links));
    if let Err(left) = env.tasks.shutdown(Duration::from_secs(1)).await {
        tracing::debug!(%left, "the connection for joining was cut");
    }
    codec::replied(codec::join_reply_in(reply?)).map_err(|error: NodeError| failed(error.to_string()))
}
