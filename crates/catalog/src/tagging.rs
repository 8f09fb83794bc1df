//! What the catalog records of a stream's tags.
//!
//! They have a row of their own: fifty tags can have 77 KB, and the stream's row is rewritten with
//! every change of its status. Which characters a tag may have is not judged here but where tags are
//! proposed: what counts as a letter differs between versions of Unicode, and so between builds,
//! whose replicas must decide alike (D5).

use crate::codec::fields;
use crate::limits::TAGGINGS_REMEMBERED;
use anabranch_types::{RequestId, Tags};

/// Of a stream whose tags were changed at least once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Tagging {
    /// The tags; at most [`anabranch_types::limits::TAGS_PER_STREAM_MAX`].
    pub tags: Tags,
    /// The last calls that changed them, oldest first; at most [`TAGGINGS_REMEMBERED`]. One that is
    /// repeated changes nothing, so that it cannot undo what another call did in between (I12).
    pub answered: Vec<RequestId>,
}

fields!(Tagging { tags, answered });

impl Tagging {
    /// Remembers a call, in place of the oldest when there are many.
    pub fn remember(&mut self, request: RequestId) {
        let surplus = (self.answered.len() + 1).saturating_sub(TAGGINGS_REMEMBERED);
        self.answered.drain(..surplus);
        self.answered.push(request);
    }
}
