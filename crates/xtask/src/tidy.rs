//! `cargo xtask tidy`: what no other tool looks after. One file per rule.

mod dependencies;
mod indexes;
mod links;
mod machine_paths;
mod metric_names;
mod production;
mod readme;
mod sizes;

use crate::house::House;
use anyhow::bail;
use std::path::PathBuf;

/// One file of the tree with its text.
struct SourceFile {
    /// Relative to the root.
    path: PathBuf,
    text: String,
}

/// Checks every rule.
///
/// # Errors
/// Names every file that breaks one.
pub fn check(house: &House) -> anyhow::Result<()> {
    let files = read(house)?;
    let mut findings = sizes::findings(&files);
    findings.extend(indexes::findings(&files));
    findings.extend(links::findings(&files, |path| house.root().join(path).exists()));
    findings.extend(metric_names::findings(&files));
    findings.extend(machine_paths::findings(&files));
    findings.extend(readme::findings(&files));
    findings.extend(dependencies::findings(&files));
    if !findings.is_empty() {
        bail!("\n   {}", findings.join("\n   "));
    }
    eprintln!("   {}", sizes::summary(&files));
    Ok(())
}

/// Every text file that git knows or would add.
fn read(house: &House) -> anyhow::Result<Vec<SourceFile>> {
    let mut files = Vec::new();
    for path in house.files()? {
        if let Some(text) = house.text(&path)? {
            files.push(SourceFile { path, text });
        }
    }
    Ok(files)
}

#[cfg(test)]
fn file(path: &str, text: &str) -> SourceFile {
    SourceFile { path: PathBuf::from(path), text: text.to_owned() }
}
