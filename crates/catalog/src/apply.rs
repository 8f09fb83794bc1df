//! Applies committed commands, in the order of the log.

use crate::catalog::Catalog;
use crate::command::{self, Command, CommandKind, UnknownCommand};
use crate::commands::{
    AbortReshard, ActivateStream, AddReplica, BeginDeleteStream, BeginReshard, Bootstrap, CommitReshard,
    ContinueScaling, CreateGroup, CreateStream, DeregisterConsumer, DescribeNode, FinishDeleteStream, FinishRetention,
    FinishScaling, ForgetReplica, PromoteReplica, RegisterConsumer, RegisterNode, RemoveNode, RemoveReplica,
    RemoveShards, ReplicaJoined, ReplicaLeft, RotateTokenKey, SealParents, SetNodeState, SetRetention, TagStream,
    UntagStream, UpdateMaxRecordSize, UpdateNode, UpdateShardCount,
};
use crate::edit::Edit;
use crate::rows::RowMutation;
use bytes::Bytes;

/// A command's rule. It decides from the catalog alone, then changes it through `edit`; a
/// refusal changes nothing.
pub(crate) trait Apply: Command {
    fn apply(self, edit: &mut Edit<'_>) -> Result<Self::Done, Self::Refused>;
}

impl Catalog {
    /// Applies the entry at `log_index` and appends what must be stored to `rows`. The outcome
    /// is read with [`Command::decode_outcome`]. A refused command changes nothing and appends
    /// nothing.
    ///
    /// Hidden contract: the caller stores `rows` and the applied log index in one step, and
    /// applies no entry twice.
    ///
    /// # Errors
    /// [`UnknownCommand`] when this build cannot read the command; nothing is changed and the
    /// node must stop.
    ///
    /// # Panics
    /// When an entry that changed the catalog is applied again.
    pub fn apply(
        &mut self,
        log_index: u64,
        command: &Bytes,
        rows: &mut Vec<RowMutation>,
    ) -> Result<Bytes, UnknownCommand> {
        let changed_at = self.counters.changed_at;
        assert!(log_index > changed_at, "entry {log_index} applied to a catalog that entry {changed_at} changed");
        let (kind, fields) = command::open(command)?;
        let outcome = match kind {
            CommandKind::Bootstrap => self.run::<Bootstrap>(log_index, fields, rows),
            CommandKind::RegisterNode => self.run::<RegisterNode>(log_index, fields, rows),
            CommandKind::UpdateNode => self.run::<UpdateNode>(log_index, fields, rows),
            CommandKind::CreateStream => self.run::<CreateStream>(log_index, fields, rows),
            CommandKind::ActivateStream => self.run::<ActivateStream>(log_index, fields, rows),
            CommandKind::BeginDeleteStream => self.run::<BeginDeleteStream>(log_index, fields, rows),
            CommandKind::FinishDeleteStream => self.run::<FinishDeleteStream>(log_index, fields, rows),
            CommandKind::RotateTokenKey => self.run::<RotateTokenKey>(log_index, fields, rows),
            CommandKind::AddReplica => self.run::<AddReplica>(log_index, fields, rows),
            CommandKind::PromoteReplica => self.run::<PromoteReplica>(log_index, fields, rows),
            CommandKind::ReplicaJoined => self.run::<ReplicaJoined>(log_index, fields, rows),
            CommandKind::RemoveReplica => self.run::<RemoveReplica>(log_index, fields, rows),
            CommandKind::ReplicaLeft => self.run::<ReplicaLeft>(log_index, fields, rows),
            CommandKind::ForgetReplica => self.run::<ForgetReplica>(log_index, fields, rows),
            CommandKind::SetNodeState => self.run::<SetNodeState>(log_index, fields, rows),
            CommandKind::DescribeNode => self.run::<DescribeNode>(log_index, fields, rows),
            CommandKind::RemoveNode => self.run::<RemoveNode>(log_index, fields, rows),
            CommandKind::CreateGroup => self.run::<CreateGroup>(log_index, fields, rows),
            CommandKind::BeginReshard => self.run::<BeginReshard>(log_index, fields, rows),
            CommandKind::UpdateShardCount => self.run::<UpdateShardCount>(log_index, fields, rows),
            CommandKind::ContinueScaling => self.run::<ContinueScaling>(log_index, fields, rows),
            CommandKind::SealParents => self.run::<SealParents>(log_index, fields, rows),
            CommandKind::CommitReshard => self.run::<CommitReshard>(log_index, fields, rows),
            CommandKind::AbortReshard => self.run::<AbortReshard>(log_index, fields, rows),
            CommandKind::FinishScaling => self.run::<FinishScaling>(log_index, fields, rows),
            CommandKind::RemoveShards => self.run::<RemoveShards>(log_index, fields, rows),
            CommandKind::SetRetention => self.run::<SetRetention>(log_index, fields, rows),
            CommandKind::UpdateMaxRecordSize => self.run::<UpdateMaxRecordSize>(log_index, fields, rows),
            CommandKind::FinishRetention => self.run::<FinishRetention>(log_index, fields, rows),
            CommandKind::RegisterConsumer => self.run::<RegisterConsumer>(log_index, fields, rows),
            CommandKind::DeregisterConsumer => self.run::<DeregisterConsumer>(log_index, fields, rows),
            CommandKind::TagStream => self.run::<TagStream>(log_index, fields, rows),
            CommandKind::UntagStream => self.run::<UntagStream>(log_index, fields, rows),
        }?;
        debug_assert_eq!(self.check(), Ok(()), "after entry {log_index}");
        Ok(outcome)
    }

    fn run<C: Apply>(
        &mut self,
        log_index: u64,
        fields: &[u8],
        rows: &mut Vec<RowMutation>,
    ) -> Result<Bytes, UnknownCommand> {
        let command: C = command::decode(fields)?;
        let mut edit = Edit::new(self, rows);
        let outcome = command.apply(&mut edit);
        assert!(outcome.is_ok() || edit.is_empty(), "a refused {:?} changed the catalog", C::KIND);
        edit.finish(log_index);
        Ok(command::encode_outcome::<C>(&outcome))
    }
}
