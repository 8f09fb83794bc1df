//! What the metadata service does for the others.

use crate::error::NodeError;
use anabranch_catalog::Command;
use anabranch_types::{AccountId, MapVersion, NodeId, RequestId, StreamName};
use bytes::Bytes;
use futures::future::BoxFuture;
use std::num::NonZeroU32;

/// What became of a request to create a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreateStreamReply {
    /// The stream is ACTIVE.
    Created,
    /// The name is taken.
    Exists,
    /// The account would have too many shards.
    ShardLimit {
        /// Open shards it has.
        current: u64,
        /// Open shards it may have.
        limit: u64,
    },
}

/// The metadata service's leader.
pub trait MetadataNode: Send + Sync + 'static {
    /// Creates a stream and waits until it is ACTIVE, or answers why not. Asking again with the
    /// same request id gets the same answer (I12).
    fn create_stream(
        &self,
        request: RequestId,
        account: AccountId,
        name: StreamName,
        shards: NonZeroU32,
    ) -> BoxFuture<'_, Result<CreateStreamReply, NodeError>>;

    /// Deletes a stream and waits until it is gone. False when there was no such stream.
    fn delete_stream(&self, account: AccountId, name: StreamName) -> BoxFuture<'_, Result<bool, NodeError>>;

    /// Proposes an encoded catalog command and answers its encoded outcome. For nodes, whose
    /// commands are all safe to repeat (I12); [`propose`] does the coding.
    fn propose(&self, command: Bytes) -> BoxFuture<'_, Result<Bytes, NodeError>>;

    /// The node that leads as far as the replica here knows, without asking anybody; none when it knows
    /// of none, or when the role is not in this process.
    fn leader(&self) -> Option<NodeId> {
        None
    }

    /// A version of the map that shows everything acknowledged before this call.
    fn version(&self) -> BoxFuture<'_, Result<MapVersion, NodeError>>;
}

/// Proposes `command` and answers what the catalog made of it.
///
/// # Errors
/// [`NodeError`] when it was not applied, or it is unknown whether it was.
pub async fn propose<C: Command>(
    node: &dyn MetadataNode,
    command: &C,
) -> Result<Result<C::Done, C::Refused>, NodeError> {
    let outcome = node.propose(command.encode()).await?;
    C::decode_outcome(&outcome).map_err(|error| NodeError::Damaged { reason: error.to_string() })
}
