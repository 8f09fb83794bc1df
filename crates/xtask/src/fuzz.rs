//! `cargo xtask fuzz [--minutes M] [--grow] [TARGET…]`: searches for bytes that break what reads them.
//!
//! `tests/fuzz` has the targets; this builds them with counters for libFuzzer, which stable Rust can do
//! (docs/adr/0009-fuzzing.md), and shares the time out among them. What makes a target fail goes into its corpus, so
//! that the tests fail too until it is mended. With `--grow` inputs that reached new code go there as well.

mod corpus;
mod report;

use crate::house::{self, House};
use crate::prerequisites;
use anyhow::{Context, bail, ensure};
use corpus::Corpus;
use report::Report;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

const MINUTES_DEFAULT: f64 = 5.0;
/// What the program reads the name of its target from.
const VARIABLE: &str = "ANABRANCH_FUZZ_TARGET";
/// The longest input that is tried: what matters of a format fits, and many fit into a second.
const INPUT_BYTES_MAX: u32 = 4096;
/// An input that takes longer is a finding.
const INPUT_SECONDS_MAX: u32 = 10;
/// More memory than this is a finding.
const MEMORY_MIB_MAX: u32 = 1024;
/// How often a search tells how far it is.
const TOLD_EVERY: Duration = Duration::from_secs(20);
/// Counters at every edge of our code and of what it depends on, as libFuzzer reads them; checks of overflow too.
const INSTRUMENTED: &str = "--cfg tokio_unstable -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 -Cdebug-assertions -Coverflow-checks";

/// Searches as `words` say.
///
/// # Errors
/// When the build fails, words are not understood, or a target failed.
pub fn fuzz(house: &House, words: &[String]) -> anyhow::Result<()> {
    let asked = asked(words)?;
    prerequisites::ensure_all(house)?;
    let program = build(house)?;
    let known = targets(house, &program)?;
    let chosen = if asked.targets.is_empty() { known.clone() } else { asked.targets };
    if let Some(unknown) = chosen.iter().find(|name| !known.contains(name)) {
        bail!("no target is called {unknown}; there are {}", known.join(", "));
    }
    let seconds = ((asked.minutes * 60.0) / chosen.len() as f64).ceil().max(1.0) as u64;
    eprintln!("   {} targets, {seconds} s each", chosen.len());
    let mut found = Vec::new();
    for name in chosen {
        let corpus = Corpus::of(house, &name)?;
        let search = Search { house, program: &program, corpus: &corpus };
        search.run(seconds)?;
        found.extend(corpus.take_findings()?);
        if asked.grow {
            search.grow()?;
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    for path in &found {
        eprintln!("   FOUND {}", path.display());
    }
    bail!("{} inputs break their targets; `cargo test -p anabranch-fuzz` shows how", found.len())
}

/// What the command line asks for.
#[derive(Debug, PartialEq)]
struct Asked {
    minutes: f64,
    grow: bool,
    /// None is all.
    targets: Vec<String>,
}

fn asked(words: &[String]) -> anyhow::Result<Asked> {
    let mut asked = Asked { minutes: MINUTES_DEFAULT, grow: false, targets: Vec::new() };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--minutes" => {
                let minutes: Option<f64> = words.next().and_then(|word| word.parse().ok());
                asked.minutes = minutes.filter(|minutes| *minutes > 0.0).context("--minutes wants a number")?;
            }
            "--grow" => asked.grow = true,
            option if option.starts_with('-') => {
                bail!("{option} is not understood: --minutes M, --grow and names of targets")
            }
            name => asked.targets.push(name.to_owned()),
        }
    }
    Ok(asked)
}

/// Builds the program into a target directory of its own, since every dependency is built with counters. The triple is
/// named so that build scripts are built without.
fn build(house: &House) -> anyhow::Result<PathBuf> {
    let version = house::stdout_of(house.command("rustc").arg("-vV"))?;
    let triple = version.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc names its host")?;
    let target = house.target().join("fuzz");
    let mut cargo = house.cargo();
    cargo.args(["build", "-p", "anabranch-fuzz", "--features", "libfuzzer", "--target", triple]);
    house::run(cargo.env("CARGO_TARGET_DIR", &target).env("RUSTFLAGS", INSTRUMENTED))?;
    let program = target.join(triple).join("debug/anabranch-fuzz");
    ensure!(program.is_file(), "the build left no {}", program.display());
    Ok(program)
}

