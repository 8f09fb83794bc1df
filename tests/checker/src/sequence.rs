//! Sequence numbers as clients see them: decimal numbers of up to 76 digits, of which AWS uses 56.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::fmt;
use std::str::FromStr;

/// Digits of the lower part: as many as every `u128` can hold.
const LOW_DIGITS: usize = 38;

/// A sequence number. Ordered as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sequence {
    high: u128,
    low: u128,
}

/// The text is no decimal number, or one of too many digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no sequence number")]
pub struct NoSequence(String);

impl From<u64> for Sequence {
    fn from(number: u64) -> Self {
        Sequence { high: 0, low: number.into() }
    }
}

impl FromStr for Sequence {
    type Err = NoSequence;

    fn from_str(text: &str) -> Result<Self, NoSequence> {
        let is_number = !text.is_empty() && text.len() <= 2 * LOW_DIGITS && text.bytes().all(|b| b.is_ascii_digit());
        if !is_number {
            return Err(NoSequence(text.to_owned()));
        }
        let (high, low) = text.split_at(text.len().saturating_sub(LOW_DIGITS));
        let part = |digits: &str| digits.bytes().fold(0, |number, digit| number * 10 + u128::from(digit - b'0'));
        Ok(Sequence { high: part(high), low: part(low) })
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Sequence { high, low } = self;
        if *high == 0 { write!(f, "{low}") } else { write!(f, "{high}{low:0LOW_DIGITS$}") }
    }
}

impl Serialize for Sequence {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Sequence {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_number_of_aws_keeps_its_digits() {
        let text = "49590338271490256608559692538361571095921575989136588898";
        assert_eq!(text.parse::<Sequence>().expect("a number").to_string(), text);
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", "-1", "+1", " 1", "1.0", "0x1", &"1".repeat(77)] {
            assert!(text.parse::<Sequence>().is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn numbers_are_ordered_as_numbers(one in "[1-9][0-9]{0,75}", other in "[1-9][0-9]{0,75}") {
            let [parsed, parsed_other] = [&one, &other].map(|text| text.parse::<Sequence>().expect("a number"));
            prop_assert_eq!(parsed.to_string(), one.clone());
            prop_assert_eq!(parsed.cmp(&parsed_other), (one.len(), one).cmp(&(other.len(), other)));
        }
    }
}
