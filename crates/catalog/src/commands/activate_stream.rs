//! Opens a created stream for traffic.

use crate::apply::Apply;
use crate::codec::{fields, variants};
use crate::command::{Command, CommandKind};
use crate::edit::Edit;
use crate::stream::StreamStatus;
use anabranch_types::{MapVersion, StreamUid};

/// Proposed when every group of the stream knows its shards; may be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActivateStream {
    /// The stream.
    pub uid: StreamUid,
}

fields!(ActivateStream { uid });

/// The stream takes traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamActivated {
    /// The first map version that has the stream as it is now.
    pub version: MapVersion,
}

fields!(StreamActivated { version });

/// The stream takes no traffic.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ActivateStreamRefused {
    /// No stream has this uid (any more).
    #[error("there is no stream {uid}")]
    NotFound {
        /// The uid asked for.
        uid: StreamUid,
    },
    /// Its deletion began before it was active.
    #[error("stream {uid} is being deleted")]
    Deleting {
        /// The stream.
        uid: StreamUid,
    },
}

variants!(ActivateStreamRefused { 1 => NotFound { uid }, 2 => Deleting { uid } });

impl Command for ActivateStream {
    const KIND: CommandKind = CommandKind::ActivateStream;
    type Done = StreamActivated;
    type Refused = ActivateStreamRefused;
}

impl Apply for ActivateStream {
    fn apply(self, edit: &mut Edit<'_>) -> Result<StreamActivated, ActivateStreamRefused> {
        let uid = self.uid;
        let stream = edit.catalog().map.stream(uid).cloned().ok_or(ActivateStreamRefused::NotFound { uid })?;
        match stream.stream.status {
            StreamStatus::Creating => {
                let version = edit.next_version();
                edit.set_status(&stream, StreamStatus::Active);
                Ok(StreamActivated { version })
            }
            StreamStatus::Active | StreamStatus::Updating => Ok(StreamActivated { version: stream.stream.version }),
            StreamStatus::Deleting => Err(ActivateStreamRefused::Deleting { uid }),
        }
    }
}
