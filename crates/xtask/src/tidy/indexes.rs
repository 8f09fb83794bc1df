//! Index pages name every file of their folder: decisions and formats.

use super::SourceFile;
use std::path::Path;

/// A folder of pages, and the page that links them all.
const INDEXES: &[(&str, &str)] = &[("docs/adr", "docs/adr/README.md"), ("docs/formats", "docs/FORMATS.md")];

/// Pages that their index does not link.
pub fn findings(files: &[SourceFile]) -> Vec<String> {
    INDEXES.iter().flat_map(|(folder, index)| missing(files, Path::new(folder), Path::new(index))).collect()
}

fn missing(files: &[SourceFile], folder: &Path, index: &Path) -> Vec<String> {
    let pages = files.iter().map(|file| file.path.as_path());
    let pages = pages.filter(|path| path.parent() == Some(folder) && *path != index);
    let pages = pages.filter(|path| path.extension().is_some_and(|ending| ending == "md"));
    let Some(text) = files.iter().find(|file| file.path == index).map(|file| file.text.as_str()) else {
        return vec![format!("{} is missing: the index of {}", index.display(), folder.display())];
    };
    let from = index.parent().unwrap_or(index);
    pages
        .filter(|page| {
            let link = page.strip_prefix(from).unwrap_or(page);
            !text.contains(&format!("]({})", link.display()))
        })
        .map(|page| format!("{}: not linked in {}", page.display(), index.display()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::*;

    #[test]
    fn a_page_that_its_index_does_not_link_is_found() {
        let files = [
            file("docs/adr/README.md", "[log](0001-log.md)"),
            file("docs/adr/0001-log.md", ""),
            file("docs/adr/0002-store.md", ""),
            file("docs/FORMATS.md", "[walog](formats/walog.md)"),
            file("docs/formats/walog.md", ""),
        ];
        assert_eq!(findings(&files), ["docs/adr/0002-store.md: not linked in docs/adr/README.md"]);
    }
}
