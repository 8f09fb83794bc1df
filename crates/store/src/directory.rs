//! Directories that survive a power loss: a new name is durable only once its parent is synced.

use std::fs::{self, File};
use std::io;
use std::path::Path;

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
    fn a_file_in_the_way_is_an_error() {
        let temporary = tempfile::tempdir().expect("temporary directory");
        fs::write(temporary.path().join("a"), "a file").expect("written");
        assert!(create(&temporary.path().join("a/b")).is_err());
    }
}
