//! Sequence numbers: 186 bits in the layout that the KCL parses.
//!
//! Most significant first (Source: recorded behaviour of the service, confirmed by the KCL's
//! `SequenceNumberValidator`):
//!
//! ```text
//! bits  185..184  2   layout, always 2
//!       183..148 36   shard create time, seconds
//!       147..144  4   shard index, low nibble
//!       143..80  64   counter (top bit 0)
//!        79..72   8   0
//!        71..36  36   record arrival time, seconds
//!        35..4   32   shard index
//!         3..0    4   version, always 2
//! ```
//!
//! The counter is `recovery generation (7) | log index (40) | position (16)`. It alone orders
//! the records of a shard; the create time orders a child after its parents.

use crate::shard_id::ShardId;
use crate::timestamp::Timestamp;
use std::fmt;

const MASK_36: u64 = (1 << 36) - 1;

/// Orders the records of one shard. 63 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Counter(u64);

impl Counter {
    /// Before every record.
    pub const ZERO: Counter = Counter(0);
    /// The counter of a closed shard's ending sequence number: no record has it.
    pub const END: Counter = Counter((1 << 63) - 1);
    /// Log indexes have 40 bits.
    pub const LOG_INDEX_MAX: u64 = (1 << 40) - 1;
    /// Recovery generations have 7 bits.
    pub const GENERATION_MAX: u8 = (1 << 7) - 1;

    /// The counter of the record at `position` within its shard's records of the log entry
    /// at `log_index`.
    ///
    /// # Panics
    /// When `log_index` needs more than 40 bits or `generation` more than 7: 139 years at 250
    /// entries a second; going on would hand out a number twice.
    pub fn new(generation: u8, log_index: u64, position: u16) -> Self {
        assert!(generation <= Self::GENERATION_MAX, "recovery generation {generation} needs more than 7 bits");
        assert!(log_index <= Self::LOG_INDEX_MAX, "log index {log_index} needs more than 40 bits");
        Counter(u64::from(generation) << 56 | log_index << 16 | u64::from(position))
    }

    /// The counter as stored in keys.
    pub const fn from_bits(bits: u64) -> Option<Self> {
        if bits >> 63 == 0 { Some(Counter(bits)) } else { None }
    }

    /// 63 bits, the top bit 0.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// The log index within the counter.
    pub const fn log_index(self) -> u64 {
        self.0 >> 16 & Self::LOG_INDEX_MAX
    }

    /// The counter that follows this one directly; [`Counter::END`] follows itself.
    pub const fn next(self) -> Counter {
        if self.0 >= Self::END.0 { Counter::END } else { Counter(self.0 + 1) }
    }

    /// The counter directly before this one; [`Counter::ZERO`] is before itself.
    pub const fn previous(self) -> Counter {
        Counter(self.0.saturating_sub(1))
    }
}

/// What every sequence number of a shard shares: when it was created, and which it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShardEpoch {
    /// Seconds since the Unix epoch, 36 bits; above those of the shard's parents.
    pub created_s: u64,
    /// The shard.
    pub shard: ShardId,
}

/// The number that a record was acknowledged with; compares as its decimal print does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SequenceNumber {
    /// The shard's part.
    pub epoch: ShardEpoch,
    /// The part that orders the shard's records.
    pub counter: Counter,
    /// When the record arrived, whole seconds.
    pub arrival_s: u64,
}

/// The text is no sequence number of this layout.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a sequence number")]
pub struct InvalidSequenceNumber;

impl SequenceNumber {
    /// A record's number.
    pub fn of_record(epoch: ShardEpoch, counter: Counter, arrival: Timestamp) -> Self {
        SequenceNumber { epoch, counter, arrival_s: arrival.as_secs() & MASK_36 }
    }

    /// A shard's StartingSequenceNumber: below every record's.
    pub fn starting(epoch: ShardEpoch) -> Self {
        SequenceNumber { epoch, counter: Counter::ZERO, arrival_s: epoch.created_s & MASK_36 }
    }

    /// A closed shard's EndingSequenceNumber: above every record's.
    pub fn ending(epoch: ShardEpoch, closed: Timestamp) -> Self {
        SequenceNumber { epoch, counter: Counter::END, arrival_s: closed.as_secs() & MASK_36 }
    }

    /// Reads the decimal print.
    ///
    /// # Errors
    /// [`InvalidSequenceNumber`] when the text is not decimal, not of this layout, or its two
    /// copies of the shard index differ.
    pub fn parse(text: &str) -> Result<Self, InvalidSequenceNumber> {
        if text.is_empty() || text.len() > 57 || !text.bytes().all(|b| b.is_ascii_digit()) || text.starts_with('0') {
            return Err(InvalidSequenceNumber);
        }
        let (hi, lo) = decimal_to_bits(text).ok_or(InvalidSequenceNumber)?;
        Self::from_halves(hi, lo)
    }

    fn from_halves(hi: u64, lo: u128) -> Result<Self, InvalidSequenceNumber> {
        let created_s = hi >> 20 & MASK_36;
        let nibble = (hi >> 16 & 0xf) as u32;
        let counter_bits = (hi & 0xffff) << 48 | (lo >> 80) as u64;
        let arrival_s = (lo >> 36) as u64 & MASK_36;
        let shard = (lo >> 4) as u32;
        let well_formed =
            hi >> 56 == 2 && lo >> 72 & 0xff == 0 && lo & 0xf == 2 && nibble == shard & 0xf && shard >> 31 == 0;
        match Counter::from_bits(counter_bits) {
            Some(counter) if well_formed => {
                Ok(SequenceNumber { epoch: ShardEpoch { created_s, shard: ShardId(shard) }, counter, arrival_s })
            }
            _ => Err(InvalidSequenceNumber),
        }
    }

