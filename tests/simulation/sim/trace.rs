//! What happens in a run, a line for each event: simulated time, node, and what its code told.
//!
//! Our crates tell what they do, turmoil tells of each message. Nothing of it is real time, so that two
//! runs of a seed tell the same.

use parking_lot::Mutex;
use std::collections::VecDeque;
use std::fmt::{self, Write as _};
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Lines that are kept for the report of a failure.
const KEPT_LINES: usize = 400;

/// The trace of the process. Clones are the same trace.
#[derive(Clone)]
pub struct Trace(Arc<Inner>);

struct Inner {
    elapsed_us: AtomicU64,
    spans: AtomicU64,
    state: Mutex<State>,
}

struct State {
    out: Option<Box<dyn Write + Send>>,
    last: VecDeque<String>,
    /// Names of the nodes whose spans were made, by id; turmoil makes one at each tick.
    node: String,
    entered: Vec<(u64, String)>,
}

/// Takes what the process tells from now on; all of it goes to `out`, or the most important of it is kept.
///
/// # Panics
/// When somebody listens already.
pub fn install(out: Option<Box<dyn Write + Send>>) -> Trace {
    let state = State { out, last: VecDeque::new(), node: String::new(), entered: Vec::new() };
    let inner = Inner { elapsed_us: AtomicU64::new(0), spans: AtomicU64::new(1), state: Mutex::new(state) };
    let trace = Trace(Arc::new(inner));
    tracing::subscriber::set_global_default(Listener(trace.clone())).expect("nobody listens yet");
    trace
}

impl Trace {
    /// The simulated time from now on.
    pub fn at(&self, elapsed: Duration) {
        self.0.elapsed_us.store(elapsed.as_micros() as u64, Ordering::Relaxed);
    }

    /// The last lines.
    pub fn last_lines(&self) -> Vec<String> {
        self.0.state.lock().last.iter().cloned().collect()
    }

    /// Everything that was told is written.
    pub fn flush(&self) {
        if let Some(out) = &mut self.0.state.lock().out {
            // Who reads the trace sees that it ends early.
            drop(out.flush());
        }
    }
}

/// The broker's own lines and the simulation's: faults, puts and what became of them.
fn is_ours(target: &str) -> bool {
    target.starts_with("anabranch") || target.starts_with(env!("CARGO_CRATE_NAME"))
}

/// tracing's view of a trace.
struct Listener(Trace);

impl Listener {
    fn inner(&self) -> &Inner {
        &self.0.0
    }
}

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let (target, level) = (metadata.target(), *metadata.level());
        if metadata.is_span() {
            return target.starts_with("turmoil");
        }
        let is_whole = self.inner().state.lock().out.is_some();
        if is_ours(target) {
            return level <= if is_whole { Level::DEBUG } else { Level::INFO };
        }
        target.starts_with("turmoil") && is_whole
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let id = self.inner().spans.fetch_add(1, Ordering::Relaxed);
        let mut line = Line::default();
        span.record(&mut line);
        let name = line.node.unwrap_or_default();
        self.inner().state.lock().entered.push((id, name));
        Id::from_u64(id)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        let elapsed_us = self.inner().elapsed_us.load(Ordering::Relaxed);
        let mut state = self.inner().state.lock();
        let (seconds, millis) = (elapsed_us / 1_000_000, elapsed_us / 1_000 % 1_000);
        let node = if state.node.is_empty() { "-" } else { &state.node };
        let target = event.metadata().target();
        let text = format!("{seconds:>3}.{millis:03} {node} {target}{}", line.text);
        if let Some(out) = &mut state.out {
            drop(writeln!(out, "{text}"));
        }
        if is_ours(target) && *event.metadata().level() <= Level::INFO {
            if state.last.len() == KEPT_LINES {
                state.last.pop_front();
            }
            state.last.push_back(text);
        }
    }

    fn enter(&self, span: &Id) {
        let mut state = self.inner().state.lock();
        let id = span.into_u64();
        if let Some((_, name)) = state.entered.iter().find(|(known, _)| *known == id) {
            state.node = name.clone();
        }
    }

    fn exit(&self, _: &Id) {
        let mut state = self.inner().state.lock();
        state.node.clear();
        state.entered.clear();
    }
}

/// The fields of an event in their order, and the name of a node.
#[derive(Default)]
struct Line {
    text: String,
    node: Option<String>,
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a string does not fail.
        let _written = match field.name() {
            "message" => write!(self.text, " {value:?}"),
            name => write!(self.text, " {name}={value:?}"),
        };
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "name" {
            self.node = Some(value.to_owned());
        }
        self.record_debug(field, &value);
    }
}
