//! Takes tags off a stream.

use crate::codec::fields;
use crate::command::{Command, CommandKind};
use crate::commands::membership::Gated;
use crate::commands::recorded::Recorded;
use crate::commands::refusals::refusals;
use crate::edit::Edit;
use crate::stream::StreamStatus;
use anabranch_types::{RequestId, StreamUid, TagKey};
use std::collections::BTreeSet;

/// Proposed for a client's RemoveTagsFromStream or UntagResource. Keys that the stream does not have
/// are passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UntagStream {
    /// The stream.
    pub uid: StreamUid,
    /// Of the tags that go.
    pub keys: BTreeSet<TagKey>,
    /// The client's call; repeated, it changes nothing (I12).
    pub request: RequestId,
}

fields!(UntagStream { uid, keys, request });

refusals! {
    /// The stream has the tags that it had.
    UntagStreamRefused {
        1 => NotBootstrapped,
        2 => FeatureLevel,
        /// No stream has this uid (any more).
        #[error("there is no stream {uid}")]
        3 => NoStream {
            /// The uid asked for.
            uid: StreamUid,
        },
        /// It is on its way out. Source: AWS API model, ResourceInUseException of
        /// RemoveTagsFromStream.
        #[error("stream {uid} is being deleted")]
        4 => Deleting {
            /// The stream.
            uid: StreamUid,
        },
    }
}

impl Command for UntagStream {
    const KIND: CommandKind = CommandKind::UntagStream;
    type Done = Recorded;
    type Refused = UntagStreamRefused;
}

impl Gated for UntagStream {
    fn change(self, edit: &mut Edit<'_>) -> Result<Recorded, UntagStreamRefused> {
        let uid = self.uid;
        let stream = edit.catalog().map.stream(uid).cloned().ok_or(UntagStreamRefused::NoStream { uid })?;
        let mut tagging = stream.tagging().cloned().unwrap_or_default();
        if tagging.answered.contains(&self.request) {
            return Ok(edit.recorded());
        }
        if stream.stream.status == StreamStatus::Deleting {
            return Err(UntagStreamRefused::Deleting { uid });
        }
        tagging.tags.retain(|key, _| !self.keys.contains(key));
        tagging.remember(self.request);
        edit.replace_stream(&stream, stream.with_tagging(Some(tagging)));
        Ok(edit.recorded())
    }
}
