//! The README's two commands are there, and they are commands.

use super::SourceFile;
use crate::command::Command;
use std::path::Path;

/// What a newcomer types first.
const COMMANDS: [&str; 2] = ["run", "test"];

/// Commands that the README leaves out, and commands in it that xtask does not understand.
pub fn findings(files: &[SourceFile]) -> Vec<String> {
    let Some(readme) = files.iter().find(|file| file.path == Path::new("README.md")) else {
        return vec!["README.md is missing".to_owned()];
    };
    let lines: Vec<&str> = readme.text.lines().filter_map(|line| line.trim().strip_prefix("cargo xtask ")).collect();
    let lines: Vec<&str> = lines.iter().filter_map(|line| line.split('#').next()).map(str::trim).collect();
    let missing = COMMANDS.iter().filter(|command| !lines.contains(command));
    let missing = missing.map(|command| format!("README.md: no line `cargo xtask {command}`"));
    let unknown = lines.iter().filter(|line| Command::parse(line.split_whitespace().map(str::to_owned)).is_err());
    let unknown = unknown.map(|line| format!("README.md: `cargo xtask {line}` is no command"));
    missing.chain(unknown).collect()
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::*;

    #[test]
    fn the_two_commands_must_stand_on_lines_of_their_own() {
        assert_eq!(
            findings(&[file("README.md", "    cargo xtask run\n    cargo xtask test # all\n")]),
            Vec::<String>::new()
        );
        assert_eq!(findings(&[file("README.md", "cargo xtask run\n")]), ["README.md: no line `cargo xtask test`"]);
        assert_eq!(findings(&[file("README.md", "cargo xtask run\ncargo xtask test\ncargo xtask fly\n")]).len(), 1);
    }
}
