//! What a snapshot consists of: the list that a receiver checks every byte against.
//!
//! All integers are little-endian; docs/formats/consensus.md describes the same.
//!
//! ```text
//! version u8 = 1 | group u32 | replica of origin u64 | applied row: bytes u32, row | files u32
//! per file: name bytes u16, name | length u64 | crc32c of the whole u32 | crc32c u32 of each MiB
//! crc32c of all before u32
//! ```

use crate::machine::AppliedState;
use anabranch_types::{GroupId, ReplicaId};
use anabranch_walog::LogId;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use std::collections::BTreeSet;
use std::fmt;

/// Bytes of one piece, but for the last of a file: what is fetched and checked at a time.
pub(crate) const PIECE_BYTES: u64 = 1 << 20;
/// Bytes of a manifest at the most: four for each MiB of about ten TiB.
pub(crate) const MANIFEST_BYTES_MAX: u64 = 48 << 20;

const VERSION: u8 = 1;
const NAME_BYTES_MAX: usize = 255;
/// Name length, file length and checksum of the whole: what a file takes at the least.
const FILE_BYTES_MIN: usize = 2 + 8 + 4;

/// A manifest that is not to be trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ManifestError {
    /// Made by a newer build (D15).
    #[error("snapshot manifest has version {found}, this build reads version {VERSION}")]
    Version {
        /// The manifest's version.
        found: u8,
    },
    /// Bytes are missing, left over, damaged, or make no sense.
    #[error("snapshot manifest is malformed: {0}")]
    Malformed(&'static str),
}

/// Names one snapshot: no other one of the same group has the same files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct SnapshotId {
    /// Whose copy it is.
    pub origin: ReplicaId,
    /// The newest entry that it covers.
    pub last: LogId,
    /// Of the manifest, and so of every file.
    pub manifest_crc: u32,
}

impl fmt::Display for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{:08x}", self.last, self.origin, self.manifest_crc)
    }
}

/// One file of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ManifestFile {
    /// A plain name: a snapshot has no directories.
    pub name: String,
    pub bytes: u64,
    /// Of each piece, in order.
    pub piece_crcs: Vec<u32>,
}

impl ManifestFile {
    /// Where piece `number` begins, and its length.
    pub(crate) fn piece(&self, number: usize) -> (u64, u64) {
        let offset = number as u64 * PIECE_BYTES;
        (offset, PIECE_BYTES.min(self.bytes - offset))
    }

    /// crc32c of the whole file.
    pub(crate) fn crc(&self) -> u32 {
        self.piece_crcs.iter().enumerate().fold(0, |whole, (number, piece_crc)| {
            let (_, bytes) = self.piece(number);
            crc32c::crc32c_combine(whole, *piece_crc, usize::try_from(bytes).expect("a piece fits memory"))
        })
    }
}

/// All files of a snapshot and what they cover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Manifest {
    pub group: GroupId,
    /// The replica that made it.
    pub origin: ReplicaId,
    /// What the state in the files covers; `last` is always there.
    pub applied: AppliedState,
    pub files: Vec<ManifestFile>,
}

impl Manifest {
    /// Bytes of all files.
    pub(crate) fn total_bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    pub(crate) fn encode(&self) -> Bytes {
        let mut out = BytesMut::new();
        out.put_u8(VERSION);
        out.put_u32_le(self.group.0);
        out.put_u64_le(self.origin.0);
        let row = self.applied.to_row();
        out.put_u32_le(u32::try_from(row.len()).expect("a membership is far below 4 GiB"));
        out.put_slice(&row);
        out.put_u32_le(u32::try_from(self.files.len()).expect("a state has far fewer files"));
        for file in &self.files {
            out.put_u16_le(u16::try_from(file.name.len()).expect("names are checked where files are listed"));
            out.put_slice(file.name.as_bytes());
            out.put_u64_le(file.bytes);
            out.put_u32_le(file.crc());
            file.piece_crcs.iter().for_each(|crc| out.put_u32_le(*crc));
        }
        let crc = crc32c::crc32c(&out);
        out.put_u32_le(crc);
        out.freeze()
    }

