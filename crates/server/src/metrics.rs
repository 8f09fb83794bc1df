//! What the assembly itself counts: the shared log, which counts without naming metrics.

use anabranch_walog::Counters;
use metrics::counter;

/// The shared log has done this much since it was opened.
pub(crate) fn log_worked(counters: Counters) {
    counter!("anabranch_log_syncs_total").absolute(counters.syncs);
    counter!("anabranch_log_written_bytes_total").absolute(counters.bytes_written);
    counter!("anabranch_log_disk_reads_total").absolute(counters.disk_reads);
}
