//! Changes of a stream's settings: the retention that it shows is what its groups keep at least.

use super::{Violation, ensure};
use crate::limits::SETTING_CALLS_REMEMBERED;
use crate::stream::StreamMap;
use anabranch_types::MapVersion;
use anabranch_types::limits::{RECORD_BYTES_DEFAULT, RECORD_BYTES_MAX, RETENTION_DEFAULT, RETENTION_MAX};

pub(super) fn check(stream: &StreamMap) -> Result<(), Violation> {
    let (header, uid) = (&stream.stream, stream.stream.uid);
    let changes = &header.retention_changes;
    let known = changes.last <= header.version && changes.calls.len() <= SETTING_CALLS_REMEMBERED;
    let begun = changes.last > MapVersion(0) || (changes.pending.is_none() && changes.calls.is_empty());
    ensure(known && begun, "a change of a retention is as old as its stream's version at most", || {
        format!("stream {uid} at {}: {changes:?}", header.version)
    })?;
    let few = header.record_size_calls.len() <= SETTING_CALLS_REMEMBERED;
    let size = RECORD_BYTES_DEFAULT..=RECORD_BYTES_MAX;
    ensure(
        few && size.contains(&header.max_record_bytes),
        "a stream's largest record is one that may be asked for",
        || format!("stream {uid}: {} bytes by {} calls", header.max_record_bytes, header.record_size_calls.len()),
    )?;
    let allowed = RETENTION_DEFAULT..=RETENTION_MAX;
    let shown = changes.pending.is_none_or(|pending| allowed.contains(&pending) && header.retention <= pending);
    ensure(shown, "a stream shows no longer retention than its groups keep", || {
        format!("stream {uid} shows {:?}: {changes:?}", header.retention)
    })
}
