//! Why the nodes of `anabranch dev --nodes` were not started, or have ended.

use super::ports::NoFreePort;
use super::remembered::RememberedError;
use crate::config::ConfigError;
use crate::data_dir::DataDirError;
use crate::listeners::ListenError;
use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

/// What a cluster on one machine did not survive.
#[derive(Debug, thiserror::Error)]
pub(super) enum ClusterError {
    /// The command line is not understood.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The directory holds the data of one node.
    #[error(
        "directory {path} is of a single node. To grow it, start that node with --peer-listen 127.0.0.1:4569 and \
         others, each with a directory and ports of its own, with --peer-listen and --join 127.0.0.1:4569; \
         or give another --data-dir", path = path.display()
    )]
    SingleNode {
        /// The directory.
        path: PathBuf,
    },
    /// There are more nodes than are to be started.
    #[error("directory {path} has a node {found}, so that {nodes} are too few to start: give --nodes {found}", path = path.display())]
    TooFew {
        /// The directory.
        path: PathBuf,
        /// The highest number of a node in it.
        found: u8,
        /// How many were asked for.
        nodes: u8,
    },
    /// The directory cannot be made.
    #[error("cannot make {path}", path = path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A directory cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The ports that were given cannot be read or written.
    #[error(transparent)]
    Remembered(#[from] RememberedError),
    /// No port is free.
    #[error(transparent)]
    NoFreePort(#[from] NoFreePort),
    /// Somebody else has a port.
    #[error("node {number} cannot be started where {}", told(*remembered))]
    Port {
        /// The number of its directory.
        number: u8,
        /// Whether `nodes.json` says which port it is.
        remembered: bool,
        /// The port.
        #[source]
        source: ListenError,
    },
    /// The program does not start.
    #[error("node {number} cannot be started: {start}")]
    Spawn {
        /// The number of its directory.
        number: u8,
        /// How it was to be started.
        start: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// This program does not know where it is.
    #[error("cannot tell where this program is")]
    Program(#[source] io::Error),
    /// A node ended before it was ready; what it said is above.
    #[error("node {number} ended before it was ready, {status}: {start}")]
    EndedEarly {
        /// The number of its directory.
        number: u8,
        /// How.
        status: ExitStatus,
        /// How it was started.
        start: String,
    },
    /// A process uses a node's directory but does not answer where that node should.
    #[error(
        "the directory of node {number} is used by a process that does not answer at {endpoint}: stop it, or start it \
         by the start command of the node"
    )]
    Mute {
        /// The number of its directory.
        number: u8,
        /// Where it should answer.
        endpoint: String,
    },
    /// Nothing is left to be waited for.
    #[error("every node that was started has ended")]
    AllEnded,
    /// Not every node has drained well.
    #[error("not every node has drained: {}", .0.join(", "))]
    NotDrained(Vec<String>),
}

fn told(remembered: bool) -> &'static str {
    if remembered { "nodes.json says" } else { "the options say" }
}
