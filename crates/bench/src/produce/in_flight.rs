//! Batches that were sent and are not answered whole.

use anyhow::Context;
use std::collections::VecDeque;
use std::time::Instant;

/// Batches of equally many records, numbered in the order of their sending from 1 on; their records
/// are numbered through, from 1 on too.
pub struct InFlight {
    records: usize,
    /// The number of the batch at the front, less one.
    before: u64,
    batches: VecDeque<Sent>,
}

struct Sent {
    due: Instant,
    unanswered: usize,
}

/// What an answer told.
#[derive(Debug, PartialEq, Eq)]
pub struct Answered {
    /// When the record's batch was due.
    pub due: Instant,
    /// Whether it was the last one of its batch.
    pub is_last: bool,
}

impl InFlight {
    /// None yet.
    pub fn new(records: usize) -> InFlight {
        InFlight { records, before: 0, batches: VecDeque::new() }
    }

    /// The next batch is sent.
    pub fn push(&mut self, due: Instant) {
        self.batches.push_back(Sent { due, unanswered: self.records });
    }

    /// A record was answered.
    ///
    /// # Errors
    /// When no record of that number waits for an answer.
    pub fn answered(&mut self, number: u64) -> anyhow::Result<Answered> {
        let at = number.checked_sub(1).map(|before| before / self.records as u64);
        let at = at.and_then(|batch| usize::try_from(batch.checked_sub(self.before)?).ok());
        let sent = at.and_then(|at| self.batches.get_mut(at)).filter(|sent| sent.unanswered > 0);
        let sent = sent.with_context(|| format!("an answer to record {number}, which waits for none"))?;
        sent.unanswered -= 1;
        let answered = Answered { due: sent.due, is_last: sent.unanswered == 0 };
        while self.batches.front().is_some_and(|sent| sent.unanswered == 0) {
            self.batches.pop_front();
            self.before += 1;
        }
        Ok(answered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_answered_in_any_order() {
        let (first, second) = (Instant::now(), Instant::now());
        let mut sent = InFlight::new(2);
        sent.push(first);
        sent.push(second);
        let answers: Vec<_> = [3, 2, 4, 1].map(|number| sent.answered(number).expect("it waits")).into();
        let of = |due, is_last| Answered { due, is_last };
        assert_eq!(answers, [of(second, false), of(first, false), of(second, true), of(first, true)]);
        sent.push(first);
        assert_eq!(sent.answered(5).expect("it waits"), of(first, false));
    }

    #[test]
    fn an_answer_that_nothing_waits_for_is_an_error() {
        let mut sent = InFlight::new(1);
        assert!(sent.answered(0).is_err() && sent.answered(1).is_err());
        sent.push(Instant::now());
        assert!(sent.answered(1).is_ok());
        assert!(sent.answered(1).is_err());
    }
}
