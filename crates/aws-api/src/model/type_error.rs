//! The texts of type errors, byte-exact as recorded from the service.

use super::print::shortened;
use super::shape::Kind;

/// What the request has where the model wants something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found<'a> {
    /// A text.
    Text(&'a str),
    /// Bytes, which JSON does not have.
    Bytes,
    /// Any number.
    Number,
    /// True or false.
    Boolean,
    /// A list.
    List,
    /// An object.
    Object,
}

/// How the service says that `found` does not fit `wanted`.
pub(super) fn text(wanted: &Kind, found: Found<'_>) -> String {
    let class = match (wanted, found) {
        (Kind::Boolean, Found::Text(text)) => {
            return format!("'{}' can not be converted to an Boolean", shortened(text).to_uppercase());
        }
        (Kind::List { .. }, Found::Text(_) | Found::Bytes | Found::Number | Found::Boolean) => {
            return "Expected list or null".to_owned();
        }
        (Kind::Map { .. }, Found::Text(_) | Found::Bytes | Found::Number | Found::Boolean) => {
            return "Expected map or null".to_owned();
        }
        (Kind::Structure(_), Found::Text(_) | Found::Bytes | Found::Number | Found::Boolean) => {
            return "Expected null".to_owned();
        }
        (_, Found::List) => return "Start of list found where not expected".to_owned(),
        (_, Found::Object) => return "Start of structure or map found where not expected.".to_owned(),
        (_, Found::Text(_)) => "java.lang.String",
        // Not recorded: as the service prints a blob's class elsewhere.
        (_, Found::Bytes) => "java.nio.HeapByteBuffer",
        (_, Found::Number) => "com.amazon.coral.value.json.numbers.TruncatingBigNumber",
        (_, Found::Boolean) => "java.lang.Boolean",
    };
    let wanted = match wanted {
        Kind::Text { .. } => "an String",
        Kind::Integer(_) => "an Integer",
        Kind::Boolean => "an Boolean",
        Kind::Blob(_) => "a Blob",
        Kind::Timestamp => "milliseconds since epoch",
        Kind::List { .. } | Kind::Map { .. } | Kind::Structure(_) => unreachable!("answered above"),
    };
    format!("class {class} can not be converted to {wanted}")
}
