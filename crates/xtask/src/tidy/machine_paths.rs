//! No path of one person's machine is in the tree.

use super::SourceFile;

/// How such paths begin, cut in two so that this file does not find itself.
const STARTS: &[(&str, &str)] = &[("/ho", "me/"), ("/ro", "ot/"), ("/Us", "ers/"), ("/wo", "rk/"), ("C:\\", "Users")];

/// Lines that name one.
pub fn findings(files: &[SourceFile]) -> Vec<String> {
    let starts: Vec<String> = STARTS.iter().map(|(head, tail)| format!("{head}{tail}")).collect();
    let mut findings = Vec::new();
    for file in files {
        for (index, line) in file.text.lines().enumerate() {
            if let Some(start) = starts.iter().find(|start| names_path(line, start)) {
                findings.push(format!("{}:{}: a path of one machine ({start}…)", file.path.display(), index + 1));
            }
        }
    }
    findings
}

/// Whether `start` stands in the line where a path can begin, not inside an address or a word.
fn names_path(line: &str, start: &str) -> bool {
    line.match_indices(start).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|before| !before.is_ascii_alphanumeric() && !"._-/}$*".contains(before))
    })
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::*;

    #[test]
    fn a_home_folder_is_found_and_an_address_is_not() {
        let home = format!("{}{}", "/ho", "me/someone/x");
        let text = format!("see {home}\nhttps://example.org{home}\n$HOME/.cache\n");
        assert_eq!(findings(&[file("docs/a.md", &text)]).len(), 1);
    }
}
