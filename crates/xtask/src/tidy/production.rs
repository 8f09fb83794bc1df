//! What of the tree is production code: Rust in crates, without tests, benches and generated code.

use super::SourceFile;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A production file without its items for tests.
pub struct ProductionFile<'a> {
    /// Relative to the root.
    pub path: &'a Path,
    /// Its lines that are not for tests only.
    pub lines: Vec<&'a str>,
}

/// The production files among `files`.
pub fn production(files: &[SourceFile]) -> Vec<ProductionFile<'_>> {
    let rust = || files.iter().filter(|file| is_production(&file.path));
    let test_modules: BTreeSet<PathBuf> = rust().flat_map(test_modules).collect();
    let is_test =
        |path: &Path| test_modules.iter().any(|module| path.starts_with(module) || path.with_extension("") == *module);
    let counted = rust().filter(|file| !is_test(&file.path));
    counted.map(|file| ProductionFile { path: &file.path, lines: production_lines(&file.text) }).collect()
}

fn is_production(path: &Path) -> bool {
    let exempt = ["tests", "benches", "examples", "generated"];
    let folders = path.parent().into_iter().flat_map(Path::components);
    let exempted = folders.into_iter().any(|folder| exempt.iter().any(|name| folder.as_os_str() == *name));
    path.starts_with("crates") && path.extension().is_some_and(|ending| ending == "rs") && !exempted
}

/// Where the modules that a file declares for tests only lie, without `.rs`.
fn test_modules(file: &SourceFile) -> Vec<PathBuf> {
    let own = file.path.with_extension("");
    let is_root = ["lib", "main", "mod"].iter().any(|name| own.file_name().is_some_and(|own| own == *name));
    let folder = if is_root { own.parent().unwrap_or(&own).to_owned() } else { own };
    let mut modules = Vec::new();
    let mut lines = file.text.lines().map(str::trim);
    while let Some(line) = lines.next() {
        if !is_test_attribute(line) {
            continue;
        }
        let item = lines.by_ref().find(|line| !line.starts_with("#[")).unwrap_or_default();
        let name = item.split_once("mod ").and_then(|(_, name)| name.strip_suffix(';'));
        modules.extend(name.map(|name| folder.join(name)));
    }
    modules
}

fn is_test_attribute(line: &str) -> bool {
    line.starts_with("#[cfg(test)]") || line.starts_with("#[cfg(all(test")
}

/// The lines outside of items for tests. In formatted code an item ends with the first `}` or `;`
/// that stands as deep as its attribute.
fn production_lines(text: &str) -> Vec<&str> {
    let mut production = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if !is_test_attribute(line.trim_start()) {
            production.push(line);
            continue;
        }
        let depth = indent(line);
        lines.by_ref().find(|line| indent(line) == depth && line.ends_with([';', '}']));
    }
    production
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::*;

    #[test]
    fn tests_inside_a_file_do_not_count() {
        let text = "fn a() {}\n\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn b() {\n    }\n}\nfn c() {}\n";
        assert_eq!(production_lines(text), ["fn a() {}", "", "fn c() {}"]);
    }

    #[test]
    fn one_line_items_for_tests_do_not_count() {
        assert_eq!(production_lines("#[cfg(test)]\nmod tests;\nfn a() {}\n"), ["fn a() {}"]);
        let text = "#[cfg(test)]\nuse x::{y, z};\n#[cfg(test)]\nfn b() {}\nfn a() {}\n";
        assert_eq!(production_lines(text), ["fn a() {}"]);
    }

    #[test]
    fn test_modules_in_their_own_files_do_not_count() {
        let files = [
            file("crates/a/src/lib.rs", "#[cfg(test)]\nmod cases;\n"),
            file("crates/a/src/cases.rs", "fn b() {}"),
            file("crates/a/src/log.rs", "#[cfg(test)]\nmod cases;\n"),
            file("crates/a/src/log/cases.rs", "fn b() {}"),
            file("crates/a/tests/it.rs", "fn b() {}"),
        ];
        let paths: Vec<&Path> = production(&files).iter().map(|file| file.path).collect();
        assert_eq!(paths, [Path::new("crates/a/src/lib.rs"), Path::new("crates/a/src/log.rs")]);
    }
}
