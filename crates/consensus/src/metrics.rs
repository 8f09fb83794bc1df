//! What consensus counts; docs/METRICS.md lists them.

use metrics::{Unit, counter, describe_counter, describe_gauge, gauge};

const MADE: &str = "anabranch_consensus_snapshots_made_total";
const INSTALLED: &str = "anabranch_consensus_snapshots_installed_total";
const INCOMING: &str = "anabranch_consensus_snapshots_incoming";
const SENT: &str = "anabranch_consensus_snapshot_sent_bytes_total";
const RECEIVED: &str = "anabranch_consensus_snapshot_received_bytes_total";
const PIECES_REFUSED: &str = "anabranch_consensus_snapshot_pieces_refused_total";

/// Names and units, once at start.
pub fn describe() {
    describe_counter!(MADE, Unit::Count, "copies of a group's state that were made for lagging replicas");
    describe_counter!(INSTALLED, Unit::Count, "snapshots of other replicas that were installed");
    describe_gauge!(INCOMING, Unit::Count, "snapshots being pulled");
    describe_counter!(SENT, Unit::Bytes, "snapshot bytes that other nodes pulled");
    describe_counter!(RECEIVED, Unit::Bytes, "snapshot bytes that were pulled and found good");
    describe_counter!(PIECES_REFUSED, Unit::Count, "snapshot pieces that were damaged and pulled again");
}

pub(crate) fn snapshot_made() {
    counter!(MADE).increment(1);
}

pub(crate) fn snapshot_installed() {
    counter!(INSTALLED).increment(1);
}

pub(crate) fn snapshot_sent(bytes: usize) {
    counter!(SENT).increment(bytes as u64);
}

pub(crate) fn snapshot_received(bytes: usize) {
    counter!(RECEIVED).increment(bytes as u64);
}

pub(crate) fn snapshot_piece_refused() {
    counter!(PIECES_REFUSED).increment(1);
}

/// A pull that runs; counted until it is dropped.
pub(crate) struct Incoming(());

impl Incoming {
    pub(crate) fn begin() -> Self {
        gauge!(INCOMING).increment(1.0);
        Incoming(())
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        gauge!(INCOMING).decrement(1.0);
    }
}
