//! Who a directory is: written once, read at every start.
//!
//! ```text
//! format = 2                  version of this file and of the directory's layout (D15)
//! cluster_id = "<32 hex>"
//! node_id = 2
//! incarnation = "<32 hex>"    another one for every directory that was ever made (D14)
//! metadata_replica = 17       its replica of the catalog
//! ```
//! The first node of a cluster has replica 1, and its file format 1, which has no such line.
//!
//! A directory that wants to join notes its incarnation in a file of its own before it asks, so that
//! asking again after a crash is the same directory's asking.

use super::{ClusterMismatch, DataDirError};
use anabranch_catalog::Catalog;
use anabranch_runtime::Random;
use anabranch_types::{ClusterId, Incarnation, NodeId, ReplicaId};
use serde::Deserialize;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::Path;

/// The newest format that this program reads.
pub const FORMAT_VERSION: u64 = 2;
/// Without the replica of the catalog: that of a cluster's first node.
const FORMAT_FOUNDER: u64 = 1;

pub(super) const IDENTITY_FILE: &str = "identity.toml";
/// The identity until it is durable; a crash may leave it behind.
pub(super) const UNFINISHED_FILE: &str = "identity.toml.new";
/// The incarnation of a directory that asks to join.
pub(super) const JOINING_FILE: &str = "joining.toml";
/// The same until it is durable.
pub(super) const JOINING_UNFINISHED_FILE: &str = "joining.toml.new";

/// Who a directory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// The cluster it belongs to.
    pub cluster: ClusterId,
    /// The node whose directory it is.
    pub node: NodeId,
    /// This very directory: no copy, no predecessor.
    pub incarnation: Incarnation,
    /// Its replica of the catalog.
    pub metadata_replica: ReplicaId,
}

/// The part that every version of the file has.
#[derive(Deserialize)]
struct FormatOnly {
    format: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IdentityFile {
    format: u64,
    cluster_id: String,
    node_id: u64,
    incarnation: String,
    metadata_replica: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JoiningFile {
    #[serde(rename = "format")]
    _format: u64,
    incarnation: String,
}

impl Identity {
    /// The first node of a new cluster.
    pub(super) fn made_of(random: &dyn Random) -> Self {
        Identity {
            cluster: ClusterId(random.u128()),
            node: NodeId(1),
            incarnation: Incarnation(random.u128()),
            metadata_replica: Catalog::FIRST_METADATA_REPLICA,
        }
    }

    /// Refuses to take part in another cluster than the directory's own.
    ///
    /// # Errors
    /// [`ClusterMismatch`].
    pub fn check_cluster(&self, met: ClusterId) -> Result<(), ClusterMismatch> {
        if met == self.cluster { Ok(()) } else { Err(ClusterMismatch { directory: self.cluster, met }) }
    }

    /// Whether its node made the cluster.
    pub fn is_founder(&self) -> bool {
        self.metadata_replica == Catalog::FIRST_METADATA_REPLICA
    }

    fn to_text(self) -> String {
        let (format, replica) = if self.is_founder() {
            (FORMAT_FOUNDER, String::new())
        } else {
            (FORMAT_VERSION, format!("metadata_replica = {}\n", self.metadata_replica))
        };
        format!(
            "# Written once, at the first start. Never edit this file, never copy it to another node.\n\
             format = {format}\ncluster_id = \"{}\"\nnode_id = {}\nincarnation = \"{}\"\n{replica}",
            self.cluster, self.node, self.incarnation
        )
    }

    /// Reads the text of a file whose format is known.
    fn from_text(text: &str) -> Result<Self, String> {
        let file: IdentityFile = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        if file.node_id == 0 {
            return Err("node_id is 0".to_owned());
        }
        let metadata_replica = match (file.format, file.metadata_replica) {
            (FORMAT_FOUNDER, None) => Catalog::FIRST_METADATA_REPLICA,
            (FORMAT_VERSION, Some(replica)) if replica > 0 => ReplicaId(replica),
            (format, _) => return Err(format!("metadata_replica does not fit format {format}")),
        };
        Ok(Identity {
            cluster: ClusterId(hex("cluster_id", &file.cluster_id)?),
            node: NodeId(file.node_id),
            incarnation: Incarnation(hex("incarnation", &file.incarnation)?),
            metadata_replica,
        })
    }
}

/// Exactly 32 lower-case hexadecimal digits.
fn hex(key: &str, text: &str) -> Result<u128, String> {
    let valid = text.len() == 32 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let value = if valid { u128::from_str_radix(text, 16).ok() } else { None };
    value.ok_or_else(|| format!("{key} is not 32 hexadecimal digits"))
}

/// The identity in `directory`; none when it has none yet.
pub(super) fn read(directory: &Path) -> Result<Option<Identity>, DataDirError> {
    read_file(&directory.join(IDENTITY_FILE), Identity::from_text)
}

/// The incarnation of a directory that has asked to join, or is about to.
pub(super) fn joining(directory: &Path, random: &dyn Random) -> Result<Incarnation, DataDirError> {
    let of_text = |text: &str| {
        let file: JoiningFile = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        hex("incarnation", &file.incarnation).map(Incarnation)
    };
    if let Some(incarnation) = read_file(&directory.join(JOINING_FILE), of_text)? {
        return Ok(incarnation);
    }
    let incarnation = Incarnation(random.u128());
    let text = format!("format = {FORMAT_VERSION}\nincarnation = \"{incarnation}\"\n");
    write_file(directory, JOINING_UNFINISHED_FILE, JOINING_FILE, &text)?;
    Ok(incarnation)
}

/// Makes `identity` the directory's, durably: the file is whole or absent after a crash.
pub(super) fn write(directory: &Path, identity: &Identity) -> Result<(), DataDirError> {
    write_file(directory, UNFINISHED_FILE, IDENTITY_FILE, &identity.to_text())
}

fn read_file<T>(path: &Path, of_text: impl FnOnce(&str) -> Result<T, String>) -> Result<Option<T>, DataDirError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(DataDirError::io("read", path, source)),
    };
    let damaged = |reason: String| DataDirError::Damaged { path: path.to_owned(), reason };
    let text = String::from_utf8(bytes).map_err(|_| damaged("it is not text".to_owned()))?;
    let FormatOnly { format } = toml::from_str(&text).map_err(|error| damaged(error.message().to_owned()))?;
    if format > FORMAT_VERSION {
        return Err(DataDirError::NewerFormat { path: path.to_owned(), found: format, known: FORMAT_VERSION });
    }
    if format == 0 {
        return Err(damaged("format is 0".to_owned()));
    }
    of_text(&text).map(Some).map_err(damaged)
}

fn write_file(directory: &Path, unfinished: &str, name: &str, text: &str) -> Result<(), DataDirError> {
    let unfinished = directory.join(unfinished);
    let steps = || {
        let mut file = File::create(&unfinished)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&unfinished, directory.join(name))?;
        File::open(directory)?.sync_all()
    };
    steps().map_err(|source| DataDirError::io("write", &unfinished, source))
}
