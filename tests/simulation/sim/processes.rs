//! Runs in processes of their own.

use anabranch_runtime::planted::Bug;
use anyhow::{Context, bail, ensure};
use parking_lot::Mutex;
use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread;

/// Seeds that every build runs.
const SEEDS: RangeInclusive<u64> = 1..=100;
/// And those beyond them that found something.
const REGRESSIONS: &str = include_str!("../seeds.txt");
/// The seed that is run twice.
const SEED_OF_TWO: u64 = 5;
/// A planted bug has to be found within so many seeds.
const PLANTED_SEEDS_MAX: u64 = 200;
/// Which seed found each of them lately, to be tried first.
const LIKELY_SEEDS: [u64; Bug::ALL.len()] = [27, 1, 1, 1, 1, 34, 1, 7, 1, 1, 7, 33, 3, 132];
/// Progress is told after so many runs.
const TOLD_EVERY: usize = 20;
/// A trace of a whole run has more lines than this.
const LINES_MIN: usize = 1_000;

type Check = fn() -> anyhow::Result<()>;

/// What every build checks: names, and what they stand for.
const CHECKS: &[(&str, Check)] = &[
    ("clusters_keep_their_promises_whatever_befalls_them", promises_are_kept),
    ("a_seed_is_a_run_byte_for_byte", a_seed_is_a_run),
    ("every_planted_bug_is_found", planted_bugs_are_found),
];

/// Runs the checks whose names have `filter` in them.
///
/// # Errors
/// The first check that failed.
pub fn check(filter: &str) -> anyhow::Result<()> {
    for (name, check) in CHECKS.iter().filter(|(name, _)| name.contains(filter)) {
        check().with_context(|| format!("test {name} ... FAILED"))?;
        println!("test {name} ... ok");
    }
    Ok(())
}

fn promises_are_kept() -> anyhow::Result<()> {
    let lines = REGRESSIONS.lines().filter(|line| !line.starts_with('#'));
    let found: Result<Vec<u64>, _> =
        lines.map(|line| line.split_whitespace().next().unwrap_or_default().parse()).collect();
    let mut seeds = found.context("seeds.txt has a seed at the beginning of each line")?;
    seeds.extend(SEEDS.filter(|seed| !seeds.contains(seed)).collect::<Vec<_>>());
    run_all(seeds)
}

fn a_seed_is_a_run() -> anyhow::Result<()> {
    let seed = SEED_OF_TWO.to_string();
    let traces = ["one", "other"].map(|name| PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("sim-{name}")));
    for trace in &traces {
        let run = simulate(&["--seed", &seed, "--trace", &trace.to_string_lossy()])?;
        ensure!(run.status.success(), "{}\n{}{}", run.status, text(&run.stdout), text(&run.stderr));
    }
    let [one, other] = [lines(&traces[0])?, lines(&traces[1])?];
    ensure!(one.len() > LINES_MIN, "the trace has {} lines", one.len());
    if let Some(nth) = one.iter().zip(&other).position(|(one, other)| one != other) {
        bail!("two runs of seed {seed} part in line {}:\n{}\n{}", nth + 1, one[nth], other[nth]);
    }
    ensure!(one.len() == other.len(), "two runs of seed {seed} tell {} and {} lines", one.len(), other.len());
    Ok(())
}

fn planted_bugs_are_found() -> anyhow::Result<()> {
    for (bug, likely_seed) in Bug::ALL.into_iter().zip(LIKELY_SEEDS) {
        let name = format!("{bug:?}");
        let words = ["--planted", &name];
        let found = first_failing(likely_seed..=likely_seed, &words)?;
        let found = found.map_or_else(|| first_failing(1..=PLANTED_SEEDS_MAX, &words), |found| Ok(Some(found)))?;
        let (seed, told) = found.with_context(|| format!("{name} was not found within {PLANTED_SEEDS_MAX} seeds"))?;
        let sound = simulate(&["--seed", &seed.to_string()])?;
        ensure!(sound.status.success(), "seed {seed} fails without {name} as well:\n{}", text(&sound.stdout));
        println!("   {name}: found by seed {seed}: {}", told.lines().next().unwrap_or_default());
    }
    Ok(())
}

/// The first of `seeds` whose run with `words` fails, as several processes come to it, and what it tells.
fn first_failing(seeds: RangeInclusive<u64>, words: &[&str]) -> anyhow::Result<Option<(u64, String)>> {
    let (next, found) = (Mutex::new(seeds), Mutex::new(None));
    let work = || -> anyhow::Result<()> {
        while found.lock().is_none() {
            let Some(seed) = next.lock().next() else { break };
            let run = simulate(&[&["--seed", &seed.to_string()], words].concat())?;
            if !run.status.success() {
                found.lock().get_or_insert((seed, text(&run.stdout)));
            }
        }
        Ok(())
    };
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let work: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        work.into_iter().try_for_each(|worker| worker.join().expect("a worker does not panic"))
    })?;
    Ok(found.into_inner())
}

fn lines(path: &Path) -> anyhow::Result<Vec<String>> {
    let bytes = fs::read(path).with_context(|| format!("read {}", path.display()))?;
    Ok(text(&bytes).lines().map(str::to_owned).collect())
}

/// Runs every seed of a range and says which failed.
///
/// # Errors
/// Names the seeds that failed.
pub fn run_range(seeds: RangeInclusive<u64>) -> anyhow::Result<()> {
    run_all(seeds.collect())
}

struct Progress {
    to_come: Vec<u64>,
    done: usize,
    failed: Vec<u64>,
}

fn run_all(mut to_come: Vec<u64>) -> anyhow::Result<()> {
    to_come.reverse();
    let progress = Mutex::new(Progress { to_come, done: 0, failed: Vec::new() });
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let work: Vec<_> = (0..workers).map(|_| scope.spawn(|| work(&progress))).collect();
        work.into_iter().try_for_each(|worker| worker.join().expect("a worker does not panic"))
    })?;
    let Progress { done, failed, .. } = progress.into_inner();
    ensure!(failed.is_empty(), "{} of {done} seeds failed: {failed:?}", failed.len());
    Ok(())
}

fn work(progress: &Mutex<Progress>) -> anyhow::Result<()> {
    loop {
        let Some(seed) = progress.lock().to_come.pop() else { return Ok(()) };
        let run = simulate(&["--seed", &seed.to_string()])?;
        let mut progress = progress.lock();
        progress.done += 1;
        if !run.status.success() {
            progress.failed.push(seed);
            let told = text(&run.stdout);
            let told = if told.trim().is_empty() { last_lines(&text(&run.stderr), 20) } else { told };
            println!("seed {seed}: {}\n{told}\n   replay it: cargo xtask sim --seed {seed}", run.status);
        }
        if progress.done.is_multiple_of(TOLD_EVERY) {
            println!("   {} seeds run, {} failed", progress.done, progress.failed.len());
        }
    }
}

fn simulate(words: &[&str]) -> anyhow::Result<Output> {
    let this = std::env::current_exe().context("where this program is")?;
    Command::new(this).args(words).output().context("start this program once more")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}
