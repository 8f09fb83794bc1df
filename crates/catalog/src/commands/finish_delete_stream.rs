//! Forgets a stream whose records are dropped.

use crate::apply::Apply;
use crate::codec::{fields, variants};
use crate::command::{Command, CommandKind};
use crate::edit::Edit;
use crate::rows::Floor;
use crate::stream::StreamStatus;
use anabranch_types::{MapVersion, StreamUid};

/// Proposed when every group of the stream has dropped its shards; may be repeated. What stays
/// is the highest create second of its shards: a stream created again under the name gets
/// sequence numbers above all of this one's (D5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FinishDeleteStream {
    /// The stream.
    pub uid: StreamUid,
}

fields!(FinishDeleteStream { uid });

/// The stream is gone, now or since before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamDeleted {
    /// A map version without the stream.
    pub version: MapVersion,
}

fields!(StreamDeleted { version });

/// The stream stays.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FinishDeleteStreamRefused {
    /// Its deletion has not begun.
    #[error("stream {uid} is {status:?}, not being deleted")]
    NotDeleting {
        /// The stream.
        uid: StreamUid,
        /// Where it stands.
        status: StreamStatus,
    },
    /// No stream ever had this uid.
    #[error("there never was a stream {uid}")]
    NeverExisted {
        /// The uid asked for.
        uid: StreamUid,
    },
}

variants!(FinishDeleteStreamRefused { 1 => NotDeleting { uid, status }, 2 => NeverExisted { uid } });

impl Command for FinishDeleteStream {
    const KIND: CommandKind = CommandKind::FinishDeleteStream;
    type Done = StreamDeleted;
    type Refused = FinishDeleteStreamRefused;
}

impl Apply for FinishDeleteStream {
    fn apply(self, edit: &mut Edit<'_>) -> Result<StreamDeleted, FinishDeleteStreamRefused> {
        let (uid, catalog) = (self.uid, edit.catalog());
        if uid.0 == 0 || uid >= catalog.counters.next_stream {
            return Err(FinishDeleteStreamRefused::NeverExisted { uid });
        }
        let Some(stream) = catalog.map.stream(uid).cloned() else {
            return Ok(StreamDeleted { version: catalog.map.version() });
        };
        let status = stream.stream.status;
        if status != StreamStatus::Deleting {
            return Err(FinishDeleteStreamRefused::NotDeleting { uid, status });
        }
        let used = stream.shards().iter().map(|shard| shard.created_s).max();
        let floor = Floor { created_s: used.expect("a stream has shards") };
        let version = edit.next_version();
        edit.put_floor(stream.stream.account, stream.stream.name.clone(), floor);
        edit.remove_stream(&stream);
        Ok(StreamDeleted { version })
    }
}
