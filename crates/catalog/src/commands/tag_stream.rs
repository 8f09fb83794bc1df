//! Writes tags on a stream.

use crate::codec::fields;
use crate::command::{Command, CommandKind};
use crate::commands::membership::Gated;
use crate::commands::recorded::Recorded;
use crate::commands::refusals::refusals;
use crate::edit::Edit;
use crate::stream::StreamStatus;
use anabranch_types::limits::TAGS_PER_STREAM_MAX;
use anabranch_types::{RequestId, StreamUid, Tags};

/// Proposed for a client's AddTagsToStream or TagResource, and for the tags of its CreateStream once
/// the stream is there. A tag whose key the stream has replaces it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagStream {
    /// The stream.
    pub uid: StreamUid,
    /// What it gets.
    pub tags: Tags,
    /// The client's call; repeated, it changes nothing (I12).
    pub request: RequestId,
}

fields!(TagStream { uid, tags, request });

refusals! {
    /// The stream has the tags that it had.
    TagStreamRefused {
        1 => NotBootstrapped,
        2 => FeatureLevel,
        /// No stream has this uid (any more).
        #[error("there is no stream {uid}")]
        3 => NoStream {
            /// The uid asked for.
            uid: StreamUid,
        },
        /// It is on its way out. Source: AWS API model, ResourceInUseException of AddTagsToStream.
        #[error("stream {uid} is being deleted")]
        4 => Deleting {
            /// The stream.
            uid: StreamUid,
        },
        /// More than a stream can have. Source: AWS API reference, AddTagsToStream.
        #[error("the stream would have {asked} tags of {limit}")]
        5 => TagLimit {
            /// Tags that it would have.
            asked: u32,
            /// Tags that it may have.
            limit: u32,
        },
    }
}

impl Command for TagStream {
    const KIND: CommandKind = CommandKind::TagStream;
    type Done = Recorded;
    type Refused = TagStreamRefused;
}

impl Gated for TagStream {
    fn change(self, edit: &mut Edit<'_>) -> Result<Recorded, TagStreamRefused> {
        let uid = self.uid;
        let stream = edit.catalog().map.stream(uid).cloned().ok_or(TagStreamRefused::NoStream { uid })?;
        let mut tagging = stream.tagging().cloned().unwrap_or_default();
        if tagging.answered.contains(&self.request) {
            return Ok(edit.recorded());
        }
        if stream.stream.status == StreamStatus::Deleting {
            return Err(TagStreamRefused::Deleting { uid });
        }
        tagging.tags.extend(self.tags);
        if tagging.tags.len() > TAGS_PER_STREAM_MAX {
            let number = |count: usize| u32::try_from(count).expect("a command has fewer than 2^32 tags");
            let (asked, limit) = (number(tagging.tags.len()), number(TAGS_PER_STREAM_MAX));
            return Err(TagStreamRefused::TagLimit { asked, limit });
        }
        tagging.remember(self.request);
        edit.replace_stream(&stream, stream.with_tagging(Some(tagging)));
        Ok(edit.recorded())
    }
}
