//! What the metadata service counts; docs/METRICS.md lists them.

use metrics::{Unit, counter, describe_counter, describe_histogram, histogram};
use std::time::Duration;

const RESHARD_PAUSE: &str = "anabranch_metadata_reshard_pause_seconds";
const RESHARDS_ABORTED: &str = "anabranch_metadata_reshards_aborted_total";

/// Names and units, once at start.
pub fn describe() {
    describe_histogram!(RESHARD_PAUSE, Unit::Seconds, "from the first seal of a round to its commit");
    describe_counter!(RESHARDS_ABORTED, Unit::Count, "reshards given up before a shard was sealed");
}

pub(crate) fn round_committed(pause: Duration) {
    histogram!(RESHARD_PAUSE).record(pause.as_secs_f64());
}

pub(crate) fn reshard_aborted() {
    counter!(RESHARDS_ABORTED).increment(1);
}
