//! How much room the data disk has.
//!
//! Parts that could put off a write ask first: a write that meets a full disk fails for good.

use crate::fs::Fs;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// The disk of one directory. Clones look at the same; before [`DiskRoom::look_at`] there is room
/// for everything.
#[derive(Clone, Default)]
pub struct DiskRoom(Arc<OnceLock<(Arc<dyn Fs>, PathBuf)>>);

impl DiskRoom {
    /// Nothing is known yet.
    pub fn new() -> Self {
        DiskRoom::default()
    }

    /// Looks at the disk that holds `dir` from now on; only the first call counts.
    pub fn look_at(&self, fs: &Arc<dyn Fs>, dir: &Path) {
        self.0.get_or_init(|| (Arc::clone(fs), dir.to_owned()));
    }

    /// Whether `bytes` fit now. A disk that cannot be looked at has none.
    pub fn holds(&self, bytes: u64) -> bool {
        let Some((fs, dir)) = self.0.get() else { return true };
        fs.available_bytes(dir).is_ok_and(|available| bytes <= available)
    }
}

impl fmt::Debug for DiskRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DiskRoom").field(&self.0.get().map(|(_, dir)| dir)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::StdFs;

    #[test]
    fn everything_fits_until_there_is_a_disk_to_look_at() {
        let room = DiskRoom::new();
        assert!(room.holds(u64::MAX));
        let dir = tempfile::tempdir().expect("temporary directory");
        let fs: Arc<dyn Fs> = Arc::new(StdFs);
        room.clone().look_at(&fs, dir.path());
        assert!(room.holds(1) && !room.holds(u64::MAX));
    }
}
