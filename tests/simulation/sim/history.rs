//! What clients saw, in the order in which they saw it, told to the checker as it happens.

use anabranch_checker::{Checker, Event, FORMAT, Report};
use parking_lot::Mutex;
use std::io::Write;
use std::sync::Arc;

/// Everything that clients saw. Clones are the same history.
#[derive(Clone)]
pub struct History(Arc<Mutex<State>>);

struct State {
    checker: Checker,
    /// Where the lines go beside the checker.
    out: Option<Box<dyn Write + Send>>,
    last_op: u64,
}

impl History {
    /// An empty history; its lines go to `out` as well.
    pub fn new(out: Option<Box<dyn Write + Send>>) -> Self {
        let history = History(Arc::new(Mutex::new(State { checker: Checker::default(), out, last_op: 0 })));
        history.tell(Event::Begin { format: FORMAT });
        history
    }

    /// A number for a put or a read that no other has.
    pub fn next_op(&self) -> u64 {
        let mut state = self.0.lock();
        state.last_op += 1;
        state.last_op
    }

    /// Something happened.
    pub fn tell(&self, event: Event) {
        let mut state = self.0.lock();
        if let Some(out) = &mut state.out {
            let line = serde_json::to_string(&event).expect("events are texts and numbers");
            writeln!(out, "{line}").expect("the history can be written");
        }
        state.checker.take(event);
    }

    /// Whatever is wrong so far, in words.
    pub fn findings(&self) -> Vec<String> {
        self.0.lock().checker.findings().violations.iter().map(ToString::to_string).collect()
    }

    /// The verdict on all of it. Nothing may be told afterwards.
    pub fn finish(&self) -> Report {
        let mut state = self.0.lock();
        if let Some(out) = &mut state.out {
            out.flush().expect("the history can be written");
        }
        std::mem::take(&mut state.checker).finish()
    }
}

/// What the checker tells two records apart by.
pub fn digest(text: &[u8]) -> u64 {
    // FNV-1a.
    text.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
