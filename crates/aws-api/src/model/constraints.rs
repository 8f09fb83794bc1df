//! The constraint check: lengths, ranges, patterns and enumerations of the model, with the
//! messages of the service.

use super::document::{Document, Fields};
use super::print::{quoted, shortened};
use super::shape::{Bounds, Kind, Presence, Shape};
use anabranch_api::{ApiError, ErrorCode};

/// Violations that one answer lists.
const VIOLATIONS_MAX: usize = 10;

/// Checks every member of a request.
///
/// # Errors
/// ValidationException that lists the first ten violations.
pub(crate) fn check(fields: &Fields) -> Result<(), ApiError> {
    let mut violations = Violations::default();
    violations.structure(fields, "");
    violations.into_result()
}

/// A required member is absent, for rules that the model does not have.
///
/// # Errors
/// Always: ValidationException that names `path`.
pub(crate) fn absent<T>(path: &str) -> Result<T, ApiError> {
    let mut violations = Violations::default();
    violations.add("null", path, "Member must not be null");
    Err(violations.into_error())
}

#[derive(Default)]
struct Violations {
    items: Vec<String>,
}

impl Violations {
    fn into_result(self) -> Result<(), ApiError> {
        if self.items.is_empty() { Ok(()) } else { Err(self.into_error()) }
    }

    fn into_error(self) -> ApiError {
        let count = self.items.len();
        let plural = if count == 1 { "" } else { "s" };
        let message = format!("{count} validation error{plural} detected: {}", self.items.join("; "));
        ApiError::new(ErrorCode::Validation, message)
    }

    fn add(&mut self, value: &str, path: &str, constraint: &str) {
        if self.items.len() < VIOLATIONS_MAX {
            self.items.push(format!("Value {value} at '{path}' failed to satisfy constraint: {constraint}"));
        }
    }

    fn structure(&mut self, fields: &Fields, prefix: &str) {
        let otherwise_named = fields.get("StreamARN").is_some() || fields.get("StreamId").is_some();
        for member in &fields.structure().members {
            let path = format!("{prefix}{}", member.path);
            match (fields.get(&member.name), member.presence) {
                (Some(value), _) => self.value(&member.shape, value, &path),
                (None, Presence::Optional) => {}
                (None, Presence::RequiredUnlessOtherwiseNamed) if otherwise_named => {}
                (None, Presence::Required | Presence::RequiredUnlessOtherwiseNamed) => {
                    self.add("null", &path, "Member must not be null");
                }
            }
        }
    }

    fn value(&mut self, shape: &Shape, value: &Document, path: &str) {
        if self.items.len() == VIOLATIONS_MAX {
            return;
        }
        let broken = broken_constraints(shape, value);
        if !broken.is_empty() {
            let printed = quoted(shape, value);
            broken.iter().for_each(|constraint| self.add(&printed, path, constraint));
        }
        match (&shape.kind, value) {
            (Kind::Structure(_), Document::Structure(fields)) => self.structure(fields, &format!("{path}.")),
            (Kind::List { element, .. }, Document::List { kept, .. }) => {
                let structured = matches!(element.kind, Kind::Structure(_));
                for (index, entry) in kept.iter().enumerate() {
                    let path = format!("{path}.{}.member", index + 1);
                    match entry {
                        Document::Null => self.add("null", &path, "Member must not be null"),
                        entry if structured => self.value(element, entry, &path),
                        _ => {}
                    }
                }
            }
            (Kind::Map { .. }, Document::Map { kept, .. }) => {
                for (key, _) in kept.iter().filter(|(_, entry)| *entry == Document::Null) {
                    self.add("null", &format!("{path}.{}.member", shortened(key)), "Member must not be null");
                }
            }
            _ => {}
        }
    }
}

/// The constraints of `shape` that `value` breaks, in the service's order and words.
fn broken_constraints(shape: &Shape, value: &Document) -> Vec<String> {
    let mut broken = Vec::new();
    match (&shape.kind, value) {
        (Kind::Text { length, pattern, values }, Document::Text(text)) => {
            if !values.is_empty() && !values.contains(text) {
                broken.push(format!("Member must satisfy enum value set: [{}]", values.join(", ")));
            }
            if let Some(pattern) = pattern.as_ref().filter(|pattern| !pattern.matches(text)) {
                broken.push(format!("Member must satisfy regular expression pattern: {}", pattern.source()));
            }
            outside(length, "length", text.chars().count() as i64, &mut broken);
        }
        (Kind::Integer(range), Document::Integer(number)) => outside(range, "value", *number, &mut broken),
        (Kind::Blob(length), Document::Blob(bytes)) => outside(length, "length", bytes.len() as i64, &mut broken),
        (Kind::List { element, length }, Document::List { kept, length: count }) => {
            outside(length, "length", *count as i64, &mut broken);
            if kept.iter().any(|entry| breaks(element, entry)) {
                broken.push(format!("Member must satisfy constraint: [{}]", constraints(element)));
            }
        }
        (Kind::Map { key, value, length }, Document::Map { kept, length: count }) => {
            outside(length, "length", *count as i64, &mut broken);
            if kept.iter().any(|(name, _)| breaks(key, &Document::Text(name.clone()))) {
                broken.push(format!("Map keys must satisfy constraint: [{}]", constraints(key)));
            }
            if kept.iter().any(|(_, entry)| breaks(value, entry)) {
                broken.push(format!("Map value must satisfy constraint: [{}]", constraints(value)));
            }
        }
        _ => {}
    }
    broken
}

/// Whether an entry of a list or map breaks a constraint; structures are judged member by member.
fn breaks(shape: &Shape, entry: &Document) -> bool {
    !matches!(shape.kind, Kind::Structure(_)) && !broken_constraints(shape, entry).is_empty()
}

/// `Member must have <what> greater than or equal to N`, then `less than`.
fn outside(bounds: &Bounds, what: &str, number: i64, broken: &mut Vec<String>) {
    if let Some(min) = bounds.min.filter(|_| !bounds.admits_from_below(number)) {
        broken.push(format!("Member must have {what} greater than or equal to {min}"));
    }
    if let Some(max) = bounds.max.filter(|_| !bounds.admits_from_above(number)) {
        broken.push(format!("Member must have {what} less than or equal to {max}"));
    }
}

/// All constraints of an entry, the upper limit first, as the service lists them.
fn constraints(shape: &Shape) -> String {
    let (bounds, what) = match &shape.kind {
        Kind::Text { length, .. } | Kind::Blob(length) => (length, "length"),
        Kind::Integer(range) => (range, "value"),
        _ => return String::new(),
    };
    let mut listed = Vec::new();
    if let Some(max) = bounds.max {
        listed.push(format!("Member must have {what} less than or equal to {max}"));
    }
    if let Some(min) = bounds.min {
        listed.push(format!("Member must have {what} greater than or equal to {min}"));
    }
    if let Kind::Text { pattern: Some(pattern), .. } = &shape.kind {
        listed.push(format!("Member must satisfy regular expression pattern: {}", pattern.source()));
    }
    if let Kind::Text { values, .. } = &shape.kind
        && !values.is_empty()
    {
        listed.push(format!("Member must satisfy enum value set: [{}]", values.join(", ")));
    }
    listed.join(", ")
}

#[cfg(test)]
mod tests;
