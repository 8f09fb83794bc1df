//! ListStreams.

use crate::describe_stream::StreamStatus;
use anabranch_types::{StreamArn, StreamName, Timestamp};

/// Asks for a page of the account's streams, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListStreams {
    /// Names on the page, 1..=10,000, 100 when absent.
    pub limit: Option<usize>,
    /// The page starts after this name.
    pub after: Option<StreamName>,
    /// The page starts where this token says, or after `after` when that is later.
    pub next_token: Option<String>,
}

/// One stream of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamSummary {
    /// Name, account and region.
    pub arn: StreamArn,
    /// Where it stands in its life.
    pub status: StreamStatus,
    /// When it was created.
    pub created: Timestamp,
}

/// A page of streams, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListStreamsOutput {
    /// The page.
    pub streams: Vec<StreamSummary>,
    /// Present when streams follow the page.
    pub next_token: Option<String>,
}
