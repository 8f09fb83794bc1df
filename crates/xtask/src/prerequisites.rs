//! What a bare Debian or Ubuntu with Rust lacks: found, installed as root, or named exactly.
//!
//! Protobuf is compiled in Rust, so protoc is not among it.

use crate::house::{self, House, works};
use anyhow::bail;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Something the build or the tests need from the system.
struct Prerequisite {
    what: &'static str,
    why: &'static str,
    /// The Debian package that has it.
    package: &'static str,
    /// Whether nothing works without it.
    required: bool,
    present: fn(&House) -> bool,
}

const PREREQUISITES: &[Prerequisite] = &[
    Prerequisite {
        what: "libclang",
        why: "bindgen reads RocksDB's header with it",
        package: "libclang-dev",
        required: true,
        present: has_libclang,
    },
    Prerequisite {
        what: "a C++ compiler",
        why: "RocksDB is C++",
        package: "g++",
        required: true,
        present: |house| works(house.command("c++").arg("--version")),
    },
    Prerequisite {
        what: "make",
        why: "jemalloc is configured and built with it",
        package: "make",
        required: true,
        present: |house| works(house.command("make").arg("--version")),
    },
    Prerequisite {
        what: "Python's venv",
        why: "the AWS clients are tested in their own environment",
        package: "python3-venv",
        required: true,
        present: |house| works(house.command("python3").args(["-c", "import ensurepip, venv"])),
    },
    Prerequisite {
        what: "ccache",
        why: "a second build of RocksDB takes a minute instead of fifteen",
        package: "ccache",
        required: false,
        present: |house| works(house.command("ccache").arg("--version")),
    },
    Prerequisite {
        what: "ip",
        why: "root's tests cut a node off from the others in network namespaces",
        package: "iproute2",
        required: false,
        present: |house| works(house.command("ip").arg("-Version")),
    },
    Prerequisite {
        what: "mkfs.ext4",
        why: "root's tests cut the power of small disks, and fill them",
        package: "e2fsprogs",
        required: false,
        present: |house| works(house.command("mkfs.ext4").arg("-V")),
    },
];

/// Finds what is missing; installs it where this is root, else names it.
///
/// # Errors
/// Names the one command that installs what is missing.
pub fn ensure_all(house: &House) -> anyhow::Result<()> {
    ensure_toolchain(house)?;
    let missing: Vec<&Prerequisite> = PREREQUISITES.iter().filter(|one| !(one.present)(house)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    for one in &missing {
        let weight = if one.required { "missing" } else { "missing, optional" };
        eprintln!("   {weight}: {} ({})", one.what, one.why);
    }
    let has_apt = works(house.command("apt-get").arg("--version"));
    if has_apt && is_root() {
        install(house, &missing);
    }
    let lacking: Vec<&str> = missing
        .iter()
        .filter(|one| one.required && !(one.present)(house))
        .map(|one| if has_apt { one.package } else { one.what })
        .collect();
    match (lacking.is_empty(), has_apt) {
        (true, _) => Ok(()),
        (false, true) => bail!("install what is missing, then run this again:\n\n    {}\n", apt_line(&lacking)),
        (false, false) => bail!("this system has no apt-get; install: {}", lacking.join(", ")),
    }
}

/// rustfmt and clippy, which a minimal toolchain leaves out.
fn ensure_toolchain(house: &House) -> anyhow::Result<()> {
    for (command, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        if works(house.cargo().args([command, "--version"])) {
            continue;
        }
        if house::run(house.command("rustup").args(["component", "add", component])).is_err() {
            bail!("`cargo {command}` is missing: install {component} of this Rust (rustup component add {component})");
        }
    }
    Ok(())
}

/// Installs all that is missing; an optional one that cannot be had must not stop the others.
fn install(house: &House, missing: &[&Prerequisite]) {
    let (required, optional): (Vec<&Prerequisite>, Vec<&Prerequisite>) = missing.iter().partition(|one| one.required);
    let apt = |args: &[&str]| {
        let mut apt = house.command("apt-get");
        apt.env("DEBIAN_FRONTEND", "noninteractive").args(["-qq", "-o", "DPkg::Lock::Timeout=300"]).args(args);
        if let Err(error) = house::run(&mut apt) {
            eprintln!("   {error:#}");
        }
    };
    apt(&["update"]);
    for packages in [required, optional] {
        let names = packages.iter().map(|one| one.package);
        let args: Vec<&str> = ["install", "--yes", "--no-install-recommends"].into_iter().chain(names).collect();
        if !packages.is_empty() {
            apt(&args);
        }
    }
}

fn apt_line(packages: &[&str]) -> String {
    format!("sudo apt-get update && sudo apt-get install --yes {}", packages.join(" "))
}

/// The owner of this process's entry in /proc is its effective user.
fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|entry| entry.uid() == 0)
}

/// Looks where bindgen looks: LIBCLANG_PATH, llvm-config, then the usual folders.
fn has_libclang(house: &House) -> bool {
    let given = std::env::var_os("LIBCLANG_PATH").map(PathBuf::from);
    let told = house::stdout_of(house.command("sh").args(["-c", "llvm-config --libdir 2>/dev/null || true"]));
    let told = told.ok().map(|folder| PathBuf::from(folder.trim()));
    let usual = ["/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu"];
    let versions = Path::new("/usr/lib").read_dir().into_iter().flatten().flatten().map(|entry| entry.path());
    let versions = versions.filter(|path| path.to_string_lossy().contains("llvm")).map(|path| path.join("lib"));
    given.into_iter().chain(told).chain(usual.map(PathBuf::from)).chain(versions).any(|path| holds_libclang(&path))
}

/// Whether `path` is libclang or a folder with it.
fn holds_libclang(path: &Path) -> bool {
    let named = |path: &Path| path.file_name().is_some_and(|name| is_libclang(&name.to_string_lossy()));
    path.is_file() && named(path)
        || path.read_dir().is_ok_and(|mut all| all.any(|one| one.is_ok_and(|one| named(&one.path()))))
}

/// `libclang.so`, `libclang-14.so`, `libclang.so.1`, `libclang-14.so.1`; not `libclang-cpp.so`.
fn is_libclang(name: &str) -> bool {
    let Some(rest) = name.strip_prefix("libclang") else { return false };
    let Some((version, _)) = rest.split_once(".so") else { return false };
    version.is_empty()
        || version.strip_prefix('-').is_some_and(|version| version.starts_with(|digit: char| digit.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libclang_is_told_from_its_neighbours() {
        for name in ["libclang.so", "libclang-14.so", "libclang.so.1", "libclang-14.0.6.so", "libclang-14.so.1"] {
            assert!(is_libclang(name), "{name}");
        }
        for name in ["libclang-cpp.so.14", "libclang-cpp.so", "libclangAST.a", "libclang.a", "libc.so"] {
            assert!(!is_libclang(name), "{name}");
        }
    }

    #[test]
    fn what_the_build_of_each_engine_runs_is_looked_for() {
        let required: Vec<&str> = PREREQUISITES.iter().filter(|one| one.required).map(|one| one.package).collect();
        for package in ["libclang-dev", "g++", "make"] {
            assert!(required.contains(&package), "{package}");
        }
    }

    #[test]
    fn the_install_line_can_be_pasted() {
        let line = "sudo apt-get update && sudo apt-get install --yes libclang-dev g++";
        assert_eq!(apt_line(&["libclang-dev", "g++"]), line);
    }
}
