//! The words of requests: names, numbers and keys that clients write.

use crate::input::Input;
use anabranch_types::{
    AccountId, Counter, HashKey, PartitionKey, Region, SequenceNumber, ShardEpoch, ShardId, StreamArn, StreamName,
    Timestamp,
};
use std::fmt::{Debug, Display};

/// What is read from a text prints as a text that reads as the same.
fn reads_back<T: Debug + PartialEq + Display>(read: impl Fn(&str) -> Option<T>, text: &str) -> Option<T> {
    let value = read(text)?;
    let printed = value.to_string();
    assert_eq!(read(&printed).as_ref(), Some(&value), "{text:?} prints as {printed:?}");
    Some(value)
}

/// The same, where there is one way only to write a value.
fn reads_as_written<T: Debug + PartialEq + Display>(read: impl Fn(&str) -> Option<T>, text: &str) -> Option<T> {
    let value = reads_back(read, text)?;
    assert_eq!(value.to_string(), text, "{value:?} is written in two ways");
    Some(value)
}

/// Any text as each of the words.
pub fn texts(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    reads_as_written(|text| SequenceNumber::parse(text).ok(), text);
    reads_as_written(|text| HashKey::parse(text).ok(), text);
    reads_as_written(AccountId::parse, text);
    reads_as_written(Region::parse, text);
    reads_as_written(|text| StreamName::new(text).ok(), text);
    reads_back(|text| ShardId::parse(text).ok(), text);
    reads_back(|text| StreamArn::parse(text).ok(), text);
    if let Ok(key) = PartitionKey::new(text.to_owned()) {
        assert!(key.as_str() == text && (1..=256).contains(&text.chars().count()));
    }
}

fn number(input: &mut Input<'_>) -> SequenceNumber {
    let epoch = ShardEpoch { created_s: input.u64() & ((1 << 36) - 1), shard: ShardId(input.u32() >> 1) };
    let counter = Counter::from_bits(input.u64() >> 1).expect("63 bits");
    SequenceNumber::of_record(epoch, counter, Timestamp::from_millis(input.u64()))
}

/// Numbers order as their prints do, and read back; so does a print of which a digit is another.
pub fn numbers(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let (left, right) = (number(&mut input), number(&mut input));
    let (left_print, right_print) = (left.to_string(), right.to_string());
    assert_eq!((left_print.len(), right_print.len()), (56, 56), "{left:?} and {right:?}");
    assert_eq!(left.cmp(&right), left_print.cmp(&right_print), "{left:?} and {right:?}");
    for (number, print) in [(left, &left_print), (right, &right_print)] {
        assert_eq!(SequenceNumber::parse(print), Ok(number));
    }
    let mut digits = left_print.into_bytes();
    let at = usize::from(input.byte()) % digits.len();
    digits[at] = b'0' + input.byte() % 10;
    texts(&digits);
}
