//! Starts and deletes replicas on this node as the catalog says.
//!
//! A replica is started when the catalog places it here, and its data deleted only when the catalog
//! says that it is retired (D8): what the catalog does not mention stays as it is.

use crate::error::HostError;
use crate::group_host::HostParts;
use crate::storage::Storage;
use anabranch_catalog::{ForgetReplica, Group as GroupRow, Replica, ReplicaState, ShardMap};
use anabranch_cluster::{MetadataNode, Replicas, ViewWatch, keep_members, propose};
use anabranch_runtime::{Env, OnFailure};
use anabranch_types::{GroupId, NodeId, ReplicaId};
use anabranch_walog::GroupLog;
use futures::future::BoxFuture;
use std::sync::Arc;
use std::time::Duration;

/// How often what could not be started or deleted is tried again.
const RETRY_EVERY: Duration = Duration::from_secs(2);

/// Where replicas keep their log and their state.
pub trait ReplicaFiles: Send + Sync + 'static {
    /// Opens what the replica `own` of `group` is made of, or makes it anew for one that is new.
    fn open(&self, group: &GroupRow, own: Replica, map: &ShardMap) -> BoxFuture<'_, Result<HostParts, FilesError>>;

    /// Deletes what is kept of `group`, for good. Repeating it does no harm.
    fn delete(&self, group: GroupId) -> BoxFuture<'_, Result<(), FilesError>>;
}

/// Files of a replica could not be opened or deleted.
pub type FilesError = Box<dyn std::error::Error + Send + Sync>;

/// The replica is a member of its group and has neither log nor state. What lost everything is not begun
/// anew under its old name (D8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("replica {replica} of group {group} has lost its log and its state")]
pub struct ReplicaLost {
    /// The group.
    pub group: GroupId,
    /// The replica.
    pub replica: ReplicaId,
}

/// The first members of `group`, for [`HostParts::founders`], as its replica `own` finds them with its part
/// of the log: a group of one begins with its first start, every other replica gets all from the others.
///
/// # Errors
/// [`ReplicaLost`] when the replica has lost what it had.
pub fn founders(
    group: &GroupRow,
    own: Replica,
    map: &ShardMap,
    log: &GroupLog,
) -> Result<Vec<(ReplicaId, NodeId)>, ReplicaLost> {
    let mut members: Vec<_> = group.members().map(|replica| (replica.id, replica.node)).collect();
    if own.state != ReplicaState::Member || members.len() != 1 {
        members.clear();
    }
    let is_new = log.state().last.is_none() && log.state().purged.is_none();
    let holds_shards = map.streams().any(|stream| stream.groups().contains(&group.id));
    let is_lost = is_new && own.state == ReplicaState::Member && (members.is_empty() || holds_shards);
    #[cfg(feature = "planted-bugs")]
    let is_lost = is_lost && !anabranch_runtime::planted::is_planted(anabranch_runtime::planted::Bug::ReusesReplica);
    if is_lost { Err(ReplicaLost { group: group.id, replica: own.id }) } else { Ok(members) }
}

/// A replica could not be started.
#[derive(Debug, thiserror::Error)]
pub enum HostingError {
    /// Its files are not usable.
    #[error(transparent)]
    Files(FilesError),
    /// It does not come up.
    #[error(transparent)]
    Host(#[from] HostError),
}

/// Keeps the replicas of one node as the catalog says.
#[derive(Clone)]
pub struct Hosting {
    /// This node.
    pub node: NodeId,
    /// Hosts the replicas.
    pub storage: Arc<Storage>,
    /// Where other nodes find them.
    pub replicas: Replicas,
    /// What the catalog says.
    pub view: ViewWatch,
    /// Is told what is done.
    pub metadata: Arc<dyn MetadataNode>,
    /// Where they keep their data.
    pub files: Arc<dyn ReplicaFiles>,
    /// The node's world.
    pub env: Env,
}

impl Hosting {
    /// Starts every replica that the catalog places here, side by side.
    ///
    /// # Errors
    /// The first [`HostingError`]; what has started runs on.
    pub async fn start_all(&self) -> Result<(), HostingError> {
        let view = self.view.load();
        let rows = self.missing(&view.map);
        futures::future::try_join_all(rows.iter().map(|(row, own)| self.start(row, *own, &view.map))).await?;
        Ok(())
    }

    /// Follows the catalog until the node stops. What fails is tried again.
    pub async fn follow(self) {
        let stopping = self.env.tasks.stopping();
        let mut changes = self.view.changes();
        loop {
            let work = self.look();
            tokio::select! {
                () = stopping.cancelled() => return,
                () = work => {}
            }
            tokio::select! {
                () = stopping.cancelled() => return,
                () = self.env.sleep(RETRY_EVERY) => {}
                Ok(()) = changes.changed() => {}
            }
        }
    }

    async fn look(&self) {
        let view = self.view.load();
        for (row, own) in self.missing(&view.map) {
            match self.start(&row, own, &view.map).await {
                Ok(()) => tracing::info!(group = %row.id, replica = %own.id, "replica started"),
                Err(error) => tracing::warn!(group = %row.id, replica = %own.id, %error, "replica not started yet"),
            }
        }
        for (group, own) in self.retired(&view.map) {
            match self.delete(group, own).await {
                Ok(()) => tracing::info!(%group, replica = %own.id, "data of a retired replica deleted"),
                Err(error) => tracing::warn!(%group, replica = %own.id, %error, "retired replica not deleted yet"),
            }
        }
    }

    /// Data groups that have a replica here which does not run.
    fn missing(&self, map: &ShardMap) -> Vec<(GroupRow, Replica)> {
        let placed = data_groups(map).filter_map(|row| Some((row.clone(), *row.replica_on(self.node)?)));
        placed.filter(|(row, _)| self.storage.hosted(row.id).is_none()).collect()
    }

    fn retired(&self, map: &ShardMap) -> Vec<(GroupId, Replica)> {
        let of = |row: &GroupRow| {
            let retired = |replica: &&Replica| replica.node == self.node && replica.state == ReplicaState::Retired;
            row.replicas.iter().find(retired).map(|own| (row.id, *own))
        };
        data_groups(map).filter_map(of).collect()
    }

    async fn start(&self, row: &GroupRow, own: Replica, map: &ShardMap) -> Result<(), HostingError> {
        let parts = self.files.open(row, own, map).await.map_err(HostingError::Files)?;
        let host = self.storage.host(parts).await?;
        self.replicas.insert(Arc::new(host.group().clone()));
        let (view, metadata, env) = (self.view.clone(), Arc::clone(&self.metadata), host.env().clone());
        let members = keep_members(host.group().clone(), view, metadata, env);
        host.env().tasks.spawn("membership", OnFailure::ShutDown, members);
        Ok(())
    }

    async fn delete(&self, group: GroupId, own: Replica) -> Result<(), FilesError> {
        self.replicas.remove(group, own.id);
        self.storage.let_go(group).await;
        self.files.delete(group).await?;
        let forgotten = propose(&*self.metadata, &ForgetReplica { group, replica: own.id }).await?;
        forgotten.map(drop).map_err(|refused| refused.to_string().into())
    }
}

fn data_groups(map: &ShardMap) -> impl Iterator<Item = &GroupRow> {
    map.groups().filter(|row| row.id != GroupId::METADATA)
}
