//! `cargo xtask show [NAME]`: the full-size shows. Only those that exist are listed.

use crate::build::{self, Profile};
use crate::house::{self, House};
use crate::{aws_clients, prerequisites, probe};
use anyhow::bail;
use std::time::Instant;

/// One show: something large that a person watches.
struct Show {
    name: &'static str,
    about: &'static str,
    run: fn(&House) -> anyhow::Result<()>,
    /// Whether what it shows is there.
    exists: fn(&House) -> bool,
}

const SHOWS: &[Show] = &[
    Show {
        name: "log-crashes",
        about: "the shared log through 10,000 seeds of crashes, torn writes and damaged disks",
        run: log_crashes,
        exists: |house| house.root().join("crates/walog/tests/crashes.rs").is_file(),
    },
    Show {
        name: "real-input",
        about: "100,000 lines through boto3 and the AWS CLI while the node is killed and restarted",
        run: |house| aws(house, "test_real_input.py", &[("ANABRANCH_REAL_INPUT_LINES", "100000")]),
        exists: |_| aws_clients::SERVED,
    },
    Show {
        name: "fire",
        about: "100,000 lines into three nodes; leaders killed, disks lost, all killed at once",
        run: |house| {
            let lines = ("ANABRANCH_FIRE_LINES", "100000");
            let (leaders, lost) = (("ANABRANCH_FIRE_LEADERS", "10"), ("ANABRANCH_FIRE_LOST", "3"));
            let all = ("ANABRANCH_FIRE_ALL", "3");
            aws(house, "test_fire.py", &[lines, leaders, lost, all])
        },
        exists: |_| aws_clients::SERVED,
    },
    Show {
        name: "failover",
        about: "three runs of 20 killed leaders, and restarts by plan: how long a group takes no put",
        run: |house| {
            let (runs, kills) = (("ANABRANCH_FAILOVER_RUNS", "3"), ("ANABRANCH_FAILOVER_KILLS", "20"));
            let (rounds, judge) = (("ANABRANCH_FAILOVER_ROUNDS", "3"), ("ANABRANCH_FAILOVER_JUDGE", "1"));
            aws(house, "test_failover.py", &[runs, kills, rounds, judge])
        },
        exists: |_| aws_clients::SERVED,
    },
    Show {
        name: "availability",
        about: "how long calls take while one of three replicas is down, or its syncs take 100 ms",
        run: |house| {
            let (rounds, calls) = (("ANABRANCH_AVAILABILITY_ROUNDS", "5"), ("ANABRANCH_AVAILABILITY_CALLS", "500"));
            aws(house, "test_availability.py", &[rounds, calls, ("ANABRANCH_AVAILABILITY_JUDGE", "1")])
        },
        exists: |_| aws_clients::SERVED,
    },
    Show {
        name: "growth",
        about: "a node with 1 GiB grows into three and five under load, loses its disk, and gives one up",
        run: |house| aws(house, "test_growth.py", &[("ANABRANCH_GROWTH_MIB", "1024")]),
        exists: |_| aws_clients::SERVED,
    },
    Show {
        name: "leaders",
        about: "one limit over three nodes for a minute; reads of 30 stopped and 20 cut-off leaders; as root",
        run: |house| {
            aws(house, "test_limits_cluster.py", &[("ANABRANCH_LIMIT_SECONDS", "60")])?;
            aws(house, "test_stale_reads.py", &[("ANABRANCH_PAUSES", "30"), ("ANABRANCH_CUTS", "20")])
        },
        exists: |_| aws_clients::SERVED,
    },
    Show {
        name: "pressure",
        about: "a stalled follower and 1,000 slow or greedy clients: memory, and what is left to the others",
        run: |house| {
            let sizes = [("ANABRANCH_GREEDY", "1000"), ("ANABRANCH_GREEDY_SECONDS", "30")];
            aws(house, "test_back_pressure.py", &sizes)
        },
        exists: |_| aws_clients::SERVED,
    },
    Show {
        name: "bad-input",
        about: "20,000 bad requests and an expired iterator, with and without verified signatures",
        run: |house| {
            process(house, "bad_input", &[("ANABRANCH_BAD_REQUESTS", "20000"), ("ANABRANCH_EXPIRED_ITERATOR", "1")])
        },
        exists: has_processes,
    },
    Show {
        name: "idle",
        about: "10,000 shards with a record each, five minutes of nothing: processor time and memory",
        run: |house| process(house, "idle", &[("ANABRANCH_IDLE_SHARDS", "10000"), ("ANABRANCH_IDLE_SECONDS", "300")]),
        exists: has_processes,
    },
    Show {
        name: "disk-full",
        about: "a disk that fills up and gets room again; as root, who can mount a small one",
        run: |house| process(house, "disk_full", &[]),
        exists: has_processes,
    },
    Show {
        name: "kills",
        about: "kill -9 under load, 100 times; every acknowledged record is read back",
        run: |house| process(house, "kills", &[("ANABRANCH_KILLS", "100")]),
        exists: has_processes,
    },
    Show {
        name: "fresh-clone",
        about: "the last commit, cloned, through .ci/run with an empty target directory",
        run: fresh_clone,
        exists: |_| true,
    },
];

