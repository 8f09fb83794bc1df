//! A full disk: puts are refused by name, nothing is acknowledged in vain, and the node serves
//! again by itself once there is room (D3).

use crate::small_disk::SmallDisk;
use anabranch_tests::load::{self, Book, Outcome, Writer};
use anabranch_tests::node::{Node, NodeSpec};
use anabranch_tests::{deadline, settings, streams};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

const STREAM: &str = "filling";
const CONNECTIONS: usize = 3;
const KEYS_PER_CONNECTION: usize = 20;
const DATA_BYTES: usize = 10_000;
const DISK_MEBIBYTES: u32 = 1_024;
/// Calls that show that puts are taken.
const CALLS_WITH_ROOM: usize = 100;
/// Refused calls of each proof, so that one lucky moment proves nothing.
const REFUSALS: usize = 30;

#[test]
fn a_disk_filled_by_records_refuses_puts_and_serves_again_with_room() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let Some(disk) = small_disk(folder.path()) else { return };
    let mut filling = Filling::begin(folder.path(), &disk);
    // A sixteenth is left, the node stops at a twentieth: its own records cross the line.
    disk.leave(u64::from(DISK_MEBIBYTES) << 20 >> 4);
    let refused = filling.write_until_refused();
    assert!(refused >= REFUSALS, "only {refused} puts refused; the log:\n{}", filling.node.log());
    let (pid, acknowledged) = (filling.node.pid(), filling.book.len());
    filling.book.check(&filling.node, STREAM);
    disk.drop_ballast();
    filling.write_again();
    assert_eq!(filling.node.pid(), pid, "the node goes on by itself");
    assert!(filling.book.len() > acknowledged);
    filling.kill_and_check();
}

#[test]
fn a_disk_filled_by_others_to_the_last_byte_loses_nothing() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let Some(disk) = small_disk(folder.path()) else { return };
    let mut filling = Filling::begin(folder.path(), &disk);
    disk.fill();
    filling.write_until_refused();
    disk.drop_ballast();
    filling.write_again();
    filling.kill_and_check();
}

/// The disk, or a word about why there is none.
fn small_disk(folder: &Path) -> Option<SmallDisk> {
    let disk = SmallDisk::mount(&folder.join("disk"), DISK_MEBIBYTES);
    disk.map_err(|why| settings::tell(&format!("skipped: the full disk, which needs root: {why}"))).ok()
}

/// A node on a small disk, its writers and what they were acknowledged.
struct Filling {
    spec: NodeSpec,
    node: Node,
    writers: Vec<Writer>,
    book: Book,
}

impl Filling {
    /// Starts a node and writes while there is room.
    fn begin(folder: &Path, disk: &SmallDisk) -> Self {
        let spec = NodeSpec::server(folder, &disk.path().join("data"));
        let node = spec.start();
        streams::create(&mut node.client(), STREAM, 2);
        let writer = |name| Writer::new(name, KEYS_PER_CONNECTION, DATA_BYTES);
        let writers = (0..CONNECTIONS).map(writer).collect();
        let mut filling = Filling { spec, node, writers, book: Book::default() };
        filling.write_with_room();
        filling
    }

    fn write(&mut self, go_on: impl Fn(&Outcome) -> bool + Sync) {
        self.book.merge(load::run(self.node.address(), STREAM, &mut self.writers, go_on));
    }

    /// Every call is acknowledged.
    fn write_with_room(&mut self) {
        let calls = AtomicUsize::new(0);
        self.write(|outcome| {
            assert!(matches!(outcome, Outcome::Acknowledged), "with room: {outcome:?}");
            calls.fetch_add(1, Ordering::Relaxed) < CALLS_WITH_ROOM
        });
        let calls = calls.into_inner();
        assert!(calls > CALLS_WITH_ROOM, "a connection broke after {calls} calls; the log:\n{}", self.node.log());
    }

    /// Until puts are refused as often as the proof wants, or the node ends; returns how often.
    fn write_until_refused(&mut self) -> usize {
        let (refused, failed) = (AtomicUsize::new(0), AtomicUsize::new(0));
        self.write(|outcome| {
            match outcome {
                Outcome::Acknowledged => {}
                Outcome::Refused(status, code) => {
                    assert_eq!((*status, code.as_str()), (503, "ServiceUnavailable"));
                    refused.fetch_add(1, Ordering::Relaxed);
                }
                // Records that were under way when the disk got full: their outcome is unknown.
                Outcome::Partly(codes) => {
                    assert!(codes.iter().all(|code| code == "InternalFailure"), "{codes:?}");
                    failed.fetch_add(1, Ordering::Relaxed);
                }
            }
            refused.load(Ordering::Relaxed) < REFUSALS
        });
        let (refused, failed) = (refused.into_inner(), failed.into_inner());
        settings::tell(&format!(
            "{} records acknowledged, then {refused} puts refused, {failed} of unknown outcome",
            self.book.len()
        ));
        refused
    }

    /// The node takes puts again, and then all of them. One that could not write its state may
    /// have ended, which is a crash to the data: it is started again.
    fn write_again(&mut self) {
        deadline::until("an acknowledged put once the disk has room", || {
            if !self.node.is_alive() {
                self.node = self.spec.start();
            }
            let outcome = self.writers[0].put(&mut self.node.client(), STREAM, &mut self.book);
            matches!(outcome, Ok(Outcome::Acknowledged)).then_some(())
        });
        self.write_with_room();
    }

    fn kill_and_check(self) {
        self.node.kill();
        let node = self.spec.start();
        let read = self.book.check(&node, STREAM);
        settings::tell(&format!("after kill -9: {} records acknowledged, {read} read", self.book.len()));
        node.stop();
    }
}