    /// The number's upper 58 bits (185..128) and its lower 128.
    fn halves(&self) -> (u64, u128) {
        let counter = self.counter.bits();
        let shard = self.epoch.shard.0;
        let hi = 2 << 56 | (self.epoch.created_s & MASK_36) << 20 | u64::from(shard & 0xf) << 16 | counter >> 48;
        let lo = u128::from(counter & 0xffff_ffff_ffff) << 80
            | u128::from(self.arrival_s) << 36
            | u128::from(shard) << 4
            | 2;
        (hi, lo)
    }
}

impl PartialOrd for SequenceNumber {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for SequenceNumber {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.halves().cmp(&other.halves())
    }
}

impl fmt::Display for SequenceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hi, lo) = self.halves();
        // 10^19 fits a u64; three long divisions of a 192-bit number give four such digits.
        let mut words = [hi, (lo >> 64) as u64, lo as u64];
        let mut parts = [0u64; 4];
        for part in &mut parts {
            let mut rest: u64 = 0;
            for word in &mut words {
                let value = u128::from(rest) << 64 | u128::from(*word);
                *word = (value / TEN_19) as u64;
                rest = (value % TEN_19) as u64;
            }
            *part = rest;
        }
        // The layout's top bits are 10, so the number has 56 digits: parts[2] is never 0.
        write!(f, "{}{:019}{:019}", parts[2], parts[1], parts[0])
    }
}

const TEN_19: u128 = 10_000_000_000_000_000_000;

/// The 192-bit value of a decimal number as (bits 191..128, bits 127..0); none when larger.
fn decimal_to_bits(text: &str) -> Option<(u64, u128)> {
    let mut words = [0u64; 3];
    for digit in text.bytes() {
        let mut carry = u64::from(digit - b'0');
        for word in words.iter_mut().rev() {
            let value = u128::from(*word) * 10 + u128::from(carry);
            *word = value as u64;
            carry = (value >> 64) as u64;
        }
        if carry != 0 {
            return None;
        }
    }
    Some((words[0], u128::from(words[1]) << 64 | u128::from(words[2])))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn number(created_s: u64, shard: u32, counter: u64, arrival_s: u64) -> SequenceNumber {
        let counter = Counter::from_bits(counter).expect("63 bits");
        SequenceNumber { epoch: ShardEpoch { created_s, shard: ShardId(shard) }, counter, arrival_s }
    }

    #[test]
    fn a_number_of_the_service_reads_and_prints_back() {
        // 49-prefixed, 56 digits, as the service hands them out.
        let text = number(1_742_000_000, 1, 5 << 16, 1_742_000_100).to_string();
        assert_eq!(text.len(), 56);
        assert!(text.starts_with("49"), "{text}");
        assert_eq!(SequenceNumber::parse(&text).map(|n| n.to_string()), Ok(text));
    }

    #[test]
    fn texts_that_are_no_number_of_this_layout_are_refused() {
        let nines = "9".repeat(56);
        for bad in ["", "0", "1", "abc", "-5", "049", &nines, &"1".repeat(129)] {
            assert_eq!(SequenceNumber::parse(bad), Err(InvalidSequenceNumber), "{bad}");
        }
    }

    #[test]
    fn a_closed_shard_ends_above_its_records_and_below_its_children() {
        let parent = ShardEpoch { created_s: 1_000, shard: ShardId(0) };
        let child = ShardEpoch { created_s: 1_001, shard: ShardId(1) };
        let record =
            SequenceNumber::of_record(parent, Counter::new(0, Counter::LOG_INDEX_MAX, u16::MAX), Timestamp::EPOCH);
        let end = SequenceNumber::ending(parent, Timestamp::EPOCH);
        assert!(record < end && end < SequenceNumber::starting(child));
    }

    #[test]
    #[should_panic(expected = "needs more than 40 bits")]
    fn a_log_index_beyond_forty_bits_stops_the_node() {
        Counter::new(0, 1 << 40, 0);
    }

    proptest! {
        #[test]
        fn every_number_reads_back_as_it_prints(created in 0u64..1 << 36, shard in 0u32..1 << 31,
                                                counter in 0u64..1 << 63, arrival in 0u64..1 << 36) {
            let n = number(created, shard, counter, arrival);
            prop_assert_eq!(SequenceNumber::parse(&n.to_string()), Ok(n));
        }

        #[test]
        fn numbers_order_as_their_prints_do(a in 0u64..1 << 63, b in 0u64..1 << 63, ca in 0u64..3, cb in 0u64..3) {
            let (x, y) = (number(ca, 7, a, 9), number(cb, 7, b, 1));
            prop_assert_eq!(x.cmp(&y), x.to_string().cmp(&y.to_string()));
        }

        #[test]
        fn any_text_is_read_or_refused_without_panic(text in "[0-9]{0,130}") {
            let _ = SequenceNumber::parse(&text);
        }
    }
}
