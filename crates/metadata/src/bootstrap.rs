//! Makes a cluster, once (D14).

use crate::error::MetadataError;
use crate::metadata::Metadata;
use crate::propose::propose;
use crate::token_keys::new_secret;
use anabranch_catalog::{Bootstrap, BootstrapRefused, NodeAddresses};
use anabranch_types::{ClusterId, Incarnation, NodeId};

/// The node that makes the cluster.
#[derive(Debug, Clone)]
pub struct FirstNode {
    /// The cluster's id, from the directory.
    pub cluster: ClusterId,
    /// The node's id, from the directory.
    pub node: NodeId,
    /// The directory's incarnation.
    pub incarnation: Incarnation,
    /// Where it is reached.
    pub addresses: NodeAddresses,
    /// The highest feature level that it understands.
    pub feature_level: u16,
    /// Data groups to make.
    pub data_groups: u32,
}

impl Metadata {
    /// Records the cluster, its first node and its data groups in the catalog. A catalog that
    /// belongs to this cluster already stays as it is.
    ///
    /// # Errors
    /// [`MetadataError::Bootstrap`] when the catalog is another cluster's or refuses the node.
    pub async fn bootstrap(&self, first: FirstNode) -> Result<(), MetadataError> {
        let FirstNode { cluster, node, incarnation, addresses, feature_level, data_groups } = first;
        let command = Bootstrap {
            cluster,
            node,
            incarnation,
            addresses,
            feature_level,
            data_groups,
            token_secret: new_secret(self),
            now: self.env.clock.wall(),
        };
        match propose(&self.group, &command).await? {
            Ok(made) => {
                tracing::info!(%cluster, groups = made.groups.len(), "cluster bootstrapped");
                Ok(())
            }
            Err(BootstrapRefused::AlreadyBootstrapped { cluster: existing }) if existing == cluster => Ok(()),
            Err(refused) => Err(MetadataError::Bootstrap(refused.to_string())),
        }
    }
}
