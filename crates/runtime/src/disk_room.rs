//! How much room the data disk has, as whoever watches it last saw.
//!
//! Parts that could put off a write ask first: a write that meets a full disk fails for good.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Available bytes of the data disk. Clones share the value; before the first look there is
/// room for everything.
#[derive(Debug, Clone)]
pub struct DiskRoom(Arc<AtomicU64>);

impl DiskRoom {
    /// Nothing is known yet.
    pub fn new() -> Self {
        DiskRoom(Arc::new(AtomicU64::new(u64::MAX)))
    }

    /// `bytes` were available at the last look.
    pub fn set_available(&self, bytes: u64) {
        self.0.store(bytes, Ordering::Relaxed);
    }

    /// Whether `bytes` fitted at the last look.
    pub fn holds(&self, bytes: u64) -> bool {
        bytes <= self.0.load(Ordering::Relaxed)
    }
}

impl Default for DiskRoom {
    fn default() -> Self {
        DiskRoom::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_fits_until_the_disk_was_looked_at() {
        let room = DiskRoom::new();
        assert!(room.holds(u64::MAX));
        room.clone().set_available(10);
        assert!(room.holds(10) && !room.holds(11));
    }
}
