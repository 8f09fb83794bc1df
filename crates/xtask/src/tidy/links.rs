//! Links between pages of this tree lead somewhere.

use super::SourceFile;
use std::path::{Component, Path, PathBuf};

/// Relative links in Markdown files whose target `exists` denies.
pub fn findings(files: &[SourceFile], exists: impl Fn(&Path) -> bool) -> Vec<String> {
    let pages = files.iter().filter(|file| file.path.extension().is_some_and(|ending| ending == "md"));
    let mut findings = Vec::new();
    for page in pages {
        for link in relative_links(&page.text) {
            let folder = page.path.parent().unwrap_or(Path::new(""));
            if !exists(&normal(&folder.join(link))) {
                findings.push(format!("{}: the link to {link} leads nowhere", page.path.display()));
            }
        }
    }
    findings
}

/// The paths in `](path)` or `](path#part)` outside of code, without those that name a scheme.
fn relative_links(text: &str) -> Vec<&str> {
    let prose = text.split("```").step_by(2);
    let links = prose.flat_map(|prose| prose.split("](").skip(1)).filter_map(|rest| rest.split_once(')'));
    let paths = links.map(|(link, _)| link.split_once('#').map_or(link, |(path, _)| path));
    paths.filter(|path| !path.is_empty() && !path.contains(':')).collect()
}

/// Resolves `..` by name.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                normal.pop();
            }
            Component::CurDir => {}
            other => normal.push(other),
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::*;

    #[test]
    fn a_dead_link_is_found_and_a_web_address_is_left_alone() {
        let text = "[a](../README.md#start) [b](gone.md) [c](https://example.org/x) [d](#here)\n```\n[e](code.md)\n```";
        let findings = findings(&[file("docs/CLI.md", text)], |path| path == Path::new("README.md"));
        assert_eq!(findings, ["docs/CLI.md: the link to gone.md leads nowhere"]);
    }
}
