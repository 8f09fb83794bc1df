//! `cargo xtask floors`: each crate states its floor and depends only on lower ones, and some
//! outside crates are named in one place only.

use crate::house::House;
use crate::packages::{self, Package, Packages};
use anyhow::bail;

/// Tests and tools stand beside the house: anything may be below them, nothing above.
const BESIDE: u64 = 8;

/// Edges inside a floor, or upwards, and why each is there.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("anabranch-runtime", "anabranch-types", "the clock tells the time in the domain's word, Timestamp"),
    ("anabranch-grpc-api", "anabranch-aws-api", "one port for both doors (D13): its connections, TLS and signatures"),
    ("anabranch-fuzz", "anabranch-fault-proxy", "tries the commands that the other reads; both stand beside the house"),
];

/// Outside crates (by the start of their name) that only these crates may name, so that a change
/// of engine is a change of one crate.
const FENCES: &[(&str, &[&str])] = &[
    ("openraft", &["anabranch-consensus"]),
    ("rocksdb", &["anabranch-store"]),
    ("librocksdb-sys", &["anabranch-store"]),
    ("tonic", &["anabranch-cluster", "anabranch-grpc-api", "anabranch-proto", "anabranch-server"]),
    ("opentelemetry", &["anabranch-telemetry"]),
    ("tracing-opentelemetry", &["anabranch-telemetry"]),
    ("consistent_hash", &["anabranch-catalog"]),
];

/// Checks every crate of the workspace.
///
/// # Errors
/// Names every edge that is not allowed.
pub fn check(house: &House) -> anyhow::Result<()> {
    let packages = packages::read(house)?;
    let findings = findings(&packages);
    if !findings.is_empty() {
        bail!("\n   {}", findings.join("\n   "));
    }
    eprintln!("   {} crates on their floors", packages.len());
    Ok(())
}

fn findings(packages: &Packages) -> Vec<String> {
    packages.values().flat_map(|package| [edges(package, packages), fences(package)].concat()).collect()
}

fn edges(package: &Package, packages: &Packages) -> Vec<String> {
    let Some(floor) = package.floor else {
        return vec![format!("{} states no floor in [package.metadata.house]", package.name)];
    };
    let below = package.dependencies.iter().filter_map(|name| packages.get(name));
    below
        .filter(|on| on.floor.is_none_or(|below| below >= floor || below >= BESIDE))
        .filter(|on| on.name != package.name)
        .filter(|on| !EXCEPTIONS.iter().any(|(from, to, _)| (*from, *to) == (&package.name, &on.name)))
        .map(|on| {
            let stands = on.floor.map_or("no floor".to_owned(), |below| format!("floor {below}"));
            format!("{} (floor {floor}) depends on {} ({stands}): only lower floors", package.name, on.name)
        })
        .collect()
}

fn fences(package: &Package) -> Vec<String> {
    let named = |start: &str| package.dependencies.iter().find(|name| name.starts_with(start)).cloned();
    FENCES
        .iter()
        .filter(|(_, allowed)| !allowed.contains(&package.name.as_str()))
        .filter_map(|(start, allowed)| Some((named(start)?, allowed)))
        .map(|(name, allowed)| format!("{} names {name}, which only {} may", package.name, allowed.join(", ")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn package(name: &str, floor: Option<u64>, dependencies: &[&str]) -> (String, Package) {
        let dependencies = dependencies.iter().map(|name| (*name).to_owned()).collect();
        let package = Package { name: name.to_owned(), folder: PathBuf::new(), floor, dependencies };
        (name.to_owned(), package)
    }

    #[test]
    fn a_crate_may_use_lower_floors() {
        let packages = Packages::from([package("low", Some(1), &["bytes"]), package("high", Some(2), &["low"])]);
        assert_eq!(findings(&packages), Vec::<String>::new());
    }

    #[test]
    fn an_edge_up_or_inside_a_floor_is_refused() {
        let packages = Packages::from([
            package("a", Some(2), &["b", "c"]),
            package("b", Some(2), &[]),
            package("c", Some(3), &[]),
        ]);
        let expected = [
            "a (floor 2) depends on b (floor 2): only lower floors",
            "a (floor 2) depends on c (floor 3): only lower floors",
        ];
        assert_eq!(findings(&packages), expected);
    }

    #[test]
    fn nothing_depends_on_tests_or_tools() {
        let packages = Packages::from([package("tests", Some(8), &[]), package("tool", Some(9), &["tests"])]);
        assert_eq!(findings(&packages).len(), 1);
    }

    #[test]
    fn a_crate_without_a_floor_is_refused() {
        let packages = Packages::from([package("lost", None, &[])]);
        assert_eq!(findings(&packages), ["lost states no floor in [package.metadata.house]"]);
    }

    #[test]
    fn an_engine_is_named_in_one_crate_only() {
        let packages = Packages::from([
            package("anabranch-store", Some(2), &["rocksdb"]),
            package("shard", Some(1), &["rocksdb"]),
        ]);
        assert_eq!(findings(&packages), ["shard names rocksdb, which only anabranch-store may"]);
    }

    #[test]
    fn a_listed_exception_passes() {
        let packages = Packages::from([
            package("anabranch-types", Some(0), &[]),
            package("anabranch-runtime", Some(0), &["anabranch-types"]),
        ]);
        assert_eq!(findings(&packages), Vec::<String>::new());
    }
}
