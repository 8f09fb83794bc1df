//! Why a configuration cannot be used, always with the place to look at.

use super::Broken;
use std::borrow::Cow;
use std::ops::Range;
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {path}", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is no TOML, has a key that there is none of, a value of another kind, or values that
    /// do not fit together.
    #[error("{path}:{line}: {}{message}", key.as_ref().map(|key| format!("{key}: ")).unwrap_or_default(), path = path.display())]
    Refused {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The key or table on that line, where it has one.
        key: Option<String>,
        /// What is wrong; no values of secrets.
        message: String,
    },
    /// Each value of the command line may stand, but not all of them together.
    #[error("{key} {rule}")]
    Invalid {
        /// The key, with its tables.
        key: &'static str,
        /// The rule it breaks.
        rule: Cow<'static, str>,
    },
}

impl ConfigError {
    /// Places a parser's error in the file's `text`.
    pub(super) fn refused(path: &Path, text: &str, error: &toml::de::Error) -> Self {
        let (line, key) = place(text, error.span().unwrap_or(0..0));
        ConfigError::Refused { path: path.to_owned(), line, key, message: error.message().replace('\n', " ") }
    }

    /// Places a broken rule in the file's `text`: at its key, or at the table where the key is left
    /// out.
    pub(super) fn breaks(path: &Path, text: &str, broken: &Broken) -> Self {
        let span = DeTable::parse(text).map(|document| span_of(document.get_ref(), broken)).unwrap_or(0..0);
        let (line, _) = place(text, span);
        let (key, message) = (Some(broken.key.to_owned()), broken.rule.clone().into_owned());
        ConfigError::Refused { path: path.to_owned(), line, key, message }
    }
}

/// Where the key of `broken` is, or the innermost table on the way to it.
fn span_of(document: &DeTable<'_>, broken: &Broken) -> Range<usize> {
    let (mut table, mut span) = (document, 0..0);
    for name in broken.key.split('.') {
        let Some((key, value)) = table.iter().find(|(key, _)| key.get_ref() == name) else { break };
        let element = value.get_ref().as_array().and_then(|list| list.get(broken.element));
        span = element.map_or_else(|| key.span(), Spanned::span);
        match element.unwrap_or(value).get_ref() {
            DeValue::Table(inner) => table = inner,
            DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_) => break,
        }
    }
    span
}

/// The line where `span` starts, and the key or table on it.
fn place(text: &str, span: Range<usize>) -> (usize, Option<String>) {
    let before = text.get(..span.start).unwrap_or(text);
    let line = before.matches('\n').count();
    let key = text.lines().nth(line).and_then(key_of);
    (line + 1, key)
}

/// The key before the equals sign or in the brackets; none where it is not plainly one, for
/// the line might then be anything, also a secret.
fn key_of(line: &str) -> Option<String> {
    let line = line.trim();
    let table = line.strip_prefix('[').map(|rest| rest.trim_start_matches('[').split(']').next().unwrap_or(rest));
    let key = match table {
        Some(table) => table,
        None => line.split_once('=')?.0,
    };
    let key = key.trim();
    let plain = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'));
    plain.then(|| key.to_owned())
}
