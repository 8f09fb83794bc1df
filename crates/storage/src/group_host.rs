//! One replica of a data group on this node: its state, its budgets, its part of the log.

use crate::budgets::Budgets;
use crate::config::StorageOptions;
use crate::consumption;
use crate::error::HostError;
use crate::machine::ShardMachine;
use crate::put_batches::PutBatches;
use crate::shared::{CurrentState, SharedState};
use crate::subscriptions::Subscriptions;

use anabranch_cluster::{GroupReport, NodeError, ShardKey, Writable};
use anabranch_consensus::{BarrierError, Group, GroupOptions, ProposeError, TransferError};
use anabranch_runtime::Env;
use anabranch_shard::{Init, Outcome};
use anabranch_store::{Store, StoreHome};
use anabranch_types::{GroupId, NodeId, ReplicaId};
use anabranch_walog::GroupLog;
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;

/// How long a replica may take to apply again what it lost and to find its leader.
const READY_PATIENCE: Duration = Duration::from_secs(120);
/// How long the next leader may take to lead.
const HANDOVER_PATIENCE: Duration = Duration::from_secs(2);

/// A hosted replica.
pub struct HostedGroup {
    pub(crate) group: Group<ShardMachine>,
    pub(crate) current: Arc<CurrentState>,
    pub(crate) budgets: Budgets,
    pub(crate) subscriptions: Subscriptions,
    pub(crate) batches: PutBatches,
    pub(crate) writable: Writable,
    pub(crate) env: Env,
    pub(crate) options: StorageOptions,
}

/// What a replica is made of.
pub struct HostParts {
    /// The group.
    pub group: GroupId,
    /// For a new group: its first members, this one included. A replica of a group that exists has
    /// none: it learns of the others from them.
    pub founders: Vec<(ReplicaId, NodeId)>,
    /// This replica.
    pub replica: ReplicaId,
    /// Its part of the shared log.
    pub log: GroupLog,
    /// Its applied state.
    pub store: Arc<dyn Store>,
    /// Where the store comes from; none where no snapshots of other replicas come.
    pub home: Option<Arc<dyn StoreHome>>,
    /// Whether the node takes writes.
    pub writable: Writable,
}

impl HostedGroup {
    /// Opens and starts the replica and tells a new group its policy. A group of one is waited for
    /// until it serves; others may need replicas that are not there yet.
    ///
    /// # Errors
    /// [`HostError`] when its state cannot be read or its group does not come up.
    pub(crate) async fn start(
        parts: HostParts,
        env: Env,
        options: StorageOptions,
        group_options: &GroupOptions,
    ) -> Result<Self, HostError> {
        let HostParts { group: id, founders, replica, log, store, home, writable } = parts;
        let opened = anabranch_runtime::blocking(move || ShardMachine::open(store, home)).await;
        let opened = opened.map_err(|error| HostError::Init { group: id, reason: error.to_string() })?;
        let machine = opened.map_err(|source| HostError::Open { group: id, source })?;
        let current = machine.current();
        let group = Group::start(id, replica, log, machine, group_options).await?;
        if !founders.is_empty() {
            group.bootstrap(&founders).await?;
        }
        if group.is_alone().await {
            group.wait_ready(READY_PATIENCE).await?;
        }
        let (budgets, subscriptions) = (Budgets::new(options.limits), Subscriptions::new(options.limits));
        let batches = PutBatches::default();
        let host = HostedGroup { group, current, budgets, subscriptions, batches, writable, env, options };
        host.init().await?;
        Ok(host)
    }

    /// The first command of a new group; a group that has one keeps it.
    async fn init(&self) -> Result<(), HostError> {
        let known = self.current.now().state.read().policy().is_some();
        if known || !self.group.is_leader() {
            return Ok(());
        }
        let failed = |reason: String| HostError::Init { group: self.id(), reason };
        let init = Init { generation: 0, policy: self.options.policy };
        match self.propose(init.encode()).await.map_err(|error| failed(error.to_string()))? {
            Outcome::Initialized { .. } => Ok(()),
            other => Err(failed(format!("{other:?}"))),
        }
    }

