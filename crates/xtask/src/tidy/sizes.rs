//! Production lines per file: at most 600. Tests, benches and generated code are not counted.

use super::SourceFile;
use super::production::production;

/// The most lines of production code in one file.
const LINES_MAX: usize = 600;

/// Files with more production lines than a file may have.
pub fn findings(files: &[SourceFile]) -> Vec<String> {
    let sizes = production(files).into_iter().map(|file| (file.path, file.lines.len()));
    let too_long = sizes.filter(|(_, lines)| *lines > LINES_MAX);
    too_long.map(|(path, lines)| format!("{}: {lines} lines, at most {LINES_MAX}: split it", path.display())).collect()
}

/// How long files are, in one line.
pub fn summary(files: &[SourceFile]) -> String {
    let mut lines: Vec<usize> = production(files).iter().map(|file| file.lines.len()).collect();
    lines.sort_unstable();
    let at = |percent: usize| lines.get((lines.len() * percent / 100).min(lines.len().saturating_sub(1))).copied();
    format!(
        "{} production files: median {} lines, 95th percentile {}, longest {}",
        lines.len(),
        at(50).unwrap_or(0),
        at(95).unwrap_or(0),
        at(100).unwrap_or(0)
    )
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::*;

    #[test]
    fn a_long_file_is_refused_and_a_long_test_is_not() {
        let long = "// line\n".repeat(LINES_MAX + 1);
        let files = [file("crates/a/src/lib.rs", &long), file("crates/a/tests/it.rs", &long)];
        assert_eq!(findings(&files), ["crates/a/src/lib.rs: 601 lines, at most 600: split it"]);
    }
}
