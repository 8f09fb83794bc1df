//! RemoveTagsFromStream.

use crate::stream_selector::StreamSelector;
use anabranch_types::TagKey;
use std::collections::BTreeSet;

/// Takes tags off a stream. Keys that it does not have are passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoveTagsFromStream {
    /// Which stream.
    pub stream: StreamSelector,
    /// Of the tags that go, at least one.
    pub keys: BTreeSet<TagKey>,
}
