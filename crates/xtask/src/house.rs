//! Where the workspace and its target directory are, and how commands are started in them.

use anyhow::{Context, bail, ensure};
use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// ccache's compiler names. First in PATH, they need no variable that build scripts watch, so
/// a build with ccache and one without it are the same build to cargo.
const CCACHE_COMPILERS: &str = "/usr/lib/ccache";

/// The workspace's directory and the target directory of every inner cargo.
pub struct House {
    root: PathBuf,
    target: PathBuf,
}

impl House {
    /// Finds the workspace that this xtask belongs to.
    ///
    /// # Errors
    /// When there is neither a CARGO_TARGET_DIR nor a home directory to put one in.
    pub fn find() -> anyhow::Result<House> {
        let manifest = env::var_os("CARGO_MANIFEST_DIR").context("start it as `cargo xtask`")?;
        let root = Path::new(&manifest).ancestors().nth(2).context("xtask lies two levels below the root")?;
        let target = match env::var_os("CARGO_TARGET_DIR") {
            Some(target) if !target.is_empty() => env::current_dir()?.join(target),
            _ => PathBuf::from(env::var_os("HOME").context("set CARGO_TARGET_DIR or HOME")?)
                .join(".cache/anabranch/target"),
        };
        Ok(House { root: root.to_owned(), target })
    }

    /// The workspace's directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where inner cargos build.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// A command that runs at the root, with ccache's compilers first when they are installed.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root).env("PATH", path_with_ccache());
        // What the outer `cargo run` set for xtask itself is not for the inner cargo.
        for (name, _) in env::vars_os() {
            let text = name.to_string_lossy();
            if text == "CARGO" || text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                command.env_remove(&name);
            }
        }
        command
    }

    /// The inner cargo.
    pub fn cargo(&self) -> Command {
        let mut command = self.command("cargo");
        command.env("CARGO_TARGET_DIR", &self.target);
        command
    }

    /// The paths of tracked and new files that git does not ignore, relative to the root, sorted.
    ///
    /// # Errors
    /// When git fails.
    pub fn files(&self) -> anyhow::Result<Vec<PathBuf>> {
        let mut git = self.command("git");
        git.args(["ls-files", "--cached", "--others", "--exclude-standard"]);
        let listing = stdout_of(&mut git)?;
        let mut files: Vec<PathBuf> = listing.lines().map(PathBuf::from).collect();
        files.retain(|path| self.root.join(path).is_file());
        files.sort();
        files.dedup();
        Ok(files)
    }

    /// The text of a file, or nothing when it is not UTF-8.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn text(&self, path: &Path) -> anyhow::Result<Option<String>> {
        let bytes = std::fs::read(self.root.join(path)).with_context(|| format!("read {}", path.display()))?;
        Ok(String::from_utf8(bytes).ok())
    }
}

fn path_with_ccache() -> OsString {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = env::split_paths(&path).collect();
    let ccache = PathBuf::from(CCACHE_COMPILERS);
    if ccache.is_dir() && folders.first() != Some(&ccache) {
        folders.insert(0, ccache);
    }
    env::join_paths(folders).unwrap_or(path)
}

/// Runs a command with this terminal and waits.
///
/// # Errors
/// When it cannot start, or ends with anything but exit code 0.
pub fn run(command: &mut Command) -> anyhow::Result<()> {
    let status = command.status().with_context(|| format!("start {}", spelled(command)))?;
    ensure!(status.success(), "{} ended with {status}", spelled(command));
    Ok(())
}

/// Runs a command and returns what it printed on stdout; its stderr goes to this terminal.
///
/// # Errors
/// When it cannot start, fails, or prints something that is not UTF-8.
pub fn stdout_of(command: &mut Command) -> anyhow::Result<String> {
    let output = command.stderr(Stdio::inherit()).output().with_context(|| format!("start {}", spelled(command)))?;
    if !output.status.success() {
        bail!("{} ended with {}", spelled(command), output.status);
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// Whether a command can be started and ends well; what it prints is dropped.
pub fn works(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// The command as one would type it.
pub fn spelled(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    format!("`{}`", words.join(" "))
}
