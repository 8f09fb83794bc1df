//! The folders of one target: what is kept in the repository, and what searches leave behind outside of it.

use crate::house::House;
use anyhow::Context;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Where corpora are kept, from the root.
const KEPT: &str = "tests/fuzz/corpus";
/// How files begin that libFuzzer writes when a target failed.
const FINDINGS: [&str; 4] = ["crash-", "timeout-", "oom-", "leak-"];
/// The length of a name that libFuzzer gives: a SHA-1 in hexadecimal digits.
const FOUND_NAME_CHARS: usize = 40;

/// The folders, all of which exist.
pub struct Corpus {
    target: String,
    kept: PathBuf,
    /// What searches have found worth going on from; survives them.
    work: PathBuf,
    findings: PathBuf,
}

impl Corpus {
    /// The folders of `target`.
    ///
    /// # Errors
    /// When they cannot be made.
    pub fn of(house: &House, target: &str) -> anyhow::Result<Self> {
        let left = house.target().join("fuzz/searches").join(target);
        let corpus = Self {
            target: target.to_owned(),
            kept: house.root().join(KEPT).join(target),
            work: left.join("inputs"),
            findings: left.join("findings"),
        };
        for folder in [&corpus.kept, &corpus.work, &corpus.findings] {
            fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
        }
        Ok(corpus)
    }

    /// Whose they are.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// What is in the repository.
    pub fn kept(&self) -> &Path {
        &self.kept
    }

    /// Where searches put what they go on from.
    pub fn work(&self) -> &Path {
        &self.work
    }

    /// Where inputs go that made the target fail.
    pub fn findings(&self) -> &Path {
        &self.findings
    }

    /// An empty folder for the outcome of a merge.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn merged(&self) -> anyhow::Result<PathBuf> {
        let merged = self.findings.with_file_name("merged");
        if merged.exists() {
            fs::remove_dir_all(&merged)?;
        }
        fs::create_dir_all(&merged)?;
        Ok(merged)
    }

    /// Whether the target has failed.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn has_findings(&self) -> anyhow::Result<bool> {
        Ok(files(&self.findings)?.iter().any(|path| is_finding(path)))
    }

    /// Moves what made the target fail into the repository; tells where.
    ///
    /// # Errors
    /// When it cannot be moved.
    pub fn take_findings(&self) -> anyhow::Result<Vec<PathBuf>> {
        let mut taken = Vec::new();
        for path in files(&self.findings)?.into_iter().filter(|path| is_finding(path)) {
            let to = self.kept.join(path.file_name().context("a file has a name")?);
            // Two folders may be on two disks.
            fs::copy(&path, &to).with_context(|| format!("write {}", to.display()))?;
            fs::remove_file(&path)?;
            taken.push(to);
        }
        Ok(taken)
    }

    /// Puts the inputs in `merged` in place of those that earlier merges left. What a person or a failure has named
    /// stays. Returns how many inputs there are then, and their bytes.
    ///
    /// # Errors
    /// When a file cannot be read or written.
    pub fn keep(&self, merged: &Path) -> anyhow::Result<(usize, u64)> {
        let (found, named): (Vec<PathBuf>, Vec<PathBuf>) =
            files(&self.kept)?.into_iter().partition(|path| is_found(path));
        let mut contents = named.iter().map(fs::read).collect::<Result<BTreeSet<Vec<u8>>, _>>()?;
        for path in found {
            fs::remove_file(path)?;
        }
        for path in files(merged)? {
            let content = fs::read(&path)?;
            if !contents.contains(&content) {
                fs::write(self.kept.join(path.file_name().context("a file has a name")?), &content)?;
                contents.insert(content);
            }
        }
        Ok((files(&self.kept)?.len(), contents.iter().map(|content| content.len() as u64).sum()))
    }
}

fn files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))? {
        files.push(entry?.path());
    }
    files.sort();
    Ok(files)
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

fn is_finding(path: &Path) -> bool {
    FINDINGS.iter().any(|start| name(path).starts_with(start))
}

/// Whether libFuzzer named it because it reached new code.
fn is_found(path: &Path) -> bool {
    name(path).len() == FOUND_NAME_CHARS && name(path).bytes().all(|letter| letter.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_a_fuzzer_are_told_apart_by_their_names() {
        let found = format!("searches/{}", "a".repeat(FOUND_NAME_CHARS));
        assert!(is_found(Path::new(&found)) && !is_finding(Path::new(&found)));
        for name in ["crash-00ff", "timeout-1", "oom-2"] {
            assert!(is_finding(Path::new(name)) && !is_found(Path::new(name)), "{name}");
        }
        for name in ["slow-unit-00ff", "a-roster", ""] {
            assert!(!is_finding(Path::new(name)) && !is_found(Path::new(name)), "{name}");
        }
    }
}
