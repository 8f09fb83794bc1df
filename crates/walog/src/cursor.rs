//! Decides where the next frame goes: arithmetic only.

use crate::batch::BATCH_HEADER_BYTES;
use crate::layout::{SEGMENT_START, whole_blocks};

/// The end of what is placed so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// Size of the head segment; 0 when the next frame must begin a new one.
    pub segment_bytes: u64,
    /// Where the open batch begins, or the next one will.
    pub batch_start: u64,
    /// Bytes in the open batch with its header; 0 when none is open.
    pub batch_bytes: u64,
}

/// Where the frame that was asked about goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Placement {
    /// To the end of the open batch.
    SameBatch,
    /// First in a new batch of the same segment.
    NewBatch,
    /// Into a new segment, after the roster.
    NewSegment,
}

/// The sizes that placement depends on, in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PlacementSizes {
    pub segment_bytes: u64,
    pub batch_bytes_max: u64,
    /// Of the frame with the roster.
    pub roster_bytes: u64,
}

impl Cursor {
    pub(crate) const NO_SEGMENT: Cursor = Cursor { segment_bytes: 0, batch_start: 0, batch_bytes: 0 };

    /// Places a frame of `frame_bytes` and moves behind it.
    pub(crate) fn place(&mut self, frame_bytes: u64, sizes: PlacementSizes) -> Placement {
        let open = self.batch_bytes > 0;
        if open && self.batch_bytes + frame_bytes <= sizes.batch_bytes_max && self.fits(self.batch_bytes + frame_bytes)
        {
            self.batch_bytes += frame_bytes;
            return Placement::SameBatch;
        }
        self.close_batch();
        // The first batch of a segment carries the roster, also when the segment was found empty.
        let roster_bytes = if self.batch_start == SEGMENT_START { sizes.roster_bytes } else { 0 };
        if self.fits(BATCH_HEADER_BYTES + roster_bytes + frame_bytes) {
            self.batch_bytes = BATCH_HEADER_BYTES + roster_bytes + frame_bytes;
            return Placement::NewBatch;
        }
        *self = Self {
            segment_bytes: sizes.segment_bytes,
            batch_start: SEGMENT_START,
            batch_bytes: BATCH_HEADER_BYTES + sizes.roster_bytes + frame_bytes,
        };
        Placement::NewSegment
    }

    /// Ends the open batch, if any: what follows begins at the next block.
    pub(crate) fn close_batch(&mut self) {
        self.batch_start += whole_blocks(self.batch_bytes);
        self.batch_bytes = 0;
    }

    fn fits(&self, batch_bytes: u64) -> bool {
        self.batch_start + whole_blocks(batch_bytes) <= self.segment_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: PlacementSizes = PlacementSizes { segment_bytes: 16384, batch_bytes_max: 1000, roster_bytes: 100 };

    #[test]
    fn frames_fill_a_batch_then_the_segment_then_the_next() {
        let mut cursor = Cursor::NO_SEGMENT;
        assert_eq!(cursor.place(500, SIZES), Placement::NewSegment);
        assert_eq!(cursor, Cursor { segment_bytes: 16384, batch_start: 4096, batch_bytes: 664 });
        assert_eq!(cursor.place(300, SIZES), Placement::SameBatch);
        assert_eq!(cursor.place(300, SIZES), Placement::NewBatch);
        assert_eq!(cursor.batch_start, 8192);
        assert_eq!(cursor.place(4096, SIZES), Placement::NewSegment);
    }

    #[test]
    fn a_closed_batch_is_not_reopened() {
        let mut cursor = Cursor { segment_bytes: 16384, batch_start: 4096, batch_bytes: 200 };
        cursor.close_batch();
        assert_eq!(cursor.place(8, SIZES), Placement::NewBatch);
        assert_eq!(cursor.batch_start, 8192);
    }
}
