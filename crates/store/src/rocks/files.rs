//! The files of a store, which may go with it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// A store's directory. To be dropped after the engine is closed.
#[derive(Debug)]
pub(super) struct Files {
    dir: PathBuf,
    unwanted: AtomicBool,
}

impl Files {
    pub(super) fn in_dir(dir: &Path) -> Self {
        Files { dir: dir.to_owned(), unwanted: AtomicBool::new(false) }
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn remove_on_drop(&self) {
        self.unwanted.store(true, Ordering::Release);
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        if !self.unwanted.load(Ordering::Acquire) {
            return;
        }
        if let Err(error) = std::fs::remove_dir_all(&self.dir) {
            tracing::warn!(dir = %self.dir.display(), %error, "a replaced state stays on disk until the next start");
        }
    }
}
