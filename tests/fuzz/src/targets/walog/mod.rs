//! The shared log: what it makes of segments that it did not write, or that were damaged since.

mod damage;
mod format;
mod observe;
mod segments;

pub use damage::damage;
pub use segments::segments;

use anabranch_walog::Options;
use std::path::PathBuf;
use std::time::Duration;

/// Where the log lies.
const DIR: &str = "/log";
/// Enters every checksum.
const SALT: u64 = 0x5a17;
/// The smallest that the log takes: a header and seven blocks.
const SEGMENT_BYTES: u64 = 8 * 4096;

fn options() -> Options {
    Options {
        segment_bytes: SEGMENT_BYTES,
        reserved_segments: 1,
        batch_bytes_max: 4096,
        entry_bytes_max: 4096,
        // Bodies are read from the disk.
        cache_bytes: 0,
        spare_bytes_max: 0,
        quota_bytes: 1 << 30,
        witness_after: Duration::from_secs(1),
        salt: SALT,
        ..Options::default()
    }
}

fn segment_path(number: u64) -> PathBuf {
    PathBuf::from(format!("{DIR}/segment-{number:016x}.log"))
}
