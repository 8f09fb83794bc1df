//! What searches have found, given to the targets again.

use anabranch_fuzz::{TARGETS, Target, target};
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

/// All corpora together, in bytes: they are in the repository, and every test run reads them.
const CORPORA_BYTES_MAX: u64 = 1 << 20;

fn corpora() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

/// The files of a folder by name, folders among them.
fn listing(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a folder can be listed").path()).collect();
    paths.sort();
    paths
}

/// The inputs with which `target` fails.
fn failures(target: &Target) -> Vec<String> {
    let inputs = listing(&corpora().join(target.name));
    assert!(!inputs.is_empty(), "{} has no inputs: cargo xtask fuzz --grow {0}", target.name);
    let failing = inputs.iter().filter(|path| {
        let bytes = fs::read(path).expect("an input can be read");
        catch_unwind(|| (target.run)(&bytes)).is_err()
    });
    failing.map(|path| path.display().to_string()).collect()
}

#[test]
fn every_input_that_was_ever_found_passes_its_target() {
    let failing: Vec<String> = TARGETS.iter().flat_map(failures).collect();
    assert!(failing.is_empty(), "what failed is told above; the inputs: {failing:#?}");
}

#[test]
fn every_folder_of_the_corpus_has_a_target() {
    for folder in listing(&corpora()) {
        let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        assert!(target(name).is_some(), "{} belongs to no target", folder.display());
    }
}

#[test]
fn targets_have_names_of_their_own() {
    let mut names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), TARGETS.len());
}

#[test]
fn the_corpora_stay_small() {
    let inputs = TARGETS.iter().flat_map(|target| listing(&corpora().join(target.name)));
    let bytes: u64 = inputs.map(|path| path.metadata().expect("an input has a length").len()).sum();
    assert!(bytes <= CORPORA_BYTES_MAX, "{bytes} bytes, at most {CORPORA_BYTES_MAX}");
}
