//! One replica of a replication group.

use crate::barrier;
use crate::config::GroupOptions;
use crate::error::{BarrierError, NoRoom, ProposeError, StartError};
use crate::in_flight::{Admission, InFlight};
use crate::log_storage::{FULL_RETRY, LogStorage};
use crate::machine::Machine;
use crate::machine_adapter::MachineAdapter;
use crate::network::Network;
use crate::raft_types::{Command, Member, RaftTypes};
use crate::snapshot::{Incoming, Outgoing, clear};
use crate::start_guard::StartGuard;
use crate::status::GroupStatus;
use anabranch_types::{GroupId, NodeId, ReplicaId};
use anabranch_walog::{GroupLog, LogError};
use bytes::Bytes;
use openraft::async_runtime::watch::WatchReceiver;
use openraft::errors::{ClientWriteError, InitializeError, RaftError};
use openraft::{Raft, ServerState};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// A command was committed and applied.
#[derive(Debug, Clone)]
pub struct Proposed {
    /// Where it stands in the log.
    pub index: u64,
    /// What the machine answered.
    pub outcome: Bytes,
}

/// A running replica. Cheap to clone.
pub struct Group<M: Machine> {
    id: GroupId,
    replica: ReplicaId,
    raft: Raft<RaftTypes, MachineAdapter<M>>,
    log: GroupLog,
    in_flight: InFlight,
    guard: StartGuard,
    stopping: Arc<watch::Sender<bool>>,
    /// Both are none on a node that moves no snapshots.
    outgoing: Option<Arc<Outgoing>>,
    incoming: Option<Arc<Incoming>>,
}

impl<M: Machine> Clone for Group<M> {
    fn clone(&self) -> Self {
        Group {
            id: self.id,
            replica: self.replica,
            raft: self.raft.clone(),
            log: self.log.clone(),
            in_flight: self.in_flight.clone(),
            guard: self.guard,
            stopping: Arc::clone(&self.stopping),
            outgoing: self.outgoing.clone(),
            incoming: self.incoming.clone(),
        }
    }
}

impl<M: Machine> Group<M> {
    /// Starts the replica: applies again what the machine lost since its last flush, then takes
    /// part in elections. `replica` must be the one its log and machine were written by.
    ///
    /// # Errors
    /// [`StartError`] when the options do not fit together, log or state cannot be read, or the
    /// log is quarantined: what is left of it is not to be trusted (D3).
    pub async fn start(
        id: GroupId,
        replica: ReplicaId,
        log: GroupLog,
        machine: M,
        options: &GroupOptions,
    ) -> Result<Self, StartError> {
        let config = options.raft_config(&format!("group-{id}"))?;
        let unreadable = |reason: String| StartError::Unreadable { group: id, reason };
        if let Some(quarantine) = log.quarantine() {
            return Err(unreadable(quarantine.to_string()));
        }
        let has_voted = log.state().vote.is_some();
        let guard = if has_voted { StartGuard::after_restart(options.election_max) } else { StartGuard::none() };
        let machine = MachineAdapter::new(machine);
        let (mut outgoing, mut incoming) = (None, None);
        if let Some(snapshots) = &options.snapshots {
            let applied_index = machine.applied().last.map(|last| last.index);
            let to_clear = snapshots.clone();
            let cleared = anabranch_runtime::blocking(move || clear(&to_clear, id, applied_index)).await;
            cleared.map_err(std::io::Error::other).flatten().map_err(|error| unreadable(error.to_string()))?;
            let copies = Box::new(machine.copies());
            outgoing = Some(Arc::new(Outgoing::new(id, replica, snapshots.clone(), log.clone(), copies)));
            let transport = Arc::clone(&options.transport);
            incoming = Some(Arc::new(Incoming::new(id, replica, snapshots.clone(), transport)));
        }
        let network = Network {
            group: id,
            replica,
            transport: Arc::clone(&options.transport),
            guard,
            append_answer_max: options.append_answer_max,
            outgoing: outgoing.clone(),
        };
        let (stopping, stopped) = watch::channel(false);
        let storage = LogStorage::new(log.clone(), stopped);
        let raft = Raft::new(replica.0, config, network, storage, machine.keeping_for(outgoing.clone()));
        let raft = raft.await.map_err(|error| unreadable(error.to_string()))?;
        if let Some(outgoing) = &outgoing {
            let metrics = raft.metrics();
            outgoing.set_leads(Box::new(move || metrics.borrow_watched().state == ServerState::Leader));
        }
        let in_flight = options.in_flight.clone();
        let stopping = Arc::new(stopping);
        Ok(Group { id, replica, raft, log, in_flight, guard, stopping, outgoing, incoming })
    }

