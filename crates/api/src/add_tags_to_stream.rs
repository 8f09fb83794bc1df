//! AddTagsToStream.

use crate::stream_selector::StreamSelector;
use anabranch_types::Tags;

/// Writes tags on a stream; one whose key the stream has replaces it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddTagsToStream {
    /// Which stream.
    pub stream: StreamSelector,
    /// What it gets, at least one.
    pub tags: Tags,
}
