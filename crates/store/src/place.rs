//! Which of a group's directories holds its state.
//!
//! ```text
//! <name>             the first one
//! <name>.<number>    those that came as snapshots of other replicas, from 1 on
//! <name>.state       which of them counts; without it, the first one
//! <name>.state.new   that file in the making
//! ```
//! A received copy is moved to a directory of its own, which counts from the moment on at which
//! `.state` names it: one rename, so that a crash leaves the old state or the new one. Never the
//! other way round: nothing is deleted unless the directory that counts is there (D8).

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::directory;

/// First line of the file that names the directory: its format and version.
const HEADING: &str = "anabranch state 1";

/// What there is of one group's state cannot be told, or not be changed. Nothing was deleted.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// The disk failed.
    #[error("cannot {action} {path}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the disk said.
        #[source]
        source: io::Error,
    },
    /// The file that names the directory is damaged or of a newer format (D15).
    #[error("{path} does not name a state directory in a way that this build reads ({HEADING:?})")]
    Unreadable {
        /// The file.
        path: PathBuf,
    },
    /// The directory that counts is gone, while others are there.
    #[error("{counts} holds the state but is not there, and {other} is: restore the directory from a backup")]
    Lost {
        /// The directory that counts.
        counts: PathBuf,
        /// One that does not.
        other: PathBuf,
    },
}

/// The directories of one group.
#[derive(Debug, Clone)]
pub struct StatePlace {
    parent: PathBuf,
    name: String,
}

impl StatePlace {
    /// The place whose first directory is `parent`/`name`.
    pub fn new(parent: &Path, name: &str) -> Self {
        StatePlace { parent: parent.to_owned(), name: name.to_owned() }
    }

    /// The directory that counts; it need not be there yet. Removes what a crash left of others.
    ///
    /// # Errors
    /// [`PlaceError`].
    pub fn open(&self) -> Result<PathBuf, PlaceError> {
        let counts = self.counting()?;
        let others: Vec<PathBuf> = self.directories()?.into_iter().filter(|dir| *dir != counts).collect();
        match others.first() {
            Some(other) if !counts.is_dir() => return Err(PlaceError::Lost { counts, other: other.clone() }),
            Some(_) | None => {}
        }
        for other in &others {
            fs::remove_dir_all(other).map_err(|source| failed("remove", other, source))?;
            tracing::info!(dir = %other.display(), "removed a state directory that does not count");
        }
        Ok(counts)
    }

    /// Moves `copy` to a directory that does not count yet, and answers which.
    ///
    /// # Errors
    /// [`PlaceError`].
    pub fn take_in(&self, copy: &Path) -> Result<PathBuf, PlaceError> {
        let newest = self.directories()?.iter().filter_map(|dir| self.number(dir)).max().unwrap_or(0);
        let dir = self.parent.join(format!("{}.{}", self.name, newest + 1));
        fs::rename(copy, &dir).map_err(|source| failed("rename", copy, source))?;
        directory::sync_parent(&dir).map_err(|source| failed("sync the parent of", &dir, source))?;
        Ok(dir)
    }

    /// From now on `dir` counts: durable when this returns.
    ///
    /// # Errors
    /// [`PlaceError`]; which directory counts is then known at the next start.
    pub fn commit(&self, dir: &Path) -> Result<(), PlaceError> {
        let name = dir.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let content = content(name);
        let (new, pointer) = (self.pointer().with_extension("state.new"), self.pointer());
        let write = || {
            let mut file = File::create(&new)?;
            file.write_all(content.as_bytes())?;
            file.sync_all()
        };
        write().map_err(|source| failed("write", &new, source))?;
        fs::rename(&new, &pointer).map_err(|source| failed("rename", &new, source))?;
        directory::sync_parent(&pointer).map_err(|source| failed("sync the parent of", &pointer, source))
    }

    /// Deletes all of it, for good. Repeating it does no harm.
    ///
    /// # Errors
    /// [`PlaceError`]; what is left is for the next try.
    pub fn remove(&self) -> Result<(), PlaceError> {
        for dir in self.directories()? {
            fs::remove_dir_all(&dir).map_err(|source| failed("remove", &dir, source))?;
        }
        let pointer = self.pointer();
        match fs::remove_file(&pointer) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed("remove", &pointer, error)),
            Ok(()) | Err(_) => {}
        }
        directory::sync_parent(&pointer).map_err(|source| failed("sync the parent of", &pointer, source))
    }

    fn pointer(&self) -> PathBuf {
        self.parent.join(format!("{}.state", self.name))
    }

    fn counting(&self) -> Result<PathBuf, PlaceError> {
        let path = self.pointer();
        let content_there = match fs::read_to_string(&path) {
            Ok(content) => content,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(self.parent.join(&self.name)),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => return Err(PlaceError::Unreadable { path }),
            Err(source) => return Err(failed("read", &path, source)),
        };
        let name = content_there.lines().nth(1).unwrap_or_default();
        let dir = self.parent.join(name);
        let is_beside = !name.contains('/') && self.number(&dir).is_some();
        if content_there != content(name) || !is_beside {
            return Err(PlaceError::Unreadable { path });
        }
        Ok(dir)
    }

    /// All directories there are, whether they count or not.
    fn directories(&self) -> Result<Vec<PathBuf>, PlaceError> {
        let unreadable = |source| failed("list", &self.parent, source);
        let entries = match fs::read_dir(&self.parent) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(unreadable(source)),
        };
        let mut found = Vec::new();
        for entry in entries {
            let path = entry.map_err(unreadable)?.path();
            if self.number(&path).is_some() && path.is_dir() {
                found.push(path);
            }
        }
        Ok(found)
    }

    /// The number of a directory of this place; 0 is the first one's.
    fn number(&self, dir: &Path) -> Option<u64> {
        let name = dir.file_name()?.to_str()?;
        let rest = name.strip_prefix(self.name.as_str())?;
        if rest.is_empty() {
            return Some(0);
        }
        let digits = rest.strip_prefix('.').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
        digits.parse().ok()
    }
}