    /// Gives a new group its first members. Once for a group's life, on any of them or on all with
    /// the same members; a replica that has a log already keeps it and this does nothing.
    ///
    /// # Errors
    /// [`StartError::Bootstrap`] when openraft refuses the members.
    pub async fn bootstrap(&self, members: &[(ReplicaId, NodeId)]) -> Result<(), StartError> {
        let failed = |reason: String| StartError::Bootstrap { group: self.id, reason };
        if self.raft.is_initialized().await.map_err(|error| failed(error.to_string()))? {
            return Ok(());
        }
        let members: BTreeMap<u64, Member> =
            members.iter().map(|(replica, node)| (replica.0, Member { node: *node })).collect();
        match self.raft.initialize(members).await {
            // Another member was faster and this replica has heard of it.
            Ok(()) | Err(RaftError::APIError(InitializeError::NotAllowed(_))) => Ok(()),
            Err(error) => Err(failed(error.to_string())),
        }
    }

    /// Waits until somebody leads and this replica has applied everything it had before its
    /// start. A replica without peers elects itself at once instead of waiting for its timeout.
    ///
    /// # Errors
    /// [`StartError::Unreadable`] when that takes longer than `patience`.
    pub async fn wait_ready(&self, patience: Duration) -> Result<(), StartError> {
        let failed = |reason: String| StartError::Unreadable { group: self.id, reason };
        if self.is_alone().await && !self.raft.is_leader() {
            self.raft.trigger().elect(false).await.map_err(|error| failed(error.to_string()))?;
        }
        self.raft.wait_for_recovery(Some(patience)).await.map_err(|error| failed(error.to_string()))?;
        Ok(())
    }

    /// Appends `command`, once it fits what may be in flight and the log has room, and answers once
    /// a majority has it on disk (D2) and it is applied here.
    ///
    /// # Errors
    /// [`ProposeError::NotLeader`] and [`ProposeError::NoRoom`] when it was certainly not appended,
    /// [`ProposeError::Unknown`] when it may have been. Dropping the future leaves the outcome
    /// unknown, too.
    #[tracing::instrument(name = "group.propose", skip_all, fields(group = %self.id, bytes = command.len()))]
    pub async fn propose(&self, command: Bytes) -> Result<Proposed, ProposeError> {
        let admission = self.in_flight.admit(command.len()).await;
        // After the wait: what is let in now is let in whatever becomes of the log.
        self.check_room()?;
        self.write(command, admission).await
    }

    /// As [`Group::propose`], for the few commands that free space: they use the room that is kept
    /// for them while the log is full.
    ///
    /// # Errors
    /// As [`Group::propose`], but for [`ProposeError::NoRoom`].
    pub async fn propose_freeing(&self, command: Bytes) -> Result<Proposed, ProposeError> {
        let admission = self.in_flight.admit(command.len()).await;
        self.write(command, admission).await
    }

    async fn write(&self, command: Bytes, admission: Admission) -> Result<Proposed, ProposeError> {
        let admission = Some(admission);
        match self.raft.client_write(Command { bytes: command, admission }).await {
            Ok(response) => Ok(Proposed { index: response.log_id.index, outcome: response.data }),
            Err(RaftError::APIError(ClientWriteError::ForwardToLeader(forward))) => {
                Err(ProposeError::NotLeader { leader: forward.leader_id.map(ReplicaId) })
            }
            Err(error) => Err(ProposeError::Unknown { reason: error.to_string() }),
        }
    }

    /// Whether the log takes new commands. Ask before [`Group::propose`], save for the few commands
    /// that free space: those use the room that is kept for them. A proposal that meets a full log
    /// all the same waits until there is room.
    ///
    /// # Errors
    /// [`NoRoom`] while the log is full.
    pub fn check_room(&self) -> Result<(), NoRoom> {
        self.log.check_room().map_err(|error| NoRoom { reason: error.to_string() })
    }

    /// Returns once a read of the machine sees everything acknowledged before this call.
    ///
    /// # Errors
    /// [`BarrierError`] when this replica cannot prove that it leads.
    pub async fn read_barrier(&self) -> Result<(), BarrierError> {
        barrier::read_barrier(&self.raft).await
    }

    /// Asks for a flush of the machine and a purge of the log it covers. Returns when asked for,
    /// not when done: [`GroupStatus::flushed_index`] tells.
    pub async fn request_flush(&self) {
        if let Err(error) = self.raft.trigger().snapshot().await {
            tracing::warn!(group = %self.id, %error, "flush request found the group stopped");
        }
    }

