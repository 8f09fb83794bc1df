//! Certificates on disk: made once, kept private, replaced in place.

use super::*;
use std::os::unix::fs::PermissionsExt;
use tempfile::TempDir;

fn directory() -> TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

fn names() -> Vec<String> {
    vec!["localhost".to_owned(), "127.0.0.1".to_owned()]
}

fn read(directory: &TempDir, name: &str) -> Vec<u8> {
    std::fs::read(directory.path().join(name)).expect("the file is there")
}

#[test]
fn the_first_start_makes_a_certificate_and_the_second_keeps_it() {
    let directory = directory();
    TlsIdentity::self_signed(directory.path(), &names()).expect("made");
    let first = read(&directory, TlsIdentity::SELF_SIGNED_CERTIFICATE);
    TlsIdentity::self_signed(directory.path(), &names()).expect("kept");
    assert_eq!(read(&directory, TlsIdentity::SELF_SIGNED_CERTIFICATE), first);
}

#[test]
fn only_the_owner_can_read_the_key() {
    let directory = directory();
    TlsIdentity::self_signed(&directory.path().join("tls"), &names()).expect("made, with its directory");
    let key = std::fs::metadata(directory.path().join("tls/self-signed.key")).expect("the key is there");
    assert_eq!(key.permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_start_that_broke_off_between_key_and_certificate_makes_both_anew() {
    let directory = directory();
    TlsIdentity::self_signed(directory.path(), &names()).expect("made");
    let key = read(&directory, "self-signed.key");
    std::fs::remove_file(directory.path().join(TlsIdentity::SELF_SIGNED_CERTIFICATE)).expect("removed");
    TlsIdentity::self_signed(directory.path(), &names()).expect("made anew");
    assert_ne!(read(&directory, "self-signed.key"), key);
}

#[test]
fn a_missing_or_empty_or_foreign_file_is_named() {
    let (ours, other) = (directory(), directory());
    for directory in [&ours, &other] {
        TlsIdentity::self_signed(directory.path(), &names()).expect("made");
    }
    let certificate = ours.path().join(TlsIdentity::SELF_SIGNED_CERTIFICATE);
    let gone = TlsIdentity::from_files(&certificate, &ours.path().join("gone")).expect_err("no key");
    assert!(gone.to_string().contains("gone"), "{gone}");
    let swapped = TlsIdentity::from_files(&certificate, &certificate).expect_err("a certificate is no key");
    assert!(matches!(swapped, TlsError::UnreadablePem { .. }), "{swapped}");
    let foreign = TlsIdentity::from_files(&certificate, &other.path().join("self-signed.key"));
    assert!(matches!(foreign, Err(TlsError::Unusable(_))), "{foreign:?}");
}

#[test]
fn a_failed_replacement_keeps_the_old_certificate() {
    let directory = directory();
    let identity = TlsIdentity::self_signed(directory.path(), &names()).expect("made");
    let before = identity.config();
    assert!(identity.replace(Path::new("/gone.crt"), Path::new("/gone.key")).is_err());
    assert!(Arc::ptr_eq(&before, &identity.config()));
    let (certificate, key) = (directory.path().join("self-signed.crt"), directory.path().join("self-signed.key"));
    identity.replace(&certificate, &key).expect("a good pair");
    assert!(!Arc::ptr_eq(&before, &identity.config()));
}
