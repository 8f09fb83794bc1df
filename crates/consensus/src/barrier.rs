//! Read barriers: after one, a read sees everything acknowledged before it began.

use crate::error::BarrierError;
use crate::machine::Machine;
use crate::machine_adapter::MachineAdapter;
use crate::raft_types::RaftTypes;
use anabranch_types::ReplicaId;
use openraft::errors::{LinearizableReadError, RaftError};
use openraft::{Raft, ReadPolicy};

/// Confirms leadership by the read index (lease reads wait for the proof that D1 asks for) and
/// waits until the machine shows everything committed at this moment.
pub(crate) async fn read_barrier<M: Machine>(raft: &Raft<RaftTypes, MachineAdapter<M>>) -> Result<(), BarrierError> {
    match raft.ensure_linearizable(ReadPolicy::ReadIndex).await {
        Ok(_) => Ok(()),
        Err(RaftError::APIError(LinearizableReadError::ForwardToLeader(forward))) => {
            Err(BarrierError::NotLeader { leader: forward.leader_id.map(ReplicaId) })
        }
        Err(error) => Err(BarrierError::Unavailable { reason: error.to_string() }),
    }
}
