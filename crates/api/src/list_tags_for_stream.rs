//! ListTagsForStream.

use crate::stream_selector::StreamSelector;
use anabranch_types::{TagKey, TagValue};

/// Asks for a page of a stream's tags, by key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListTagsForStream {
    /// Which stream.
    pub stream: StreamSelector,
    /// The page starts after this key, whether the stream has it or not.
    pub after: Option<TagKey>,
    /// Tags on the page, 1..=50, all when absent.
    pub limit: Option<usize>,
}

/// A page of tags, by key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListTagsForStreamOutput {
    /// The page.
    pub tags: Vec<(TagKey, TagValue)>,
    /// Whether tags follow the page.
    pub has_more_tags: bool,
}