/// The names of all targets, as the program tells them.
fn targets(house: &House, program: &Path) -> anyhow::Result<Vec<String>> {
    // What it tells on stderr are functions of sanitizers, which are not linked.
    let output = house.command(program).env_remove(VARIABLE).output().context("start the fuzzer")?;
    ensure!(output.status.success(), "the fuzzer lists no targets: {}", output.status);
    let listing = String::from_utf8(output.stdout)?;
    Ok(listing.lines().filter_map(|line| line.split('\t').next()).map(str::to_owned).collect())
}

/// One target under libFuzzer.
struct Search<'a> {
    house: &'a House,
    program: &'a Path,
    corpus: &'a Corpus,
}

impl Search<'_> {
    /// Searches for `seconds`, or until the target fails.
    fn run(&self, seconds: u64) -> anyhow::Result<()> {
        let mut fuzzer = self.house.command(self.program);
        fuzzer.env(VARIABLE, self.corpus.target());
        fuzzer.args([format!("-max_total_time={seconds}"), format!("-max_len={INPUT_BYTES_MAX}")]);
        fuzzer.args([format!("-timeout={INPUT_SECONDS_MAX}"), format!("-rss_limit_mb={MEMORY_MIB_MAX}")]);
        fuzzer.args(["-print_final_stats=1", "-reload=0", "-len_control=20"]);
        // libFuzzer's own trace of a failure says where the target was called from, at the cost of the message.
        fuzzer.env("RUST_BACKTRACE", "0");
        fuzzer.arg(format!("-artifact_prefix={}/", self.corpus.findings().display()));
        fuzzer.arg(self.corpus.work()).arg(self.corpus.kept());
        let mut fuzzer = fuzzer.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().context("start the fuzzer")?;
        let told = fuzzer.stderr.take().context("the fuzzer's stderr is a pipe")?;
        let (mut report, mut last_told) = (Report::default(), Instant::now());
        for line in BufReader::new(told).split(b'\n') {
            // A panic's message may hold anything.
            let line = String::from_utf8_lossy(&line?).into_owned();
            report.take(&line);
            if last_told.elapsed() >= TOLD_EVERY {
                eprintln!("   {}: {report}", self.corpus.target());
                last_told = Instant::now();
            }
        }
        let status = fuzzer.wait()?;
        eprintln!("   {}: {report}, {}", self.corpus.target(), if status.success() { "done" } else { "FAILED" });
        if !status.success() {
            eprintln!("{}", report.end());
            ensure!(self.corpus.has_findings()?, "the fuzzer of {} ended with {status}", self.corpus.target());
        }
        Ok(())
    }

    /// Makes the corpus the fewest inputs that reach what it and the search have reached.
    fn grow(&self) -> anyhow::Result<()> {
        let merged = self.corpus.merged()?;
        let mut fuzzer = self.house.command(self.program);
        fuzzer.env(VARIABLE, self.corpus.target());
        // Edges alone: how often each is passed would keep ten times as many.
        fuzzer.args(["-set_cover_merge=1", "-use_counters=0", "-use_cmp=0", &format!("-max_len={INPUT_BYTES_MAX}")]);
        fuzzer.arg(format!("-artifact_prefix={}/", self.corpus.findings().display()));
        fuzzer.arg(&merged).arg(self.corpus.kept()).arg(self.corpus.work());
        let output = fuzzer.stdin(Stdio::null()).output().context("start the fuzzer")?;
        ensure!(output.status.success(), "merging {}: {}", self.corpus.target(), output.status);
        let (inputs, bytes) = self.corpus.keep(&merged)?;
        eprintln!("   {}: {inputs} inputs are kept, {bytes} bytes", self.corpus.target());
        fs::remove_dir_all(merged).context("remove what was merged")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> anyhow::Result<Asked> {
        asked(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn minutes_growth_and_targets_are_read_in_any_order_and_nothing_else() {
        let all = Asked { minutes: MINUTES_DEFAULT, grow: false, targets: Vec::new() };
        assert_eq!(parse("").expect("nothing is needed"), all);
        let some = Asked { minutes: 0.5, grow: true, targets: vec!["a-b".to_owned(), "c".to_owned()] };
        assert_eq!(parse("a-b --grow --minutes 0.5 c").expect("everything"), some);
        for line in ["--minutes", "--minutes x", "--minutes 0", "--jobs 2"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