    /// Gives up the entries that are kept for followers only while the log is long: one that lags pins
    /// no more, and then gets a snapshot (D3). To be asked now and then,
    /// also of a group that is idle; does nothing most of the time.
    pub async fn relieve_log(&self) {
        let Some(flushed_index) = self.status().flushed_index else { return };
        let keeps_some = self.log.state().purged.is_none_or(|purged| purged.index < flushed_index);
        if !keeps_some || !self.log.is_long() {
            return;
        }
        if let Err(error) = self.raft.trigger().purge_log(flushed_index).await {
            tracing::warn!(group = %self.id, %error, "purge request found the group stopped");
        }
    }

    /// Room for entries of `bytes` that another replica leads with: as a proposal finds it on its
    /// leader, but that nobody could be told that the log is full, so that this waits.
    ///
    /// # Errors
    /// Why there will be none.
    pub(crate) async fn room_for(&self, bytes: usize) -> Result<Admission, String> {
        let mut stopping = self.stopping.subscribe();
        loop {
            let admission = self.in_flight.admit(bytes).await;
            match self.log.check_room() {
                Ok(()) => {
                    self.in_flight.log_has_room();
                    return Ok(admission);
                }
                Err(LogError::Full(_)) if self.in_flight.lets_into_full_log(bytes) => return Ok(admission),
                Err(LogError::Full(reason)) => {
                    drop(admission);
                    tracing::warn!(group = %self.id, reason, "the leader's entries wait for room in the log");
                }
                Err(error) => return Err(error.to_string()),
            }
            if tokio::time::timeout(FULL_RETRY, stopping.wait_for(|stopping| *stopping)).await.is_ok() {
                return Err("it is shutting down".to_owned());
            }
        }
    }

    pub(crate) fn raft(&self) -> &Raft<RaftTypes, MachineAdapter<M>> {
        &self.raft
    }

    pub(crate) fn outgoing(&self) -> Option<&Arc<Outgoing>> {
        self.outgoing.as_ref()
    }

    pub(crate) fn incoming(&self) -> Option<&Arc<Incoming>> {
        self.incoming.as_ref()
    }

    pub(crate) fn guard(&self) -> StartGuard {
        self.guard
    }

    /// This replica.
    pub fn replica_id(&self) -> ReplicaId {
        self.replica
    }

    /// The group.
    pub fn id(&self) -> GroupId {
        self.id
    }

    /// Whether the group has this one voter: it needs nobody else to serve. What status tells may be
    /// older than the members that were just given; this is not.
    pub async fn is_alone(&self) -> bool {
        let this = self.replica.0;
        let asked = self.raft.with_raft_state(move |state| state.membership_state.effective().voter_ids().eq([this]));
        asked.await.unwrap_or(false)
    }

    /// Whether this replica leads, as far as it knows.
    pub fn is_leader(&self) -> bool {
        self.raft.is_leader()
    }

    /// The newest term it knows: a leader's budgets and caches hold for one term.
    pub fn term(&self) -> u64 {
        self.raft.metrics().borrow_watched().current_term
    }

    /// The replica as it is now.
    pub fn status(&self) -> GroupStatus {
        GroupStatus::of(self.id, self.replica, &self.raft.metrics().borrow_watched())
    }

    /// Waits until the status is as `wanted`; the last status when the replica stopped before.
    /// Cancel-safe.
    ///
    /// # Errors
    /// The status in which the replica stopped.
    pub async fn wait_status(&self, wanted: impl Fn(&GroupStatus) -> bool) -> Result<GroupStatus, Box<GroupStatus>> {
        let mut receiver = self.raft.metrics();
        loop {
            let status = GroupStatus::of(self.id, self.replica, &receiver.borrow_and_update());
            if wanted(&status) {
                return Ok(status);
            }
            if status.failure.is_some() || receiver.changed().await.is_err() {
                return Err(Box::new(status));
            }
        }
    }

    /// Resolves with the reason when the group has stopped by itself.
    pub async fn stopped(&self) -> String {
        let mut receiver = self.raft.metrics();
        loop {
            if let Err(fatal) = &receiver.borrow_watched().running_state {
                return fatal.to_string();
            }
            if receiver.changed().await.is_err() {
                return "its task ended".to_owned();
            }
        }
    }

    /// Stops the replica. What was acknowledged stands in the log.
    pub async fn shutdown(&self) {
        self.stopping.send_replace(true);
        if let Some(incoming) = &self.incoming {
            incoming.stop().await;
        }
        if let Some(outgoing) = &self.outgoing {
            outgoing.stop().await;
        }
        if let Err(error) = self.raft.shutdown().await {
            tracing::warn!(group = %self.id, %error, "group did not stop cleanly");
        }
    }
}
