//! What the storage role counts; docs/METRICS.md lists them.

use anabranch_cluster::{PutReply, RecordFate};
use anabranch_types::GroupId;
use metrics::{Unit, counter, describe_counter, describe_gauge, gauge};

const PUT_ENTRIES: &str = "anabranch_storage_put_entries_total";
const PUT_BYTES: &str = "anabranch_storage_put_bytes_total";
const RECORDS_STORED: &str = "anabranch_storage_records_stored_total";
const RECORDS_REFUSED: &str = "anabranch_storage_records_refused_total";
const RECORDS_READ: &str = "anabranch_storage_records_read_total";
const READ_BYTES: &str = "anabranch_storage_read_bytes_total";
const READS_THROTTLED: &str = "anabranch_storage_reads_throttled_total";
const UNFLUSHED: &str = "anabranch_storage_unflushed_bytes";

/// Names and units, once at start.
pub fn describe() {
    describe_counter!(PUT_ENTRIES, Unit::Count, "put commands that were applied, of one call or several");
    describe_counter!(PUT_BYTES, Unit::Bytes, "bytes of put commands that were applied");
    describe_counter!(RECORDS_STORED, Unit::Count, "records acknowledged");
    describe_counter!(RECORDS_REFUSED, Unit::Count, "records not written, by reason");
    describe_counter!(RECORDS_READ, Unit::Count, "records answered to readers");
    describe_counter!(READ_BYTES, Unit::Bytes, "data and key bytes answered to readers");
    describe_counter!(READS_THROTTLED, Unit::Count, "read calls refused by a shard's limits");
    describe_gauge!(UNFLUSHED, Unit::Bytes, "applied bytes that only the log holds, by group");
}

pub(crate) fn entry_applied(bytes: usize) {
    counter!(PUT_ENTRIES).increment(1);
    counter!(PUT_BYTES).increment(bytes as u64);
}

pub(crate) fn put_fates(reply: &PutReply) {
    let (mut stored, mut throttled, mut misrouted) = (0, 0, 0);
    for fate in reply.fates.iter().flatten() {
        match fate {
            RecordFate::Stored { .. } => stored += 1,
            RecordFate::Throttled { .. } => throttled += 1,
            RecordFate::Closed | RecordFate::Misrouted | RecordFate::TooOld => misrouted += 1,
        }
    }
    counter!(RECORDS_STORED).increment(stored);
    if throttled > 0 {
        counter!(RECORDS_REFUSED, "reason" => "throttled").increment(throttled);
    }
    if misrouted > 0 {
        counter!(RECORDS_REFUSED, "reason" => "misrouted").increment(misrouted);
    }
}

pub(crate) fn read_answered(records: usize, bytes: u64) {
    counter!(RECORDS_READ).increment(records as u64);
    counter!(READ_BYTES).increment(bytes);
}

pub(crate) fn read_throttled() {
    counter!(READS_THROTTLED).increment(1);
}

pub(crate) fn unflushed(group: GroupId, bytes: u64) {
    gauge!(UNFLUSHED, "group" => group.to_string()).set(bytes as f64);
}
