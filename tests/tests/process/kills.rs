//! kill -9 under load: what was acknowledged is there after the restart, once, at its number (I1,
//! I2, I3).

use anabranch_tests::load::{self, Book, Outcome, Writer};
use anabranch_tests::node::NodeSpec;
use anabranch_tests::{deadline, settings, streams};
use std::sync::atomic::{AtomicU64, Ordering};

const STREAM: &str = "kills";
const CONNECTIONS: usize = 4;
const KEYS_PER_CONNECTION: usize = 25;
const SHARDS: u32 = 4;

#[test]
fn every_acknowledged_record_is_read_back_after_kill_9_under_load() {
    let kills = settings::number("ANABRANCH_KILLS", 20);
    let folder = tempfile::tempdir().expect("a temporary directory");
    let spec = NodeSpec::dev(folder.path(), &["--no-limits"]);
    let mut node = spec.start();
    streams::create(&mut node.client(), STREAM, SHARDS);
    let mut writers: Vec<_> = (0..CONNECTIONS).map(|name| Writer::new(name, KEYS_PER_CONNECTION, 100)).collect();
    let mut book = Book::default();
    for round in 0..kills {
        let acknowledged_calls = AtomicU64::new(0);
        // Each round is killed at another moment, and the first ones soon after the start.
        let calls_before_kill = 1 + round * 7;
        let address = node.address();
        let of_round = std::thread::scope(|scope| {
            let load = scope.spawn(|| {
                load::run(address, STREAM, &mut writers, |outcome| {
                    assert!(matches!(outcome, Outcome::Acknowledged), "round {round}: {outcome:?}");
                    acknowledged_calls.fetch_add(1, Ordering::Relaxed);
                    true
                })
            });
            deadline::until("acknowledged calls", || {
                let enough = acknowledged_calls.load(Ordering::Relaxed) >= calls_before_kill;
                (enough || load.is_finished()).then_some(())
            });
            node.kill();
            load.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        book.merge(of_round);
        node = spec.start();
    }
    let read = book.check(&node, STREAM);
    settings::tell(&format!(
        "{kills} kills: {} records acknowledged and read back, {} of unknown outcome, {read} read in all",
        book.len(),
        book.unknown()
    ));
    node.stop();
}
