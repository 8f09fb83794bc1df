//! Every direct dependency on other people's code has a line that says why.

use super::SourceFile;
use std::path::Path;

/// The page with the lines.
const PAGE: &str = "docs/adr/0000-dependencies.md";
/// How the names of our own crates begin.
const OURS: &str = "anabranch-";

/// Dependencies without a line, and lines without a dependency.
pub fn findings(files: &[SourceFile]) -> Vec<String> {
    let text = |path: &str| files.iter().find(|file| file.path == Path::new(path)).map_or("", |file| &file.text);
    let used: Vec<&str> = declared(text("Cargo.toml"));
    let explained: Vec<&str> = explained(text(PAGE));
    let missing = used.iter().filter(|name| !explained.contains(name));
    let missing = missing.map(|name| format!("{PAGE}: no line says why {name} is here"));
    let stale = explained.iter().filter(|name| !used.contains(name));
    let stale = stale.map(|name| format!("{PAGE}: {name} is no dependency"));
    missing.chain(stale).collect()
}

/// The names in `[workspace.dependencies]`, without our own.
fn declared(manifest: &str) -> Vec<&str> {
    let table = manifest.lines().skip_while(|line| *line != "[workspace.dependencies]").skip(1);
    let lines = table.take_while(|line| !line.starts_with('['));
    let names = lines.filter_map(|line| line.split_once(" = ")).map(|(name, _)| name);
    names.filter(|name| !name.starts_with(OURS) && !name.starts_with('#')).collect()
}

/// The names in the first column of the page's tables.
fn explained(page: &str) -> Vec<&str> {
    page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |")).map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::*;

    #[test]
    fn manifest_and_page_must_name_the_same_crates() {
        let manifest = "[workspace.dependencies]\nanabranch-types = { path = \"x\" }\n# Ground\nbytes = \"1\"\nhttp = \"1\"\n\n[profile.dev]\ndebug = 1\n";
        let page = "| crate | why |\n|---|---|\n| `http` | types |\n| `gone` | was here |\n";
        let findings = findings(&[file("Cargo.toml", manifest), file(PAGE, page)]);
        assert_eq!(
            findings,
            [format!("{PAGE}: no line says why bytes is here"), format!("{PAGE}: gone is no dependency")]
        );
    }
}
