//! Memory for writes that go past the page cache.

use std::io;

use anabranch_runtime::fs::File;

use crate::layout::BLOCK_BYTES;

/// How much of a batch is handed to the disk at a time: the kernel waits for each piece.
pub(crate) const STAGING_BYTES: usize = 4 << 20;

/// Memory that begins at a block's boundary, for writes that go past the page cache.
///
/// The copy into it replaces the copy into the page cache. Bytes of the log are read again only by
/// a replica that lags behind the entry cache, and a page of a large folio that is dirtied again
/// and again is written, and counted, many times.
pub(crate) struct Staging {
    memory: Vec<u8>,
    start: usize,
}

impl Staging {
    pub(crate) fn new() -> Self {
        let memory = vec![0; STAGING_BYTES + BLOCK_BYTES as usize];
        // Where no such place can be told, the file system copies: slower, not wrong.
        let start = memory.as_ptr().align_offset(BLOCK_BYTES as usize).min(BLOCK_BYTES as usize);
        Self { memory, start }
    }

    /// Writes `bytes` zeros at `position`, at most as many as the memory takes at once.
    pub(crate) fn write_zeros(&mut self, file: &dyn File, position: u64, bytes: u64) -> io::Result<()> {
        let staged = &mut self.memory[self.start..][..bytes as usize];
        staged.fill(0);
        file.write_at(position, staged)
    }

    /// Writes `bytes` at `position`, as large pieces as the memory takes.
    pub(crate) fn write(&mut self, file: &dyn File, position: u64, bytes: &[u8]) -> io::Result<()> {
        let mut at = position;
        for piece in bytes.chunks(STAGING_BYTES) {
            let staged = &mut self.memory[self.start..self.start + piece.len()];
            staged.copy_from_slice(piece);
            file.write_at(at, staged)?;
            at += piece.len() as u64;
        }
        Ok(())
    }
}
