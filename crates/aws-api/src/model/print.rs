//! How messages print the values that they refuse.

use super::document::Document;
use super::shape::{Kind, Shape};
use std::borrow::Cow;

/// Characters of a refused value that a message repeats. The service repeats all; a limit here
/// keeps one bad request from filling an answer with copies of itself (D16).
const PRINTED_CHARACTERS_MAX: usize = 4_096;

/// `text`, or its beginning and `...` when it is longer than messages repeat.
pub(super) fn shortened(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(PRINTED_CHARACTERS_MAX) {
        None => Cow::Borrowed(text),
        Some((end, _)) => Cow::Owned(format!("{}...", &text[..end])),
    }
}

/// A value with the quotes that messages put around it; `null` has none.
pub(super) fn quoted(shape: &Shape, value: &Document) -> String {
    match value {
        Document::Null => "null".to_owned(),
        value => format!("'{}'", shortened(&plain(shape, value))),
    }
}

/// As Java prints the service's own value.
fn plain(shape: &Shape, value: &Document) -> String {
    match (value, &shape.kind) {
        (Document::Null, _) => "null".to_owned(),
        (Document::Text(text), _) => text.clone(),
        (Document::Integer(number), _) => number.to_string(),
        (Document::Boolean(truth), _) => truth.to_string(),
        (Document::Timestamp(moment), _) => moment.to_string(),
        (Document::Blob(bytes), _) => format!("java.nio.HeapByteBuffer[pos=0 lim={0} cap={0}]", bytes.len()),
        (Document::List { kept, .. }, Kind::List { element, .. }) => {
            let entries: Vec<String> = kept.iter().map(|entry| plain(element, entry)).collect();
            format!("[{}]", entries.join(", "))
        }
        (Document::Map { kept, .. }, Kind::Map { value, .. }) => {
            let entries: Vec<String> =
                kept.iter().map(|(key, entry)| format!("{key}={}", plain(value, entry))).collect();
            format!("{{{}}}", entries.join(", "))
        }
        // The service prints the class and an address here; the address means nothing to anyone.
        (Document::Structure(_) | Document::List { .. } | Document::Map { .. }, _) => {
            format!("com.amazonaws.kinesis.v20131202.{}", shape.name)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_value_is_printed_up_to_the_limit() {
        assert_eq!(shortened(&"ä".repeat(PRINTED_CHARACTERS_MAX)), "ä".repeat(PRINTED_CHARACTERS_MAX));
        let long = shortened(&"ä".repeat(PRINTED_CHARACTERS_MAX + 1)).into_owned();
        assert_eq!(long, format!("{}...", "ä".repeat(PRINTED_CHARACTERS_MAX)));
    }
}
