//! The workspace's packages as cargo describes them.

use crate::house::{House, stdout_of};
use anyhow::Context;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// One package of the workspace.
#[derive(Debug, Clone)]
pub struct Package {
    /// As Cargo.toml names it.
    pub name: String,
    /// Its directory, relative to the root.
    pub folder: PathBuf,
    /// `[package.metadata.house] floor`.
    pub floor: Option<u64>,
    /// The names of packages it depends on, of every kind, here and in registries.
    pub dependencies: BTreeSet<String>,
}

/// The workspace's packages by name.
pub type Packages = BTreeMap<String, Package>;

/// Reads the packages; needs no network.
///
/// # Errors
/// When cargo refuses a manifest or prints what this cannot read.
pub fn read(house: &House) -> anyhow::Result<Packages> {
    let mut cargo = house.cargo();
    cargo.args(["metadata", "--no-deps", "--format-version", "1"]);
    parse(&stdout_of(&mut cargo)?, house.root())
}

fn parse(metadata: &str, root: &Path) -> anyhow::Result<Packages> {
    let metadata: Value = serde_json::from_str(metadata)?;
    let packages = metadata["packages"].as_array().context("cargo metadata has packages")?;
    packages
        .iter()
        .map(|package| {
            let name = package["name"].as_str().context("a package has a name")?;
            let manifest = Path::new(package["manifest_path"].as_str().context("a package has a manifest")?);
            let folder = manifest.parent().context("a manifest lies in a folder")?;
            let dependencies = package["dependencies"].as_array().context("a package has dependencies")?;
            let package = Package {
                name: name.to_owned(),
                folder: folder.strip_prefix(root)?.to_owned(),
                floor: package["metadata"]["house"]["floor"].as_u64(),
                dependencies: dependencies.iter().filter_map(|edge| edge["name"].as_str()).map(str::to_owned).collect(),
            };
            Ok((name.to_owned(), package))
        })
        .collect()
}

/// Whether `from` depends on `on`, directly or through packages of the workspace.
pub fn reaches(packages: &Packages, from: &str, on: &str) -> bool {
    let mut open = vec![from];
    let mut seen = BTreeSet::new();
    while let Some(name) = open.pop() {
        let Some(package) = packages.get(name).filter(|_| seen.insert(name)) else { continue };
        if package.dependencies.contains(on) {
            return true;
        }
        open.extend(package.dependencies.iter().map(String::as_str));
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floor_and_edges_are_read_and_followed() {
        let metadata = r#"{"packages": [
            {"name": "low", "manifest_path": "/w/crates/low/Cargo.toml", "dependencies": [{"name": "engine"}],
             "metadata": {"house": {"floor": 2}}},
            {"name": "high", "manifest_path": "/w/crates/high/Cargo.toml", "dependencies": [{"name": "low"}],
             "metadata": null}]}"#;
        let packages = parse(metadata, Path::new("/w")).unwrap();
        assert_eq!(packages["low"].floor, Some(2));
        assert_eq!(packages["high"].floor, None);
        assert_eq!(packages["low"].folder, Path::new("crates/low"));
        assert!(reaches(&packages, "high", "engine"));
        assert!(!reaches(&packages, "low", "high"));
    }
}