/// Runs the show of this name, or lists the shows.
///
/// # Errors
/// When the show fails, or there is none of this name.
pub fn show(house: &House, name: Option<&str>) -> anyhow::Result<()> {
    let shows = || SHOWS.iter().filter(|show| (show.exists)(house));
    let Some(name) = name else {
        shows().for_each(|show| println!("{:<12} {}", show.name, show.about));
        return Ok(());
    };
    let Some(show) = shows().find(|show| show.name == name) else {
        let names: Vec<&str> = shows().map(|show| show.name).collect();
        bail!("no show is called {name:?}; there are: {}", names.join(", "));
    };
    prerequisites::ensure_all(house)?;
    eprintln!("-- show {name}: {}", show.about);
    probe::print(house.target())?;
    let started = Instant::now();
    (show.run)(house)?;
    eprintln!("-- show {name}: passed in {:.1} s", started.elapsed().as_secs_f64());
    probe::print(house.target())
}

fn log_crashes(house: &House) -> anyhow::Result<()> {
    let mut cargo = house.cargo();
    cargo.env("ANABRANCH_LOG_SEEDS", "10000");
    house::run(cargo.args(["test", "--package", "anabranch-walog", "--test", "crashes", "--", "--nocapture"]))
}

/// Runs one file of the AWS clients' tests at the size that `variables` say, against the binary that
/// is shipped.
fn aws(house: &House, file: &str, variables: &[(&str, &str)]) -> anyhow::Result<()> {
    aws_clients::pytest(house, Profile::Release, &[&format!("tests/aws/{file}"), "-s"], variables)
}

fn has_processes(house: &House) -> bool {
    house.root().join("tests/tests/process/main.rs").is_file()
}

/// Runs one file of the proofs about whole processes at the size that `variables` say, against
/// the binary that is shipped.
fn process(house: &House, module: &str, variables: &[(&str, &str)]) -> anyhow::Result<()> {
    let binary = build::binary(house, Profile::Release)?;
    let mut cargo = house.cargo();
    cargo.env("ANABRANCH_BIN", binary).envs(variables.iter().copied());
    // One after the other: each proof measures a process that has the machine to itself.
    let tests = ["test", "--workspace", "--test", "process", "--", "--nocapture", "--test-threads=1"];
    house::run(cargo.args(tests).arg(format!("{module}::")))
}

fn fresh_clone(house: &House) -> anyhow::Result<()> {
    let folder = house.target().join("fresh-clone");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    let clone = folder.join("anabranch");
    house::run(house.command("git").args(["clone", "--quiet", "--no-hardlinks", "."]).arg(&clone))?;
    let mut ci = house.command(clone.join(".ci/run"));
    house::run(ci.current_dir(&clone).env("CARGO_TARGET_DIR", folder.join("target")))?;
    Ok(std::fs::remove_dir_all(&folder)?)
}
