//! The free ports that the nodes were given, so that they find each other again.
//!
//! `nodes.json`, in the directory of the cluster:
//! ```text
//! { "format": 1, "nodes": [ { "node": 1, "api": 20001, "tls": 20002, "peer": 20003 }, … ] }
//! ```
//! `node` is the number of the node's directory, `node-1`. Made anew as a whole, durably.

use super::ports::Ports;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// The newest format that this program reads, and the one it writes.
const FORMAT_VERSION: u64 = 1;

pub(super) const FILE: &str = "nodes.json";
const UNFINISHED_FILE: &str = "nodes.json.new";

/// The file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum RememberedError {
    /// The disk refused.
    #[error("cannot {action} {path}", path = path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the disk said.
        #[source]
        source: io::Error,
    },
    /// A newer program has written it (D15).
    #[error("{path} has format {found}, this program knows up to {FORMAT_VERSION}: use a newer program", path = path.display())]
    NewerFormat {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u64,
    },
    /// It cannot be understood.
    #[error("{path} is damaged: {reason}; without it the nodes get new ports", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

#[derive(Deserialize)]
struct FormatOnly {
    format: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NodesFile {
    format: u64,
    nodes: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    node: u8,
    #[serde(flatten)]
    ports: Ports,
}

/// The ports of each node, by the number of its directory; none where there is no file.
///
/// # Errors
/// [`RememberedError`].
pub(super) fn read(directory: &Path) -> Result<BTreeMap<u8, Ports>, RememberedError> {
    let path = directory.join(FILE);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(source) => return Err(RememberedError::Io { action: "read", path, source }),
    };
    let damaged = |error: serde_json::Error| RememberedError::Damaged { path: path.clone(), reason: error.to_string() };
    let FormatOnly { format } = serde_json::from_slice(&bytes).map_err(damaged)?;
    if format > FORMAT_VERSION {
        return Err(RememberedError::NewerFormat { path, found: format });
    }
    let file: NodesFile = serde_json::from_slice(&bytes).map_err(damaged)?;
    Ok(file.nodes.into_iter().map(|entry| (entry.node, entry.ports)).collect())
}

/// Remembers `ports`; the file is whole or as it was after a crash.
///
/// # Errors
/// [`RememberedError::Io`].
pub(super) fn write(directory: &Path, ports: &BTreeMap<u8, Ports>) -> Result<(), RememberedError> {
    let nodes = ports.iter().map(|(node, ports)| Entry { node: *node, ports: *ports }).collect();
    let text = serde_json::to_string_pretty(&NodesFile { format: FORMAT_VERSION, nodes }).expect("it is numbers");
    let unfinished = directory.join(UNFINISHED_FILE);
    let steps = || {
        let mut file = File::create(&unfinished)?;
        writeln!(file, "{text}")?;
        file.sync_all()?;
        fs::rename(&unfinished, directory.join(FILE))?;
        File::open(directory)?.sync_all()
    };
    steps().map_err(|source| RememberedError::Io { action: "write", path: unfinished.clone(), source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_remembered_is_read_again(known in proptest::collection::btree_map(1u8..=9, any::<[u16; 3]>(), 0..9)) {
            let scratch = tempfile::tempdir().expect("a temporary directory");
            let ports = |[api, tls, peer]: [u16; 3]| Ports { api, tls, peer };
            let known: BTreeMap<u8, Ports> = known.into_iter().map(|(node, all)| (node, ports(all))).collect();
            write(scratch.path(), &known).expect("written");
            prop_assert_eq!(read(scratch.path()).expect("our own"), known);
        }
    }

    #[test]
    fn the_file_is_laid_out_as_it_is_documented() {
        let scratch = tempfile::tempdir().expect("a temporary directory");
        assert!(read(scratch.path()).expect("no file").is_empty());
        let text = r#"{"format":1,"nodes":[{"node":1,"api":20001,"tls":20002,"peer":20003}]}"#;
        fs::write(scratch.path().join(FILE), text).expect("written");
        let known = read(scratch.path()).expect("the documented layout");
        assert_eq!(known, BTreeMap::from([(1, Ports { api: 20_001, tls: 20_002, peer: 20_003 })]));
    }

    #[test]
    fn a_file_of_a_newer_program_and_a_damaged_one_are_refused() {
        let scratch = tempfile::tempdir().expect("a temporary directory");
        let refusal = |text: &str| {
            fs::write(scratch.path().join(FILE), text).expect("written");
            read(scratch.path()).expect_err(text)
        };
        assert!(matches!(refusal(r#"{"format":2,"what":1}"#), RememberedError::NewerFormat { found: 2, .. }));
        for text in ["", "{}", r#"{"format":1}"#, r#"{"format":1,"nodes":[{"node":1}]}"#] {
            assert!(matches!(refusal(text), RememberedError::Damaged { .. }), "{text}");
        }
    }
}
