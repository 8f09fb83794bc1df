//! What the catalog records of changes of a stream's retention.
//!
//! The order of the steps, and why nothing expires early by it: docs/adr/0011-retention.md.

use crate::codec::fields;
use crate::limits::SETTING_CALLS_REMEMBERED;
use anabranch_types::{MapVersion, RequestId};
use std::time::Duration;

/// The last change of a stream's retention, and the calls that made changes. A stream whose
/// retention never changed has the default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionChanges {
    /// The first map version that has the last change: no other change of the stream has the same,
    /// and a later one a higher. 0 before the first.
    pub last: MapVersion,
    /// What the stream's groups are being told; none once all of them know. The stream is
    /// `Updating` meanwhile.
    pub pending: Option<Duration>,
    /// The last calls that changed the retention, oldest first; at most
    /// [`SETTING_CALLS_REMEMBERED`]. Repeated, they get the same answer (I12).
    pub calls: Vec<RequestId>,
}

fields!(RetentionChanges { last, pending, calls });

impl Default for RetentionChanges {
    fn default() -> Self {
        RetentionChanges { last: MapVersion(0), pending: None, calls: Vec::new() }
    }
}

impl RetentionChanges {
    /// With one more change, which groups are to be told.
    pub(crate) fn with(&self, change: MapVersion, retention: Duration, call: RequestId) -> Self {
        RetentionChanges { last: change, pending: Some(retention), calls: remembered(&self.calls, call) }
    }
}

/// `calls` with one more, in place of the oldest when there are many.
pub(crate) fn remembered(calls: &[RequestId], call: RequestId) -> Vec<RequestId> {
    let surplus = (calls.len() + 1).saturating_sub(SETTING_CALLS_REMEMBERED);
    calls[surplus..].iter().copied().chain([call]).collect()
}
