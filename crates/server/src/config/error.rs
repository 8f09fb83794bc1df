//! Why a configuration cannot be used, always with the place to look at.

use std::ops::Range;
use std::path::{Path, PathBuf};

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
    /// The file is no TOML, has a key that there is none of, or a value of another kind.
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
    /// Each value may stand, but not all of them together.
    #[error("{key} {rule}")]
    Invalid {
        /// The key, with its tables.
        key: &'static str,
        /// The rule it breaks.
        rule: &'static str,
    },
}

impl ConfigError {
    /// Places a parser's error in the file's `text`.
    pub(super) fn refused(path: &Path, text: &str, error: &toml::de::Error) -> Self {
        let (line, key) = place(text, error.span().unwrap_or(0..0));
        ConfigError::Refused { path: path.to_owned(), line, key, message: error.message().replace('\n', " ") }
    }
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
