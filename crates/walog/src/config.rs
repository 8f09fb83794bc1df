//! Sizes and bounds of the log, with their units.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::error::OpenError;
use crate::layout::{BLOCK_BYTES, SEGMENT_START};

/// Told once, with the reason, that the log is poisoned. The process should exit.
#[derive(Clone)]
pub struct OnPoison(Arc<dyn Fn(&str) + Send + Sync>);

impl OnPoison {
    /// Calls `hook` from the thread that met the error; it must not call the log.
    pub fn new(hook: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(hook))
    }

    pub(crate) fn call(&self, reason: &str) {
        (self.0)(reason);
    }
}

impl fmt::Debug for OnPoison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnPoison")
    }
}

/// How a log is laid out and bounded. `Options::default()` suits a server's data disk.
#[derive(Debug, Clone)]
pub struct Options {
    /// Size of a new segment in bytes, a multiple of 4096. Segments of other sizes stay readable.
    pub segment_bytes: u64,
    /// Prepared segments that only votes, truncations, purges and commit marks may enter (and all but
    /// the last of them [`crate::GroupLog::append_reserved`]), so that these go on while the disk is
    /// full: at least `segment_bytes / 4096 - 2` batches of them each.
    pub reserved_segments: u32,
    /// A batch is closed when it holds so many bytes; a larger entry gets a batch of its own.
    pub batch_bytes_max: u64,
    /// `append` blocks while so many bytes wait to become durable.
    pub queue_bytes_max: u64,
    /// Largest entry body in bytes; at most half a segment.
    pub entry_bytes_max: u64,
    /// Entry bodies kept in memory, in bytes, over all groups. What waits to be written comes on top.
    pub cache_bytes: u64,
    /// Old segments are kept for reuse up to so many bytes, unless the disk is short of room
    /// ([`crate::Walog::set_short_of_room`]): one that is removed instead has to be filled with
    /// zeros again. The reserve is kept anyway.
    pub spare_bytes_max: u64,
    /// A segment is prepared only while so many bytes stay available on the disk: they belong to
    /// whoever has to write before the log can be purged, and to purges, votes and truncations once
    /// the reserve is used up.
    pub keep_free_bytes: u64,
    /// The log's files together take at most so many bytes; a group that purges late pins no more.
    /// Only purges, votes and truncations go beyond, a segment at a time, once the reserve is used up.
    pub quota_bytes: u64,
    /// The log is long from so many bytes on ([`crate::GroupLog::is_long`]): segments that are given up in
    /// time are written again without being filled with zeros first, and opening a log reads all of it.
    pub long_bytes: u64,
    /// After so much idleness an empty batch is written: it proves that the last batch was synced.
    pub witness_after: Duration,
    /// A random number, used when the log is first made: it enters every checksum, so that no
    /// record can be shaped to look like a frame.
    pub salt: u64,
    /// Told when the log is poisoned.
    pub on_poison: Option<OnPoison>,
    /// A mistake for the simulation to find.
    #[cfg(feature = "planted-bugs")]
    pub planted: Option<crate::planted::Bug>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            reserved_segments: 2,
            batch_bytes_max: 4 << 20,
            queue_bytes_max: 32 << 20,
            entry_bytes_max: 24 << 20,
            cache_bytes: 64 << 20,
            spare_bytes_max: 1 << 30,
            keep_free_bytes: 0,
            quota_bytes: 16 << 30,
            long_bytes: 1 << 30,
            witness_after: Duration::from_millis(50),
            salt: 0,
            on_poison: None,
            #[cfg(feature = "planted-bugs")]
            planted: None,
        }
    }
}

impl Options {
    pub(crate) fn check(&self) -> Result<(), OpenError> {
        if !self.segment_bytes.is_multiple_of(BLOCK_BYTES) || self.segment_bytes < SEGMENT_START + 4 * BLOCK_BYTES {
            return Err(OpenError::Options("segment_bytes must be a multiple of 4096 and at least 20480"));
        }
        if self.segment_bytes > u64::from(u32::MAX) {
            return Err(OpenError::Options("segment_bytes must fit 32 bits"));
        }
        if self.entry_bytes_max > self.segment_bytes / 2 {
            return Err(OpenError::Options("entry_bytes_max must be at most half of segment_bytes"));
        }
        if self.quota_bytes / self.segment_bytes < u64::from(self.reserved_segments) + 2 {
            return Err(OpenError::Options("quota_bytes must hold the reserved segments and two more"));
        }
        Ok(())
    }

    /// Spare segments kept ready: the reserve and the next one.
    pub(crate) fn spares_wanted(&self) -> usize {
        self.reserved_segments as usize + 1
    }
}
