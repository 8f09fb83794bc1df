//! What keeps a node from starting. Each message says what to do.

use crate::data_dir::DataDirError;
use anabranch_aws_api::TlsError;
use anabranch_metadata::MetadataError;
use anabranch_storage::HostingError;
use anabranch_types::GroupId;
use std::path::PathBuf;

/// A node did not start. Nothing was deleted.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A socket is not what it was bound as.
    #[error("cannot read the address of a listener")]
    Listener(#[from] std::io::Error),
    /// The log cannot be opened.
    #[error("cannot open the log")]
    Log(#[from] anabranch_walog::OpenError),
    /// A part of the log is damaged, and there is no other replica to rebuild it from.
    #[error("the log is damaged: {reason}. Its files are kept in {dir}; nothing is served from them")]
    Quarantined {
        /// What was found.
        reason: String,
        /// The log's directory.
        dir: PathBuf,
    },
    /// A group's state cannot be opened.
    #[error("cannot open the state of group {group}")]
    Store {
        /// The group.
        group: GroupId,
        /// Why.
        #[source]
        source: anabranch_store::HomeError,
    },
    /// What the stores share cannot be made.
    #[error("cannot prepare the state stores")]
    SharedStore(#[source] anabranch_store::OpenError),
    /// The catalog cannot be read.
    #[error("cannot read the catalog")]
    Catalog(#[from] anabranch_metadata::OpenError),
    /// The metadata service did not start.
    #[error("the metadata service did not start")]
    Metadata(#[from] MetadataError),
    /// The directory cannot be made a node's.
    #[error(transparent)]
    Directory(#[from] DataDirError),
    /// The directory is empty and nothing was said about a cluster.
    #[error(
        "{dir} belongs to no cluster: start it with --bootstrap to make a new one, or with --join to add it to one"
    )]
    NoCluster {
        /// The data directory.
        dir: PathBuf,
    },
    /// The cluster does not take the node.
    #[error("the cluster does not take this node: {reason}")]
    Refused {
        /// What it says.
        reason: String,
    },
    /// The zone does not fit the catalog.
    #[error(transparent)]
    Zone(#[from] anabranch_catalog::InvalidZone),
    /// The cluster does not know this node, or knows another one by its id.
    #[error(transparent)]
    NotAMember(#[from] anabranch_metadata::NotAMember),
    /// Replicas did not start.
    #[error("a replica did not start")]
    Hosting(#[from] HostingError),
    /// The catalog's replica stopped by itself, before the node had started.
    #[error("the catalog cannot be followed: {reason}")]
    CatalogStopped {
        /// What it says.
        reason: String,
    },
    /// The cluster was made in this directory, but its log holds no catalog.
    #[error("the log in {dir} has lost the catalog of a cluster that exists: restore the whole data directory")]
    CatalogLost {
        /// The data directory.
        dir: PathBuf,
    },
    /// The catalog says that a group holds shards, but its log and state are gone.
    #[error("group {group} holds shards, but its log and state in {dir} are gone: restore the whole data directory")]
    Lost {
        /// The group.
        group: GroupId,
        /// The data directory.
        dir: PathBuf,
    },
    /// A stream of the command line could not be created.
    #[error("stream {name} could not be created: {reason}")]
    Stream {
        /// Its name.
        name: String,
        /// Why.
        reason: String,
    },
    /// No certificate.
    #[error("no certificate for the TLS port")]
    Tls(#[from] TlsError),
    /// An address does not fit the catalog.
    #[error(transparent)]
    Address(#[from] anabranch_catalog::InvalidAddress),
    /// A part panicked while it was opened.
    #[error("a part of the node failed while it was opened: {0}")]
    Panicked(String),
}

impl From<tokio::task::JoinError> for StartError {
    fn from(error: tokio::task::JoinError) -> Self {
        StartError::Panicked(error.to_string())
    }
}
