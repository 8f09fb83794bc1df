//! Begins a stream's deletion: no more traffic, records to be dropped.

use crate::apply::Apply;
use crate::codec::{fields, variants};
use crate::command::{Command, CommandKind};
use crate::edit::Edit;
use crate::stream::StreamStatus;
use anabranch_types::{AccountId, GroupId, MapVersion, StreamName, StreamUid};

/// Proposed for a client's DeleteStream, whatever the stream's status; may be repeated. A
/// stream that is still being created is deleted too (Source: kinesalite; AWS is silent).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BeginDeleteStream {
    /// The owner.
    pub account: AccountId,
    /// The stream's name.
    pub name: StreamName,
}

fields!(BeginDeleteStream { account, name });

/// The stream is `Deleting`. When each group has applied its drop entry (D8), propose
/// `FinishDeleteStream`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamDeleting {
    /// The stream.
    pub uid: StreamUid,
    /// The groups that hold its shards, by id.
    pub groups: Vec<GroupId>,
    /// The first map version that has the stream as it is now.
    pub version: MapVersion,
}

fields!(StreamDeleting { uid, groups, version });

/// Nothing was deleted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BeginDeleteStreamRefused {
    /// The account has no stream of this name.
    #[error("there is no stream of this name")]
    NotFound,
}

variants!(BeginDeleteStreamRefused { 1 => NotFound {} });

impl Command for BeginDeleteStream {
    const KIND: CommandKind = CommandKind::BeginDeleteStream;
    type Done = StreamDeleting;
    type Refused = BeginDeleteStreamRefused;
}

impl Apply for BeginDeleteStream {
    fn apply(self, edit: &mut Edit<'_>) -> Result<StreamDeleting, BeginDeleteStreamRefused> {
        let named = edit.catalog().map.stream_named(self.account, &self.name).cloned();
        let stream = named.ok_or(BeginDeleteStreamRefused::NotFound)?;
        let (uid, groups) = (stream.stream.uid, stream.groups());
        if stream.stream.status == StreamStatus::Deleting {
            return Ok(StreamDeleting { uid, groups, version: stream.stream.version });
        }
        let version = edit.next_version();
        edit.set_status(&stream, StreamStatus::Deleting);
        Ok(StreamDeleting { uid, groups, version })
    }
}
