//! Directories that survive a power loss: a new name is durable only once its parent is synced.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;

/// What a write past the page cache has to be aligned to. Source: open(2), O_DIRECT.
const DIRECT_ALIGN: usize = 4096;

/// Makes `dir` and what it lacks of its ancestors, durably. A no-op when it exists.
pub(crate) fn create(dir: &Path) -> io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    if let Some(parent) = parent(dir) {
        create(parent)?;
    }
    fs::create_dir(dir)?;
    sync_parent(dir)
}

/// Makes the name of `path` durable.
pub(crate) fn sync_parent(path: &Path) -> io::Result<()> {
    match parent(path) {
        Some(parent) => File::open(parent)?.sync_all(),
        None => File::open(".")?.sync_all(),
    }
}

/// The parent directory; `None` for a bare relative name, which lies in the working directory.
fn parent(path: &Path) -> Option<&Path> {
    path.parent().filter(|parent| !parent.as_os_str().is_empty())
}

/// Whether the file system of `dir` takes writes past the page cache: some, mostly in memory or over
/// a network, do not.
pub(crate) fn takes_direct_writes(dir: &Path) -> bool {
    let probe = dir.join("direct-write.probe");
    let flags = OFlags::DIRECT.bits().cast_signed();
    let opened = OpenOptions::new().write(true).create(true).truncate(true).custom_flags(flags).open(&probe);
    let memory = [0u8; 2 * DIRECT_ALIGN];
    let from = memory.as_ptr().align_offset(DIRECT_ALIGN);
    let taken = opened.and_then(|file| file.write_all_at(&memory[from..from + DIRECT_ALIGN], 0)).is_ok();
    // What a crash leaves of it is written over by the next probe.
    let _ = fs::remove_file(probe);
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_ancestors_are_made_and_existing_ones_kept() {
        let temporary = tempfile::tempdir().expect("temporary directory");
        let dir = temporary.path().join("a/b/c");
        create(&dir).expect("made");
        fs::write(dir.join("file"), "kept").expect("written");
        create(&dir).expect("nothing to make");
        assert_eq!(fs::read_to_string(dir.join("file")).expect("readable"), "kept");
    }

    #[test]
    fn a_directory_is_asked_for_direct_writes_and_keeps_nothing_of_it() {
        let temporary = tempfile::tempdir().expect("temporary directory");
        takes_direct_writes(temporary.path());
        assert_eq!(fs::read_dir(temporary.path()).expect("readable").count(), 0);
        assert!(!takes_direct_writes(&temporary.path().join("missing")), "nothing can be written there");
    }

    #[test]
    fn a_file_in_the_way_is_an_error() {
        let temporary = tempfile::tempdir().expect("temporary directory");
        fs::write(temporary.path().join("a"), "a file").expect("written");
        assert!(create(&temporary.path().join("a/b")).is_err());
    }
}
