//! When a load counts and when it ends.

use crate::args::Args;
use anyhow::ensure;
use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// How long an answer may come late before nobody waits for it.
pub const GRACE: Duration = Duration::from_secs(1);

/// How long a run of so many bytes may take.
const TOTAL_PATIENCE: Duration = Duration::from_secs(600);

/// The time of one run, shared by its connections.
/// `begins_at <= counts_from <= ends_at`.
#[derive(Debug, Clone)]
pub struct Window {
    begins_at: Instant,
    counts_from: Instant,
    ends_at: Instant,
    /// Record bytes after which the run ends, and those acknowledged so far.
    bytes_max: Option<u64>,
    bytes: Rc<Cell<u64>>,
}

impl Window {
    /// A run of `--seconds` behind `--warm-up-seconds`, or of `--total-bytes`.
    ///
    /// # Errors
    /// When there is neither.
    pub fn open(args: &Args) -> anyhow::Result<Window> {
        let seconds: f64 = args.value_or("seconds", 0.0)?;
        let warm_up: f64 = args.value_or("warm-up-seconds", 0.0)?;
        let bytes: u64 = args.value_or("total-bytes", 0)?;
        ensure!((seconds > 0.0) != (bytes > 0), "give --seconds or --total-bytes");
        let length = if bytes > 0 { TOTAL_PATIENCE } else { Duration::from_secs_f64(seconds) };
        let begins_at = Instant::now();
        let counts_from = begins_at + Duration::from_secs_f64(warm_up);
        let bytes_max = (bytes > 0).then_some(bytes);
        Ok(Window { begins_at, counts_from, ends_at: counts_from + length, bytes_max, bytes: Rc::default() })
    }

    /// When the warm-up begins.
    pub fn begins_at(&self) -> Instant {
        self.begins_at
    }

    /// When the measured time begins.
    pub fn counts_from(&self) -> Instant {
        self.counts_from
    }

    /// When nothing more is sent.
    pub fn ends_at(&self) -> Instant {
        self.ends_at
    }

    /// Whether another request may be sent.
    pub fn is_open(&self) -> bool {
        Instant::now() < self.ends_at && self.bytes_max.is_none_or(|max| self.bytes.get() < max)
    }

    /// Whether an answer that came now counts.
    pub fn counts(&self) -> bool {
        let now = Instant::now();
        now >= self.counts_from && (now < self.ends_at || self.bytes_max.is_some())
    }

    /// When an unanswered request is given up, so that one slow server does not hold up a bench.
    pub fn gives_up_at(&self) -> tokio::time::Instant {
        (self.ends_at + GRACE).into()
    }

    /// Record bytes were acknowledged.
    pub fn add_bytes(&self, bytes: u64) {
        self.bytes.set(self.bytes.get() + bytes);
    }

    /// How long was measured, once it is over.
    pub fn measured(&self) -> Duration {
        let end = if self.bytes_max.is_some() { Instant::now() } else { self.ends_at.min(Instant::now()) };
        end.saturating_duration_since(self.counts_from)
    }
}
