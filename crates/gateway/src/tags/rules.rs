//! What tags may look like. How long they may be is said by their types, how many a stream may have
//! by the catalog.
//!
//! What is a letter depends on the version of Unicode that a build knows. So it is decided once, here,
//! and not by each replica of the catalog for itself (D5).

use anabranch_api::{ApiError, messages};
use anabranch_types::{AccountId, StreamName, Tags};

/// Keys that begin so are given by AWS alone. Source: AWS, tag restrictions.
const RESERVED_PREFIX: &str = "aws:";

/// Judges the characters of tags for a stream, in the order of the service.
///
/// # Errors
/// `InvalidArgument` that says which characters there may be.
pub(super) fn check(tags: &Tags, stream: &StreamName, account: AccountId) -> Result<(), ApiError> {
    let texts = || tags.iter().flat_map(|(key, value)| [key.as_str(), value.as_str()]);
    if !texts().flat_map(str::chars).all(is_valid) {
        return Err(messages::invalid_tag_characters());
    }
    if texts().any(|text| text.contains('%')) {
        return Err(messages::illegal_tag_characters(stream, account));
    }
    if tags.keys().any(|key| key.as_str().starts_with(RESERVED_PREFIX)) {
        return Err(messages::reserved_tag_key(stream, account));
    }
    Ok(())
}

/// Source: the text of the service's refusal.
fn is_valid(character: char) -> bool {
    character.is_alphanumeric() || character.is_whitespace() || "_./=+-%@:".contains(character)
}

#[cfg(test)]
mod tests {
    use super::*;
    use anabranch_types::{TagKey, TagValue};

    fn judged(key: &str, value: &str) -> Result<(), ApiError> {
        let tag = (TagKey::new(key).expect("valid"), TagValue::new(value).expect("valid"));
        check(&Tags::from([tag]), &StreamName::new("orders").expect("valid"), AccountId::DEFAULT)
    }

    #[test]
    fn letters_digits_spaces_and_some_signs_are_taken() {
        for text in ["team", "Größe 7", "команда", "部署", "a_b.c/d=e+f-g@h:i", " ", "٣", "AWS:x", "x aws:"]
        {
            assert_eq!(judged(text, text), Ok(()), "{text}");
        }
        assert_eq!(judged("empty", ""), Ok(()));
    }

    #[test]
    fn other_characters_are_refused_in_keys_and_in_values() {
        for text in ["a,b", "a!", "\u{0}", "🦀", "a\"b", "a*", "<a>"] {
            assert_eq!(judged(text, "v"), Err(messages::invalid_tag_characters()), "{text}");
            assert_eq!(judged("k", text), Err(messages::invalid_tag_characters()), "{text}");
        }
    }

    #[test]
    fn a_percent_sign_passes_the_first_check_and_fails_the_second() {
        let message = judged("50%", "v").expect_err("refused").message;
        assert!(message.starts_with("Failed to add tags to stream orders under account 000000000000 because"));
        assert_eq!(judged("k", "50%").expect_err("refused").message, message);
        assert_eq!(judged("50%", "!"), Err(messages::invalid_tag_characters()), "the first check comes first");
    }

    #[test]
    fn keys_that_aws_gives_are_refused() {
        assert!(judged("aws:team", "v").expect_err("refused").message.contains("aws:"));
        assert_eq!(judged("k", "aws:team"), Ok(()), "only keys are reserved");
    }
}
