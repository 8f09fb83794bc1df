//! One process at a time: a file that is locked while a directory is used.

use super::DataDirError;
use rustix::fs::FlockOperation;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

pub(super) const LOCK_FILE: &str = "LOCK";
/// The most that is read of a lock's text.
const LOCK_TEXT_BYTES_MAX: u64 = 32;

/// Locks the directory against every other process.
pub(crate) fn lock(path: &Path) -> Result<File, DataDirError> {
    let file_path = path.join(LOCK_FILE);
    let failed = |source| DataDirError::io("lock", &file_path, source);
    let mut file =
        OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&file_path).map_err(failed)?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => {
            return Err(DataDirError::Locked { path: path.to_owned(), pid: pid_in(file) });
        }
        Err(errno) => return Err(failed(errno.into())),
    }
    file.set_len(0).map_err(failed)?;
    writeln!(file, "{}", std::process::id()).map_err(failed)?;
    Ok(file)
}

/// Whether a process uses the directory at `path`. Asking holds the lock for a moment, so that
/// whoever starts there in that moment is refused.
pub(crate) fn is_held(path: &Path) -> Result<bool, DataDirError> {
    let file_path = path.join(LOCK_FILE);
    let failed = |source| DataDirError::io("look at", &file_path, source);
    let file = match File::open(&file_path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(failed(error)),
    };
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => Ok(false),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(true),
        Err(errno) => Err(failed(errno.into())),
    }
}

/// None where the holder is writing its pid right now.
fn pid_in(file: File) -> Option<u32> {
    let mut text = String::new();
    file.take(LOCK_TEXT_BYTES_MAX).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
