//! The roles of a node and their ways to those of the others.

use super::enter;
use super::error::StartError;
use super::groups::NodeFiles;
use super::operations::NodeOperations;
use super::peers::PeerNet;
use crate::config::NodeConfig;
use crate::data_dir::Identity;
use crate::listeners::Bound;
use anabranch_catalog::{UpdateNode, Zone};
use anabranch_cluster::{JoinNode, MetadataNode, MetadataRouter, Router, StorageNode, ViewWatch, keep_members};
use anabranch_metadata::{Joining, Metadata, MetadataService, announce};
use anabranch_runtime::{Env, OnFailure};
use anabranch_storage::{Hosting, Storage};
use std::sync::Arc;

/// What calls groups and the catalog, wherever they are led.
pub(super) struct Roles {
    identity: Identity,
    view: ViewWatch,
    /// The metadata role of this node.
    pub service: MetadataService,
    /// The storage nodes.
    pub router: Router,
    /// The metadata service of the cluster.
    pub metadata: MetadataRouter,
}

impl Roles {
    /// Ties the roles together and lets other nodes call them.
    pub fn start(
        identity: Identity,
        net: &PeerNet,
        metadata: &Metadata,
        storage: &Arc<Storage>,
        view: &ViewWatch,
        env: &Env,
    ) -> Self {
        let (node, links) = (identity.node, || net.links.clone());
        let local: Arc<dyn StorageNode> = Arc::clone(storage) as _;
        let router = Router::of_cluster(node, Arc::clone(&local), links(), view.clone(), env.clone());
        let service = metadata.service(router.clone());
        let local_metadata: Arc<dyn MetadataNode> = Arc::new(service.clone());
        let leaders = MetadataRouter::of_cluster(node, Arc::clone(&local_metadata), links(), view.clone(), env.clone());
        let joining: Arc<dyn JoinNode> = Arc::new(Joining {
            cluster: identity.cluster,
            metadata: Arc::new(leaders.clone()),
            view: view.clone(),
            env: env.clone(),
        });
        net.served.storage.started(local);
        net.served.metadata.started(local_metadata);
        net.served.joining.started(joining);
        let leader: Arc<dyn MetadataNode> = Arc::new(leaders.clone());
        let members = keep_members(metadata.group().clone(), view.clone(), leader, env.clone());
        env.tasks.spawn("membership", OnFailure::ShutDown, members);
        Roles { identity, view: view.clone(), service, router, metadata: leaders }
    }

    /// Tells the catalog where this node is. A node that is alone in its group is told of before it
    /// serves; another one may have to wait for a majority, and serves meanwhile.
    pub async fn announce(
        &self,
        config: &NodeConfig,
        bound: Bound,
        metadata: &Metadata,
        env: &Env,
    ) -> Result<(), StartError> {
        let Identity { node, incarnation, .. } = self.identity;
        let addresses = enter::addresses(config, bound)?;
        let update = UpdateNode { node, incarnation, addresses, feature_level: config.feature_level };
        let zone = Zone::new(&config.zone)?;
        let (leader, of_task) = (self.metadata.clone(), env.clone());
        let announcing = async move { announce(&leader, update, zone, &of_task).await };
        if metadata.group().is_alone().await {
            return Ok(announcing.await?);
        }
        env.tasks.spawn("announce", OnFailure::ShutDown, announcing);
        Ok(())
    }

    /// What operators may ask.
    pub fn operations(&self, metadata: &Metadata, env: &Env) -> NodeOperations {
        NodeOperations {
            view: self.view.clone(),
            router: self.router.clone(),
            metadata: self.metadata.clone(),
            own_metadata: metadata.clone(),
            env: env.clone(),
        }
    }

    /// Starts the replicas that the catalog places here, now and later.
    pub async fn host(
        &self,
        storage: &Arc<Storage>,
        net: &PeerNet,
        files: NodeFiles,
        env: &Env,
    ) -> Result<(), StartError> {
        let hosting = Hosting {
            node: self.identity.node,
            storage: Arc::clone(storage),
            replicas: net.served.replicas.clone(),
            view: self.view.clone(),
            metadata: Arc::new(self.metadata.clone()),
            files: Arc::new(files),
            env: env.clone(),
        };
        hosting.start_all().await?;
        env.tasks.spawn("hosting", OnFailure::ShutDown, hosting.follow());
        Ok(())
    }
}