    /// The manifest in `bytes` and the name of its snapshot.
    ///
    /// # Errors
    /// [`ManifestError`]; a manifest that is answered is whole and makes sense.
    pub(crate) fn decode(bytes: &Bytes) -> Result<(Self, SnapshotId), ManifestError> {
        let version = *bytes.first().ok_or(CUT)?;
        if version != VERSION {
            return Err(ManifestError::Version { found: version });
        }
        let body_bytes = bytes.len().checked_sub(4).ok_or(CUT)?;
        let (mut body, mut end) = (bytes.slice(1..body_bytes.max(1)), bytes.slice(body_bytes..));
        let manifest_crc = end.get_u32_le();
        if crc32c::crc32c(&bytes[..body_bytes]) != manifest_crc {
            return Err(ManifestError::Malformed("the checksum does not match"));
        }
        let group = GroupId(body.try_get_u32_le().map_err(|_| CUT)?);
        let origin = ReplicaId(body.try_get_u64_le().map_err(|_| CUT)?);
        let applied = take_applied(&mut body)?;
        let last = applied.last.ok_or(ManifestError::Malformed("it covers no entry"))?;
        let files = take_files(&mut body)?;
        if body.has_remaining() {
            return Err(ManifestError::Malformed("bytes are left over"));
        }
        let id = SnapshotId { origin, last, manifest_crc };
        Ok((Manifest { group, origin, applied, files }, id))
    }
}

const CUT: ManifestError = ManifestError::Malformed("bytes are missing");

fn take_applied(body: &mut Bytes) -> Result<AppliedState, ManifestError> {
    let row_bytes = body.try_get_u32_le().map_err(|_| CUT)? as usize;
    if row_bytes > body.len() {
        return Err(CUT);
    }
    let row = body.split_to(row_bytes);
    AppliedState::from_row(row).map_err(|_| ManifestError::Malformed("the applied row does not parse"))
}

fn take_files(body: &mut Bytes) -> Result<Vec<ManifestFile>, ManifestError> {
    let count = body.try_get_u32_le().map_err(|_| CUT)? as usize;
    if count.checked_mul(FILE_BYTES_MIN).is_none_or(|least| least > body.len()) {
        return Err(CUT);
    }
    let mut names = BTreeSet::new();
    let mut files = Vec::with_capacity(count);
    let mut total_bytes = 0_u64;
    for _ in 0..count {
        let file = take_file(body)?;
        total_bytes = total_bytes.checked_add(file.bytes).ok_or(ManifestError::Malformed("the files are too long"))?;
        if !names.insert(file.name.clone()) {
            return Err(ManifestError::Malformed("two files have one name"));
        }
        files.push(file);
    }
    Ok(files)
}

fn take_file(body: &mut Bytes) -> Result<ManifestFile, ManifestError> {
    let name_bytes = usize::from(body.try_get_u16_le().map_err(|_| CUT)?);
    if name_bytes > body.len() {
        return Err(CUT);
    }
    let name = String::from_utf8(body.split_to(name_bytes).to_vec()).ok().filter(|name| is_plain_name(name));
    let name = name.ok_or(ManifestError::Malformed("a file name that could lead elsewhere"))?;
    let bytes = body.try_get_u64_le().map_err(|_| CUT)?;
    let whole = body.try_get_u32_le().map_err(|_| CUT)?;
    let pieces = usize::try_from(bytes.div_ceil(PIECE_BYTES)).map_err(|_| CUT)?;
    if pieces.checked_mul(4).is_none_or(|needed| needed > body.len()) {
        return Err(CUT);
    }
    let piece_crcs = (0..pieces).map(|_| body.get_u32_le()).collect();
    let file = ManifestFile { name, bytes, piece_crcs };
    if file.crc() != whole {
        return Err(ManifestError::Malformed("the checksums of a file contradict each other"));
    }
    Ok(file)
}

/// The manifest in `bytes`, written again.
#[cfg(feature = "fuzzing")]
pub(crate) fn again(bytes: &Bytes) -> Option<Bytes> {
    let (manifest, id) = Manifest::decode(bytes).ok()?;
    let pieces = manifest.files.iter().flat_map(|file| (0..file.piece_crcs.len()).map(|number| file.piece(number)));
    assert_eq!(pieces.map(|(_, bytes)| bytes).sum::<u64>(), manifest.total_bytes(), "pieces make up {id}");
    Some(manifest.encode())
}

/// Whether `name` can only mean a file of the directory it is looked up in.
pub(crate) fn is_plain_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    (1..=NAME_BYTES_MAX).contains(&name.len()) && name.chars().all(plain) && name != "." && name != ".."
}

#[cfg(test)]
mod tests;
