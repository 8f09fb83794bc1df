use super::*;
use anabranch_runtime::SeededRandom;
use anabranch_types::{ClusterId, NodeId, ReplicaId};
use std::os::unix::fs::PermissionsExt;
use tempfile::TempDir;

fn scratch() -> TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

fn open(path: &Path, seed: u64) -> Result<DataDir, DataDirError> {
    DataDir::open(path, &SeededRandom::new(seed))
}

/// The error of a directory whose identity file holds `text`.
fn error_of(text: &str) -> DataDirError {
    let scratch = scratch();
    fs::write(scratch.path().join(IDENTITY_FILE), text).expect("written");
    open(scratch.path(), 1).expect_err(text)
}

#[test]
fn a_directory_keeps_the_identity_of_its_first_start() {
    let scratch = scratch();
    let path = scratch.path().join("not/there/yet");
    let first = *open(&path, 1).expect("made").identity();
    let second = *open(&path, 2).expect("opened again").identity();
    assert_eq!((first, first.node), (second, NodeId(1)));
}

#[test]
fn a_directory_that_joins_is_the_same_one_however_often_it_asks() {
    let scratch = scratch();
    let asking = |seed: u64| {
        let Opened::Empty(directory) = Opened::at(scratch.path()).expect("locked") else { panic!("no identity yet") };
        (directory.incarnation(&SeededRandom::new(seed)).expect("made"), directory)
    };
    let (first, directory) = asking(1);
    drop(directory);
    let (incarnation, directory) = asking(2);
    assert_eq!(incarnation, first);
    let joined = Identity { cluster: ClusterId(9), node: NodeId(4), incarnation, metadata_replica: ReplicaId(17) };
    drop(directory.become_of(joined).expect("written"));
    let Opened::Member(directory) = Opened::at(scratch.path()).expect("opened") else { panic!("it has an identity") };
    assert_eq!((*directory.identity(), directory.identity().is_founder()), (joined, false));
}

#[test]
fn a_new_directory_is_for_its_user_only() {
    let scratch = scratch();
    let path = scratch.path().join("data");
    let _open = open(&path, 1).expect("made");
    let mode = fs::metadata(&path).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn a_file_in_the_place_of_the_directory_is_refused() {
    let scratch = scratch();
    let path = scratch.path().join("data");
    fs::write(&path, "x").expect("written");
    assert!(matches!(open(&path, 1), Err(DataDirError::Io { .. })));
}

#[test]
fn two_directories_are_never_the_same() {
    let (left, right) = (scratch(), scratch());
    let left = *open(left.path(), 1).expect("made").identity();
    let right = *open(right.path(), 2).expect("made").identity();
    assert!(left.cluster != right.cluster && left.incarnation != right.incarnation);
}

#[test]
fn a_second_process_is_refused_with_the_pid_of_the_first() {
    let scratch = scratch();
    let held = open(scratch.path(), 1).expect("made");
    let error = open(scratch.path(), 1).expect_err("it is locked");
    let pid = std::process::id();
    assert_eq!(error.to_string(), format!("directory {} is locked by pid {pid}", scratch.path().display()));
    drop(held);
    assert!(open(scratch.path(), 1).is_ok());
}

#[test]
fn a_directory_that_is_left_to_the_end_stays_locked() {
    let scratch = scratch();
    open(scratch.path(), 1).expect("made").keep_locked_to_the_end();
    assert!(matches!(open(scratch.path(), 1), Err(DataDirError::Locked { .. })));
}

#[test]
fn a_newer_format_is_refused_with_both_versions() {
    let error = error_of("format = 7\nsomething_new = true\n");
    assert!(matches!(error, DataDirError::NewerFormat { found: 7, known: FORMAT_VERSION, .. }), "{error}");
    assert!(error.to_string().contains("has format 7, this program knows up to 2"), "{error}");
}

#[test]
fn a_damaged_identity_is_refused_and_never_replaced() {
    let hex = "0".repeat(32);
    let whole = format!("format = 1\ncluster_id = \"{hex}\"\nnode_id = 1\nincarnation = \"{hex}\"\n");
    for damaged in [
        String::new(),
        "format".to_owned(),
        whole.replace("format = 1", "format = 0"),
        whole.replace("format = 1", "format = 2"),
        format!("{whole}metadata_replica = 4\n"),
        format!("{}metadata_replica = 0\n", whole.replace("format = 1", "format = 2")),
        whole.replace("node_id = 1", "node_id = 0"),
        whole.replace("node_id = 1", ""),
        whole.replacen(&hex, "+0", 1),
        whole.replacen(&hex, &"G".repeat(32), 1),
    ] {
        assert!(matches!(error_of(&damaged), DataDirError::Damaged { .. }), "{damaged}");
    }
}

#[test]
fn bytes_that_are_no_text_are_damage() {
    let scratch = scratch();
    fs::write(scratch.path().join(IDENTITY_FILE), [0xff, 0xfe]).expect("written");
    assert!(matches!(open(scratch.path(), 1), Err(DataDirError::Damaged { .. })));
}

#[test]
fn data_without_an_identity_gets_no_new_one() {
    let scratch = scratch();
    fs::create_dir(scratch.path().join("log")).expect("made");
    let error = open(scratch.path(), 1).expect_err("data of somebody");
    assert!(matches!(&error, DataDirError::NoIdentity { found, .. } if found == "log"), "{error}");
    assert!(!scratch.path().join(IDENTITY_FILE).exists());
}

#[test]
fn an_identity_that_a_crash_left_unfinished_is_made_anew() {
    let scratch = scratch();
    fs::write(scratch.path().join(identity::UNFINISHED_FILE), "form").expect("written");
    fs::create_dir(scratch.path().join("lost+found")).expect("made");
    let made = *open(scratch.path(), 1).expect("nothing was kept yet").identity();
    assert_eq!(identity::read(scratch.path()).expect("readable"), Some(made));
}

#[test]
fn another_cluster_is_refused_by_name() {
    let scratch = scratch();
    let identity = *open(scratch.path(), 1).expect("made").identity();
    assert_eq!(identity.check_cluster(identity.cluster), Ok(()));
    let met = ClusterId(5);
    assert_eq!(identity.check_cluster(met), Err(ClusterMismatch { directory: identity.cluster, met }));
}

#[test]
fn an_ephemeral_directory_is_gone_after_use() {
    let Opened::Empty(directory) = Opened::ephemeral(&anabranch_runtime::OsRandom).expect("made") else {
        panic!("it is new");
    };
    let directory = directory.found(&anabranch_runtime::OsRandom).expect("made");
    let path = directory.path().to_owned();
    fs::write(path.join("data"), "x").expect("written");
    drop(directory);
    assert!(!path.exists());
}