    pub(crate) fn id(&self) -> GroupId {
        self.group.id()
    }

    /// Refuses what would take space while there is none. Ticks and drops do not ask: they are
    /// what frees space (D3).
    pub(crate) fn check_writable(&self) -> Result<(), NodeError> {
        self.writable.check()?;
        self.group.check_room().map_err(|error| NodeError::Unavailable { reason: error.to_string() })
    }

    /// A shard that this replica meets for the first time as its leader goes on with what it took
    /// lately, whoever led then (I8). Before its first put and its first read alike.
    pub(crate) async fn begin_budget(&self, key: ShardKey) -> Result<(), NodeError> {
        let no_of = |shared: &SharedState| shared.state.read().shard(key.stream, key.shard).map(|shard| shard.no);
        let known = no_of(&self.current.now());
        if known.is_some_and(|no| !self.budgets.lacks(self.group.term(), no)) {
            return Ok(());
        }
        // A new leader may still have to apply what the last one took in, and shards that it created.
        self.read_barrier().await?;
        let (term, now) = (self.group.term(), self.env.now());
        let shared = self.current.now();
        let Some(no) = no_of(&shared) else { return Ok(()) };
        if !self.budgets.lacks(term, no) {
            return Ok(());
        }
        let consumed = if consumption::is_recent(&shared, no, now) {
            let read = anabranch_runtime::blocking(move || consumption::lately(&shared, no, now));
            read.await.map_err(|error| NodeError::Unknown { reason: error.to_string() })??
        } else {
            Vec::new()
        };
        self.budgets.begin(term, no, consumed, self.env.clock.monotonic());
        Ok(())
    }

    /// Proposes a command other than Put: one that frees space, or that was asked for room before.
    pub(crate) async fn propose(&self, command: Bytes) -> Result<Outcome, NodeError> {
        let proposed = self.group.propose_freeing(command).await.map_err(|error| self.propose_failed(error))?;
        Outcome::decode(&proposed.outcome).map_err(|error| NodeError::Damaged { reason: error.to_string() })
    }

    pub(crate) fn propose_failed(&self, error: ProposeError) -> NodeError {
        match error {
            ProposeError::NotLeader { leader } => self.not_leader(leader),
            ProposeError::NoRoom(full) => NodeError::Unavailable { reason: full.to_string() },
            ProposeError::Unknown { reason } => NodeError::Unknown { reason },
        }
    }

    /// Refuses early what a follower could only pass on.
    pub(crate) fn check_leader(&self) -> Result<(), NodeError> {
        if self.group.is_leader() { Ok(()) } else { Err(self.not_leader(self.group.status().leader)) }
    }

    pub(crate) async fn read_barrier(&self) -> Result<(), NodeError> {
        self.group.read_barrier().await.map_err(|error| match error {
            BarrierError::NotLeader { leader } => self.not_leader(leader),
            BarrierError::Unavailable { reason } => NodeError::Unknown { reason },
        })
    }

    pub(crate) async fn transfer_leader(&self, to: ReplicaId) -> Result<(), NodeError> {
        self.group.transfer_leader(to, HANDOVER_PATIENCE).await.map_err(|error| match error {
            TransferError::NotLeader { leader } => self.not_leader(leader),
            refused @ (TransferError::Behind { .. } | TransferError::NotVoter { .. }) => {
                NodeError::Unavailable { reason: refused.to_string() }
            }
            failed @ TransferError::Failed { .. } => NodeError::Unknown { reason: failed.to_string() },
        })
    }

    /// The replica's part in its group.
    pub fn group(&self) -> &Group<ShardMachine> {
        &self.group
    }

    /// For tasks that are to end when the replica is stopped.
    pub fn env(&self) -> &Env {
        &self.env
    }

    fn not_leader(&self, leader: Option<ReplicaId>) -> NodeError {
        let leader = leader.and_then(|leader| self.group.status().node_of(leader));
        NodeError::NotLeader { group: self.id(), leader }
    }

    pub(crate) fn report(&self) -> GroupReport {
        self.group.status().into()
    }
}
