//! The batches that are not answered whole: a batch's bytes stay in memory until then, because its
//! records are slices of one message.

use std::collections::BTreeMap;

/// Open batches by number.
#[derive(Debug, Default)]
pub(super) struct Batches {
    open: BTreeMap<u64, Batch>,
    last: Option<u64>,
}

/// A batch in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Batch {
    /// Records without an answer.
    pub unanswered: usize,
    /// Data and key bytes, as credits count them.
    pub bytes: u64,
    /// Bytes of its message.
    pub message_bytes: usize,
}

impl Batches {
    /// Takes a batch in; false when its number is not above the last one's.
    pub fn begin(&mut self, number: u64, batch: Batch) -> bool {
        if self.last.is_some_and(|last| number <= last) {
            return false;
        }
        self.last = Some(number);
        self.open.insert(number, batch);
        true
    }

    /// A record of a batch was answered: gives the batch when it was the last.
    ///
    /// # Panics
    /// When the batch is not open: a record would have been answered twice.
    pub fn answered(&mut self, number: u64) -> Option<Batch> {
        let batch = self.open.get_mut(&number).expect("a batch is open until each of its records is answered once");
        batch.unanswered -= 1;
        if batch.unanswered > 0 {
            return None;
        }
        self.open.remove(&number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_over_with_its_last_record_and_numbers_only_grow() {
        let mut batches = Batches::default();
        let batch = Batch { unanswered: 2, bytes: 10, message_bytes: 20 };
        assert!(batches.begin(5, batch) && batches.begin(7, Batch { unanswered: 1, ..batch }));
        assert!(!batches.begin(7, batch) && !batches.begin(6, batch));
        assert_eq!(batches.answered(5), None);
        assert_eq!(batches.answered(7), Some(Batch { unanswered: 0, ..batch }));
        assert_eq!(batches.answered(5), Some(Batch { unanswered: 0, ..batch }));
    }
}
