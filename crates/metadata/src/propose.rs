//! Proposes typed catalog commands.

use crate::machine::CatalogMachine;
use anabranch_catalog::Command;
use anabranch_cluster::NodeError;
use anabranch_consensus::{Group, ProposeError};
use anabranch_types::GroupId;

/// Proposes `command` and answers what the catalog made of it.
///
/// # Errors
/// [`NodeError`] when it was not applied, or it is unknown whether it was. Catalog commands are
/// idempotent or carry a request id, so that asking again is safe (I12).
pub(crate) async fn propose<C: Command>(
    group: &Group<CatalogMachine>,
    command: &C,
) -> Result<Result<C::Done, C::Refused>, NodeError> {
    let proposed = group.propose(command.encode()).await.map_err(|error| match error {
        // Replicas of the metadata group live on nodes the catalog knows; here there is one.
        ProposeError::NotLeader { .. } => NodeError::NotLeader { group: GroupId::METADATA, leader: None },
        ProposeError::NoRoom(full) => NodeError::Unavailable { reason: full.to_string() },
        ProposeError::Unknown { reason } => NodeError::Unknown { reason },
    })?;
    C::decode_outcome(&proposed.outcome).map_err(|error| NodeError::Damaged { reason: error.to_string() })
}
