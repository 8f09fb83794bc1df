//! Pages of a run: with all that makes numbers a result, without the paths of this machine.

use super::Setting;
use crate::house::{self, House};
use crate::probe;
use anyhow::Context;
use std::fs;
use std::path::PathBuf;
use std::time::Instant;

/// Where pages are kept for readers.
const FOLDER: &str = "docs/benchmarks";

/// A run that will be published.
pub struct Run<'a> {
    setting: &'a Setting<'a>,
    name: &'static str,
    repeats: usize,
    machine_before: String,
    started: Instant,
}

impl<'a> Run<'a> {
    /// Looks at the machine and begins.
    ///
    /// # Errors
    /// When the disk cannot be written.
    pub fn begin(setting: &'a Setting, name: &'static str, repeats: usize) -> anyhow::Result<Run<'a>> {
        let machine_before = probe::text(&setting.folder)?;
        eprintln!("   machine: {machine_before}");
        Ok(Run { setting, name, repeats, machine_before, started: Instant::now() })
    }

    /// Writes page and plots, prints the page, and says where they are: in the docs, or of a trial in
    /// the target directory.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn publish(&self, title: &str, body: &str, plots: &[(String, String)]) -> anyhow::Result<()> {
        let (house, options) = (self.setting.house, self.setting.options);
        let machine_after = probe::text(&self.setting.folder)?;
        let as_built = if options.as_built { ", binaries as an earlier build left them" } else { "" };
        let head = format!(
            "# {title}\n\nWritten by `cargo xtask bench {}{}`; [how it measures](../BENCH.md).\n\n| | |\n|---|---|\n\
             | commit | {}, release profile{as_built} |\n| machine | {}; Linux {} |\n| before | {} |\n| after | {machine_after} |\n\
             | repeats | {}, {} s each behind {} s of warm-up; {:.0} s in all |\n",
            self.name,
            options.spelled(),
            commit(house)?,
            processor(),
            kernel(),
            self.machine_before,
            self.repeats,
            options.seconds(),
            options.warm_up_seconds(),
            self.started.elapsed().as_secs_f64(),
        );
        let page = self.without_paths(&format!("{head}\n{body}"));
        let folder = if options.trial { self.setting.folder.join("trial") } else { house.root().join(FOLDER) };
        fs::create_dir_all(&folder)?;
        for (name, plot) in plots {
            fs::write(folder.join(name), plot)?;
        }
        let path = folder.join(format!("{}.md", self.name));
        fs::write(&path, &page).with_context(|| format!("write {}", path.display()))?;
        println!("{page}\nkept as {}", path.display());
        Ok(())
    }

    fn without_paths(&self, text: &str) -> String {
        let house = self.setting.house;
        let home = std::env::var_os("HOME").map(PathBuf::from);
        let known = [(Some(house.target().to_owned()), "$TARGET"), (Some(house.root().to_owned()), "."), (home, "~")];
        let mut text = text.to_owned();
        for (path, short) in known {
            if let Some(path) = path.filter(|path| path.components().count() > 1) {
                text = text.replace(&*path.to_string_lossy(), short);
            }
        }
        text
    }
}

/// The commit, and whether the tree differs from it.
///
/// # Errors
/// When git fails.
pub fn commit(house: &House) -> anyhow::Result<String> {
    let hash = house::stdout_of(house.command("git").args(["rev-parse", "--short=12", "HEAD"]))?;
    let changes = house::stdout_of(house.command("git").args(["status", "--porcelain", "--untracked-files=no"]))?;
    Ok(format!("{}{}", hash.trim(), if changes.is_empty() { "" } else { " with changes" }))
}

/// The processor's name, as the kernel tells it.
fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("model name"));
    let name = line.and_then(|line| line.split_once(':')).map(|(_, name)| name.trim().to_owned());
    name.unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}

fn kernel() -> String {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    release.split('-').next().unwrap_or_default().trim().to_owned()
}
