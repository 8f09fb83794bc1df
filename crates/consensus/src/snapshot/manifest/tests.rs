use super::*;
use proptest::prelude::*;

fn files() -> impl Strategy<Value = Vec<ManifestFile>> {
    let file = (0..3 * PIECE_BYTES, any::<[u32; 3]>());
    prop::collection::vec(file, 0..5).prop_map(|files| {
        let file = |(number, (bytes, crcs)): (usize, (u64, [u32; 3]))| ManifestFile {
            name: format!("{number:06}.sst"),
            bytes,
            piece_crcs: crcs[..bytes.div_ceil(PIECE_BYTES) as usize].to_vec(),
        };
        files.into_iter().enumerate().map(file).collect()
    })
}

prop_compose! {
    fn manifests()(group: u32, origin: u64, term: u64, index: u64, membership: Option<Vec<u8>>, files in files())
        -> Manifest
    {
        let last = LogId { term, index };
        let applied = AppliedState { last: Some(last), membership: membership.map(|bytes| (last, bytes.into())) };
        Manifest { group: GroupId(group), origin: ReplicaId(origin), applied, files }
    }
}

/// `bytes` with the checksum that belongs to them.
fn sealed(mut bytes: Vec<u8>) -> Bytes {
    let crc = crc32c::crc32c(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes.into()
}

proptest! {
    #[test]
    fn a_manifest_reads_back_as_written(manifest in manifests()) {
        let (read, id) = Manifest::decode(&manifest.encode()).expect("own bytes");
        prop_assert_eq!((id.origin, Some(id.last)), (manifest.origin, manifest.applied.last));
        prop_assert_eq!(read, manifest);
    }

    #[test]
    fn a_flipped_byte_or_a_cut_is_refused(manifest in manifests(), at: prop::sample::Index, flip in 1u8..) {
        let good = manifest.encode();
        let at = at.index(good.len());
        let mut bad = good.to_vec();
        bad[at] ^= flip;
        prop_assert!(Manifest::decode(&bad.into()).is_err());
        prop_assert!(Manifest::decode(&good.slice(..at)).is_err());
    }

    #[test]
    fn any_bytes_are_read_or_refused_without_panic(mut bytes: Vec<u8>) {
        bytes.insert(0, VERSION);
        let _ = Manifest::decode(&bytes.clone().into());
        let _ = Manifest::decode(&sealed(bytes));
    }

    #[test]
    fn the_checksum_of_a_file_is_that_of_its_pieces_one_after_another(first: Vec<u8>, second: Vec<u8>) {
        let mut whole = vec![7; PIECE_BYTES as usize - first.len()];
        whole.splice(0..0, first);
        whole.extend_from_slice(&second);
        let piece_crcs = whole.chunks(PIECE_BYTES as usize).map(crc32c::crc32c).collect();
        let file = ManifestFile { name: "whole".to_owned(), bytes: whole.len() as u64, piece_crcs };
        prop_assert_eq!(file.crc(), crc32c::crc32c(&whole));
    }
}

#[test]
fn a_manifest_of_a_newer_build_is_refused_by_name() {
    let refusal = Manifest::decode(&Bytes::from_static(&[9])).expect_err("version 9");
    assert_eq!(refusal.to_string(), "snapshot manifest has version 9, this build reads version 1");
}

#[test]
fn a_name_that_leads_out_of_its_directory_is_refused() {
    for name in ["", ".", "..", "a/b", "../CURRENT", "/etc/passwd", "a\0b", "ä"] {
        assert!(!is_plain_name(name), "{name:?}");
    }
    assert!(is_plain_name("000123.sst") && is_plain_name("MANIFEST-000005") && is_plain_name("CURRENT"));
    let last = LogId { term: 1, index: 1 };
    let applied = AppliedState { last: Some(last), membership: None };
    let file = ManifestFile { name: "../x".to_owned(), bytes: 0, piece_crcs: vec![] };
    let manifest = Manifest { group: GroupId(1), origin: ReplicaId(1), applied, files: vec![file] };
    let refusal = Manifest::decode(&manifest.encode()).expect_err("leads out");
    assert_eq!(refusal, ManifestError::Malformed("a file name that could lead elsewhere"));
}
