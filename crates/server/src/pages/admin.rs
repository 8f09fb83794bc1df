//! The calls of operators, beside the pages.
//!
//! ```text
//! POST /admin/v1/node/list    {}                                    {"nodes": [node, …]}
//! POST /admin/v1/node/state   {"node": 3, "state": "draining"}      {}
//! POST /admin/v1/group/list   {}                                    {"groups": [group, …]}
//! POST /admin/v1/group/verify {}                                    {"groups": [comparison, …]}
//! POST /admin/v1/group/move   {"group": 4, "from": 1, "to": 3}      {}
//! ```
//! Nodes and groups are those of `/status`. An error is `{"error": code, "message": text}`: 400
//! BadRequest, 404 NotFound, 409 Refused, 501 NotServed, 503 Unavailable. Who may call is the door's
//! to say.

use super::Pages;
use crate::operations::{Comparison, OperationError, OperationFuture, Operations, ReplicaMove};
use crate::status::{GroupStatus, NodeEntry, NodeState};
use anabranch_aws_api::{LocalCall, LocalPage, PageFuture, local_error};
use anabranch_types::{GroupId, NodeId};
use bytes::Bytes;
use http::StatusCode;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::future::ready;
use std::sync::Arc;

/// The path of `node ls`.
pub const NODE_LIST: &str = "/admin/v1/node/list";
/// The path of `node drain`, `node undrain` and `node decommission`.
pub const NODE_STATE: &str = "/admin/v1/node/state";
/// The path of `group ls`.
pub const GROUP_LIST: &str = "/admin/v1/group/list";
/// The path of `group verify`.
pub const GROUP_VERIFY: &str = "/admin/v1/group/verify";
/// The path of `group move`.
pub const GROUP_MOVE: &str = "/admin/v1/group/move";

/// A call without parameters, and an answer without members.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// What is wanted of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetNodeState {
    /// Its number.
    pub node: u64,
    /// What it is to do.
    pub state: NodeState,
}

/// Which replica is to move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MoveReplica {
    /// The group's number.
    pub group: u32,
    /// The number of the node that has the replica.
    pub from: u64,
    /// The number of the node that is to have it.
    pub to: u64,
}

/// All nodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeList {
    /// By number.
    pub nodes: Vec<NodeEntry>,
}

/// All groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupList {
    /// By number.
    pub groups: Vec<GroupStatus>,
}

/// All data groups, compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparisons {
    /// By number.
    pub groups: Vec<Comparison>,
}

/// A call that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Refused {
    /// The code.
    pub error: String,
    /// Why.
    pub message: String,
}

/// The call at `path`; none where there is none.
pub(super) fn find(pages: &Pages, path: &str) -> Option<LocalCall> {
    match path {
        NODE_LIST => {
            Some(call(pages, |_: Nothing, operations| async move { Ok(NodeList { nodes: operations.nodes().await? }) }))
        }
        NODE_STATE => Some(call(pages, |asked: SetNodeState, operations| async move {
            done(operations.set_node_state(NodeId(asked.node), asked.state)).await
        })),
        GROUP_LIST => {
            Some(call(
                pages,
                |_: Nothing, operations| async move { Ok(GroupList { groups: operations.groups().await? }) },
            ))
        }
        GROUP_VERIFY => Some(call(pages, |_: Nothing, operations| async move {
            Ok(Comparisons { groups: operations.compare().await? })
        })),
        GROUP_MOVE => Some(call(pages, |asked: MoveReplica, operations| async move {
            let MoveReplica { group, from, to } = asked;
            let replica = ReplicaMove { group: GroupId(group), from: NodeId(from), to: NodeId(to) };
            done(operations.move_replica(replica)).await
        })),
        _ => None,
    }
}

async fn done(asked: OperationFuture<'_, ()>) -> Result<Nothing, OperationError> {
    asked.await.map(|()| Nothing {})
}

/// A call whose body is an `I` and whose answer is what `operate` makes of it.
fn call<I, O, F>(pages: &Pages, operate: fn(I, Arc<dyn Operations>) -> F) -> LocalCall
where
    I: DeserializeOwned + Send + 'static,
    O: Serialize,
    F: Future<Output = Result<O, OperationError>> + Send + 'static,
{
    let pages = pages.clone();
    Box::new(move |body: Bytes| -> PageFuture {
        let operations = match pages.operations() {
            Ok(operations) => operations,
            Err(refusal) => return Box::pin(ready(refusal)),
        };
        match serde_json::from_slice(&body) {
            Ok(input) => Box::pin(async move { answered(operate(input, operations).await) }),
            Err(error) => {
                let refusal = local_error(StatusCode::BAD_REQUEST, "BadRequest", &error.to_string());
                Box::pin(ready(refusal))
            }
        }
    })
}

fn answered(result: Result<impl Serialize, OperationError>) -> LocalPage {
    let (status, code, error) = match result {
        Ok(output) => {
            let body = serde_json::to_vec(&output).expect("an answer is numbers and texts");
            return LocalPage { status: StatusCode::OK, content_type: Pages::JSON_TYPE, body: Bytes::from(body) };
        }
        Err(error @ OperationError::NotFound(_)) => (StatusCode::NOT_FOUND, "NotFound", error),
        Err(error @ OperationError::Refused(_)) => (StatusCode::CONFLICT, "Refused", error),
        Err(error @ OperationError::Unavailable(_)) => (StatusCode::SERVICE_UNAVAILABLE, "Unavailable", error),
    };
    local_error(status, code, &error.to_string())
}

impl Pages {
    /// Who does what operators ask for; the answer in their stead while there is nobody.
    fn operations(&self) -> Result<Arc<dyn Operations>, LocalPage> {
        match (self.operations.get(), self.health.has_started().ok) {
            (Some(operations), _) => Ok(Arc::clone(operations)),
            (None, false) => {
                Err(local_error(StatusCode::SERVICE_UNAVAILABLE, "Unavailable", "not now: the node is starting"))
            }
            (None, true) => {
                Err(local_error(StatusCode::NOT_IMPLEMENTED, "NotServed", "this node does not take operations"))
            }
        }
    }
}

#[cfg(test)]
mod tests;
