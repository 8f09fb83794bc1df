//! Who a directory is: written once, read at every start.
//!
//! ```text
//! format = 1                  version of this file and of the directory's layout (D15)
//! cluster_id = "<32 hex>"
//! node_id = 1
//! incarnation = "<32 hex>"    another one for every directory that was ever made (D14)
//! ```

use super::{ClusterMismatch, DataDirError};
use anabranch_runtime::Random;
use anabranch_types::{ClusterId, Incarnation, NodeId};
use serde::Deserialize;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::Path;

/// The newest format that this program reads, and the one it writes.
pub const FORMAT_VERSION: u64 = 1;

pub(super) const IDENTITY_FILE: &str = "identity.toml";
/// The identity until it is durable; a crash may leave it behind.
pub(super) const UNFINISHED_FILE: &str = "identity.toml.new";

/// Who a directory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// The cluster it belongs to.
    pub cluster: ClusterId,
    /// The node whose directory it is.
    pub node: NodeId,
    /// This very directory: no copy, no predecessor.
    pub incarnation: Incarnation,
}

/// The part that every version of the file has.
#[derive(Deserialize)]
struct FormatOnly {
    format: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IdentityFile {
    #[serde(rename = "format")]
    _format: u64,
    cluster_id: String,
    node_id: u64,
    incarnation: String,
}

impl Identity {
    /// The first node of a new cluster.
    pub(super) fn made_of(random: &dyn Random) -> Self {
        Identity { cluster: ClusterId(random.u128()), node: NodeId(1), incarnation: Incarnation(random.u128()) }
    }

    /// Refuses to take part in another cluster than the directory's own.
    ///
    /// # Errors
    /// [`ClusterMismatch`].
    pub fn check_cluster(&self, met: ClusterId) -> Result<(), ClusterMismatch> {
        if met == self.cluster { Ok(()) } else { Err(ClusterMismatch { directory: self.cluster, met }) }
    }

    fn to_text(self) -> String {
        format!(
            "# Written once, at the first start. Never edit this file, never copy it to another node.\n\
             format = {FORMAT_VERSION}\ncluster_id = \"{}\"\nnode_id = {}\nincarnation = \"{}\"\n",
            self.cluster, self.node, self.incarnation
        )
    }

    /// Reads the text of a file whose format is known.
    fn from_text(text: &str) -> Result<Self, String> {
        let file: IdentityFile = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        if file.node_id == 0 {
            return Err("node_id is 0".to_owned());
        }
        Ok(Identity {
            cluster: ClusterId(hex("cluster_id", &file.cluster_id)?),
            node: NodeId(file.node_id),
            incarnation: Incarnation(hex("incarnation", &file.incarnation)?),
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
    let path = directory.join(IDENTITY_FILE);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(DataDirError::io("read", &path, source)),
    };
    let damaged = |reason: String| DataDirError::Damaged { path: path.clone(), reason };
    let text = String::from_utf8(bytes).map_err(|_| damaged("it is not text".to_owned()))?;
    let FormatOnly { format } = toml::from_str(&text).map_err(|error| damaged(error.message().to_owned()))?;
    if format > FORMAT_VERSION {
        return Err(DataDirError::NewerFormat { path, found: format, known: FORMAT_VERSION });
    }
    if format == 0 {
        return Err(damaged("format is 0".to_owned()));
    }
    Identity::from_text(&text).map(Some).map_err(damaged)
}

/// Makes `identity` the directory's, durably: the file is whole or absent after a crash.
pub(super) fn write(directory: &Path, identity: &Identity) -> Result<(), DataDirError> {
    let unfinished = directory.join(UNFINISHED_FILE);
    let steps = || {
        let mut file = File::create(&unfinished)?;
        file.write_all(identity.to_text().as_bytes())?;
        file.sync_all()?;
        fs::rename(&unfinished, directory.join(IDENTITY_FILE))?;
        File::open(directory)?.sync_all()
    };
    steps().map_err(|source| DataDirError::io("write", &unfinished, source))
}
