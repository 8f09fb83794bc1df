//! Every metric is documented, and every documented metric exists.

use super::SourceFile;
use super::production::production;
use std::collections::BTreeSet;
use std::path::Path;

/// The page that documents every metric.
const PAGE: &str = "docs/METRICS.md";
/// How every metric's name begins.
const START: &str = "anabranch_";

/// Metrics that only the code or only the page knows.
pub fn findings(files: &[SourceFile]) -> Vec<String> {
    let code = production(files).into_iter().filter(|file| !file.path.starts_with("crates/xtask"));
    let used: BTreeSet<&str> = code.flat_map(|file| file.lines).flat_map(|line| names(line, '"')).collect();
    let page = files.iter().find(|file| file.path == Path::new(PAGE));
    let documented: BTreeSet<&str> =
        page.into_iter().flat_map(|page| page.text.lines()).flat_map(|line| names(line, '`')).collect();
    let missing = used.difference(&documented).map(|name| format!("{PAGE}: {name} is not documented"));
    let stale = documented.difference(&used).map(|name| format!("{PAGE}: {name} is in no crate"));
    missing.chain(stale).collect()
}

/// The names that stand alone between two `quote`s.
fn names(line: &str, quote: char) -> impl Iterator<Item = &str> {
    let quoted = line.split(quote).skip(1).step_by(2);
    quoted.filter(|name| name.strip_prefix(START).is_some_and(|rest| !rest.is_empty() && rest.chars().all(is_name)))
}

fn is_name(letter: char) -> bool {
    letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_'
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::*;

    #[test]
    fn code_and_page_must_name_the_same_metrics() {
        let code = "use anabranch_types::X;\ncounter!(\"anabranch_walog_syncs_total\");\n\"anabranch_walog=debug\"";
        let page = "| `anabranch_gone_total` | |\n| `anabranch_*` | |";
        let findings = findings(&[file("crates/walog/src/metrics.rs", code), file(PAGE, page)]);
        let expected = [
            "docs/METRICS.md: anabranch_walog_syncs_total is not documented",
            "docs/METRICS.md: anabranch_gone_total is in no crate",
        ];
        assert_eq!(findings, expected);
    }
}
