//! The directory of a cluster on one machine: one directory per node in it.
//!
//! ```text
//! LOCK          held while a parent uses the directory
//! nodes.json    free ports that were given (`remembered.rs`)
//! node-1/ …     the directories of the nodes
//! ```

use super::error::ClusterError;
use super::start_command::absolute;
use crate::data_dir::{DataDir, DataDirError, create_durably, is_held, lock};
use anabranch_runtime::Random;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// The most nodes of a cluster on one machine.
pub(super) const NODES_MAX: u8 = 9;

/// A locked directory of a cluster. An ephemeral one is removed when it is dropped.
#[derive(Debug)]
pub(super) struct ClusterDir {
    path: PathBuf,
    ephemeral: bool,
    _lock: File,
}

impl ClusterDir {
    /// Locks the directory at `path` for a cluster of `nodes` nodes; makes it where there is none.
    ///
    /// # Errors
    /// [`ClusterError`] when it is used, is not of a cluster, or is of one with more nodes.
    pub(super) fn open(path: &Path, nodes: u8) -> Result<Self, ClusterError> {
        let path = PathBuf::from(absolute("data_dir", path)?);
        if DataDir::has_identity(&path) {
            return Err(ClusterError::SingleNode { path });
        }
        create_durably(&path).map_err(|source| ClusterError::Directory { path: path.clone(), source })?;
        let lock = lock(&path)?;
        let directory = ClusterDir { path, ephemeral: false, _lock: lock };
        match (nodes + 1..=NODES_MAX).rfind(|number| directory.has_node(*number)) {
            Some(found) => Err(ClusterError::TooFew { path: directory.path.clone(), found, nodes }),
            None => Ok(directory),
        }
    }

    /// A new directory below the machine's temporary one.
    ///
    /// # Errors
    /// As [`ClusterDir::open`].
    pub(super) fn ephemeral(nodes: u8, random: &dyn Random) -> Result<Self, ClusterError> {
        let path = std::env::temp_dir().join(format!("anabranch-nodes-{:032x}", random.u128()));
        let mut directory = ClusterDir::open(&path, nodes)?;
        directory.ephemeral = true;
        Ok(directory)
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The directory of node `number`, as a text: the whole path is one.
    pub(super) fn node(&self, number: u8) -> String {
        format!("{}/node-{number}", self.path.display())
    }

    /// Whether node `number` has ever started here.
    pub(super) fn has_node(&self, number: u8) -> bool {
        DataDir::has_identity(Path::new(&self.node(number)))
    }

    /// Whether a process uses the directory of node `number`.
    ///
    /// # Errors
    /// The disk refuses.
    pub(super) fn is_node_running(&self, number: u8) -> Result<bool, DataDirError> {
        is_held(Path::new(&self.node(number)))
    }
}

impl Drop for ClusterDir {
    fn drop(&mut self) {
        if !self.ephemeral {
            return;
        }
        if let Err(error) = fs::remove_dir_all(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "the ephemeral directory stays behind");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anabranch_runtime::SeededRandom;

    fn start_node(directory: &ClusterDir, number: u8) -> DataDir {
        DataDir::open(Path::new(&directory.node(number)), &SeededRandom::new(1)).expect("made")
    }

    #[test]
    fn a_directory_of_a_single_node_is_refused_with_the_way_to_grow_it() {
        let scratch = tempfile::tempdir().expect("a temporary directory");
        drop(DataDir::open(scratch.path(), &SeededRandom::new(1)).expect("made"));
        let error = ClusterDir::open(scratch.path(), 3).expect_err("a node lives there").to_string();
        assert!(error.contains("is of a single node") && error.contains("--join"), "{error}");
    }

    #[test]
    fn a_cluster_may_grow_but_never_start_with_fewer_nodes() {
        let scratch = tempfile::tempdir().expect("a temporary directory");
        let directory = ClusterDir::open(scratch.path(), 3).expect("made");
        drop(start_node(&directory, 1));
        let running = start_node(&directory, 3);
        assert!(directory.has_node(1) && !directory.has_node(2));
        assert_eq!([1, 2, 3].map(|number| directory.is_node_running(number).expect("looked at")), [false, false, true]);
        drop((running, directory));
        let error = ClusterDir::open(scratch.path(), 2).expect_err("there are three").to_string();
        assert!(error.contains("--nodes 3"), "{error}");
        assert!(ClusterDir::open(scratch.path(), 4).is_ok());
    }

    #[test]
    fn two_parents_do_not_share_a_directory() {
        let scratch = tempfile::tempdir().expect("a temporary directory");
        let _first = ClusterDir::open(scratch.path(), 1).expect("made");
        let error = ClusterDir::open(scratch.path(), 1).expect_err("it is used").to_string();
        assert!(error.contains("is locked by"), "{error}");
    }

    #[test]
    fn an_ephemeral_directory_goes_with_its_parent() {
        let directory = ClusterDir::ephemeral(1, &SeededRandom::new(1)).expect("made");
        let path = directory.path().to_owned();
        assert!(path.is_dir());
        drop(directory);
        assert!(!path.exists());
    }
}