/// What names the directory `name`: heading, name, crc32c of both lines as 8 hex digits.
fn content(name: &str) -> String {
    let lines = format!("{HEADING}\n{name}\n");
    format!("{lines}{:08x}\n", crc32c::crc32c(lines.as_bytes()))
}

fn failed(action: &'static str, path: &Path, source: io::Error) -> PlaceError {
    PlaceError::Io { action, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> (tempfile::TempDir, StatePlace) {
        let temporary = tempfile::tempdir().expect("temporary directory");
        let place = StatePlace::new(temporary.path(), "00001");
        state(&temporary.path().join("00001"), "old");
        (temporary, place)
    }

    fn state(dir: &Path, content: &str) {
        fs::create_dir(dir).expect("new");
        fs::write(dir.join("state"), content).expect("written");
    }

    fn shown(place: &StatePlace) -> String {
        fs::read_to_string(place.open().expect("opens").join("state")).expect("a whole state")
    }

    /// A received copy beside the state.
    fn received(parent: &Path) -> PathBuf {
        let copy = parent.join("received");
        state(&copy, "new");
        copy
    }

    #[test]
    fn a_copy_that_was_taken_in_counts_once_it_is_committed() {
        let (temporary, place) = place();
        let dir = place.take_in(&received(temporary.path())).expect("taken in");
        place.commit(&dir).expect("committed");
        assert_eq!(shown(&place), "new");
        assert!(!temporary.path().join("00001").exists(), "the old state is removed");
        let next = place.take_in(&received(temporary.path())).expect("taken in");
        assert_ne!(next, dir);
        place.commit(&next).expect("committed");
        assert_eq!((shown(&place).as_str(), place.open().expect("opens")), ("new", next));
    }

    #[test]
    fn a_crash_between_any_two_steps_leaves_the_old_state_or_the_new_one() {
        // Before the copy was moved, after it was, while its name was written, before the rename.
        for steps in 0..4 {
            let (temporary, place) = place();
            let copy = received(temporary.path());
            if steps >= 1 {
                let dir = place.take_in(&copy).expect("taken in");
                let name = content(dir.file_name().expect("named").to_str().expect("text"));
                let written = match steps {
                    1 => None,
                    2 => Some(&name[..name.len() / 2]),
                    _ => Some(name.as_str()),
                };
                if let Some(text) = written {
                    fs::write(temporary.path().join("00001.state.new"), text).expect("written");
                }
            }
            assert_eq!(shown(&place), "old", "after {steps} steps");
            assert!(!temporary.path().join("00001.1").exists(), "what does not count is removed");
            // And the next copy finds its way.
            let copy = if copy.exists() { copy } else { received(temporary.path()) };
            let dir = place.take_in(&copy).expect("taken in");
            place.commit(&dir).expect("committed");
            assert_eq!(shown(&place), "new");
        }
    }

    #[test]
    fn nothing_is_removed_while_the_directory_that_counts_is_not_there() {
        let (temporary, place) = place();
        fs::rename(temporary.path().join("00001"), temporary.path().join("00001.7")).expect("renamed");
        let refusal = place.open().expect_err("the pointer is lost");
        assert!(matches!(refusal, PlaceError::Lost { .. }), "{refusal}");
        assert!(temporary.path().join("00001.7").exists());
    }

    #[test]
    fn a_damaged_or_newer_name_is_refused() {
        let (temporary, place) = place();
        let good = content("00001.1");
        for position in 0..good.len() {
            let mut bad = good.clone().into_bytes();
            bad[position] ^= 1;
            fs::write(place.pointer(), bad).expect("written");
            assert!(matches!(place.open(), Err(PlaceError::Unreadable { .. })), "flip at byte {position}");
        }
        for elsewhere in ["../00001.1", "00002.1", ""] {
            fs::write(place.pointer(), content(elsewhere)).expect("written");
            assert!(matches!(place.open(), Err(PlaceError::Unreadable { .. })), "{elsewhere}");
        }
        assert!(temporary.path().join("00001").exists());
    }

    #[test]
    fn directories_of_other_groups_and_other_files_are_left_alone() {
        let (temporary, place) = place();
        for other in ["00001.incoming", "00001.outgoing", "00002", "00002.1", "000011"] {
            state(&temporary.path().join(other), "other");
        }
        let dir = place.take_in(&received(temporary.path())).expect("taken in");
        place.commit(&dir).expect("committed");
        assert_eq!(shown(&place), "new");
        for other in ["00001.incoming", "00001.outgoing", "00002", "00002.1", "000011"] {
            assert!(temporary.path().join(other).exists(), "{other}");
        }
    }

    #[test]
    fn a_new_place_is_its_first_directory() {
        let temporary = tempfile::tempdir().expect("temporary directory");
        let place = StatePlace::new(&temporary.path().join("groups"), "00001");
        assert_eq!(place.open().expect("nothing is there"), temporary.path().join("groups/00001"));
    }
}
