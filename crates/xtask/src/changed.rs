//! Which crates differ from the last commit.

use crate::house::{House, stdout_of};
use crate::packages::Packages;
use std::path::PathBuf;

/// The crates with a file that is changed, new or gone since HEAD, sorted. All of them when the
/// root manifest, the lock file or the lints' settings changed.
///
/// # Errors
/// When git fails.
pub fn crates(house: &House, packages: &Packages) -> anyhow::Result<Vec<String>> {
    let mut git = house.command("git");
    git.args(["status", "--porcelain", "--untracked-files=all", "--no-renames"]);
    let status = stdout_of(&mut git)?;
    let files: Vec<PathBuf> = status.lines().filter_map(|line| line.get(3..)).map(PathBuf::from).collect();
    Ok(owners(&files, packages))
}

fn owners(files: &[PathBuf], packages: &Packages) -> Vec<String> {
    let everything = ["Cargo.toml", "Cargo.lock", "clippy.toml"].map(PathBuf::from);
    let all = files.iter().any(|file| everything.contains(file));
    let owns = |folder: &PathBuf| all || files.iter().any(|file| file.starts_with(folder));
    packages.values().filter(|package| owns(&package.folder)).map(|package| package.name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packages::Package;
    use std::collections::BTreeSet;

    fn packages() -> Packages {
        ["walog", "xtask"]
            .map(|name| {
                let folder = PathBuf::from("crates").join(name);
                (name.to_owned(), Package { name: name.to_owned(), folder, floor: None, dependencies: BTreeSet::new() })
            })
            .into()
    }

    #[test]
    fn a_file_belongs_to_the_crate_of_its_folder() {
        let files = [PathBuf::from("crates/walog/src/lib.rs"), PathBuf::from("docs/CLI.md")];
        assert_eq!(owners(&files, &packages()), ["walog"]);
    }

    #[test]
    fn the_root_manifest_belongs_to_every_crate() {
        assert_eq!(owners(&[PathBuf::from("Cargo.toml")], &packages()), ["walog", "xtask"]);
    }
}
