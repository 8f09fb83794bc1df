//! Writes segments by docs/formats/walog.md, right or wrong, with checksums that are always right.
//!
//! It shares no code with the log: two who read the page must agree.

pub const BLOCK_BYTES: usize = 4096;
const BATCH_HEADER_BYTES: usize = 64;
const SECOND_HEADER: usize = 2048;

/// The fields of a segment's header.
pub struct Header {
    pub format: u16,
    pub number: u64,
    pub salt: u64,
    pub segment_bytes: u64,
    pub first_batch: u64,
}

impl Header {
    /// The first block of the file, with the copies that are wanted.
    pub fn block(&self, copies: [bool; 2]) -> Vec<u8> {
        let mut copy = b"ANABRLOG\0\0\0\0".to_vec();
        copy.extend(self.format.to_le_bytes());
        copy.extend([0, 0]);
        for field in [self.number, self.salt, self.segment_bytes, self.first_batch] {
            copy.extend(field.to_le_bytes());
        }
        let crc = crc32c::crc32c(&copy[12..]);
        copy[8..12].copy_from_slice(&crc.to_le_bytes());
        let mut block = vec![0; BLOCK_BYTES];
        for (wanted, at) in copies.into_iter().zip([0, SECOND_HEADER]) {
            if wanted {
                block[at..at + copy.len()].copy_from_slice(&copy);
            }
        }
        block
    }
}

/// The fields of a frame.
#[derive(Clone)]
pub struct Frame {
    pub group: u32,
    pub kind: u8,
    pub flag: u8,
    pub ordinal: u64,
    pub term: u64,
    pub index: u64,
    pub body: Vec<u8>,
}

/// Where a group stands, for a roster.
#[derive(Clone, Default)]
pub struct Row {
    pub group: u32,
    pub quarantined: bool,
    pub frames: u64,
    pub purged: Option<(u64, u64)>,
    pub last: Option<(u64, u64)>,
    pub committed: Option<(u64, u64)>,
    pub vote: Option<Vec<u8>>,
}

/// The body of a roster.
pub fn roster(flags: u8, rows: &[Row]) -> Vec<u8> {
    let mut out = vec![flags];
    out.extend((rows.len() as u32).to_le_bytes());
    for row in rows {
        let flags = u8::from(row.purged.is_some())
            | u8::from(row.last.is_some()) << 1
            | u8::from(row.committed.is_some()) << 2
            | u8::from(row.vote.is_some()) << 3
            | u8::from(row.quarantined) << 4;
        out.extend(row.group.to_le_bytes());
        out.push(flags);
        out.extend(row.frames.to_le_bytes());
        for (term, index) in [row.purged, row.last, row.committed].map(Option::unwrap_or_default) {
            out.extend(term.to_le_bytes());
            out.extend(index.to_le_bytes());
        }
        if let Some(vote) = &row.vote {
            out.extend((vote.len() as u32).to_le_bytes());
            out.extend(vote);
        }
    }
    out
}

/// A segment's bytes, from the header on.
pub struct SegmentWriter {
    pub salt: u64,
    pub number: u64,
    pub bytes: Vec<u8>,
}

impl SegmentWriter {
    fn crc(&self, position: usize, bytes: &[u8]) -> [u8; 4] {
        let mut crc = crc32c::crc32c(&self.salt.to_le_bytes());
        for part in [&self.number.to_le_bytes()[..], &(position as u64).to_le_bytes(), bytes] {
            crc = crc32c::crc32c_append(crc, part);
        }
        crc.to_le_bytes()
    }

    /// Appends a batch at the next block.
    pub fn batch(&mut self, ordinal: u64, synced: u64, frames: &[Frame]) {
        let start = self.bytes.len();
        self.bytes.resize(start + BATCH_HEADER_BYTES, 0);
        for frame in frames {
            self.frame(frame);
        }
        let batch_bytes = (self.bytes.len() - start) as u32;
        let mut header = b"WBAT\0\0\0\0".to_vec();
        header.extend(batch_bytes.to_le_bytes());
        header.extend((frames.len() as u32).to_le_bytes());
        header.extend(ordinal.to_le_bytes());
        header.extend(synced.to_le_bytes());
        header.resize(BATCH_HEADER_BYTES, 0);
        let crc = self.crc(start, &header[8..]);
        header[4..8].copy_from_slice(&crc);
        self.bytes[start..start + BATCH_HEADER_BYTES].copy_from_slice(&header);
        self.bytes.resize(self.bytes.len().next_multiple_of(BLOCK_BYTES), 0);
    }

    fn frame(&mut self, frame: &Frame) {
        let start = self.bytes.len();
        let mut header = vec![0; 4];
        header.extend(self.crc(start + 48, &frame.body));
        header.extend((frame.body.len() as u32).to_le_bytes());
        header.extend(frame.group.to_le_bytes());
        header.extend([frame.kind, frame.flag]);
        header.resize(24, 0);
        for field in [frame.ordinal, frame.term, frame.index] {
            header.extend(field.to_le_bytes());
        }
        let crc = self.crc(start, &header[4..]);
        header[..4].copy_from_slice(&crc);
        self.bytes.extend(&header);
        self.bytes.extend(&frame.body);
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
    }
}
