//! What the simulation is asked to do.

use anabranch_runtime::planted::Bug;
use anyhow::{Context, bail, ensure};
use std::ops::RangeInclusive;

/// What `--help` and a misused command print.
pub const USAGE: &str = "\
usage: sim --seed N [--trace FILE] [--history FILE] [--plan] [--no-faults] [--planted BUG]
       sim --seeds A..B
       sim [PART OF A CHECK'S NAME]";

/// What to do.
#[derive(Debug)]
pub enum Task {
    /// A run in this process.
    One(OneRun),
    /// A process for each of these seeds.
    Many(RangeInclusive<u64>),
    /// The checks of every build whose names have this in them.
    Checks(String),
}

/// A run in this process.
#[derive(Debug, Default)]
pub struct OneRun {
    pub seed: u64,
    /// Where everything that happens is written.
    pub trace: Option<String>,
    /// Where what clients saw is written, as `tests/checker` reads it.
    pub history: Option<String>,
    /// The plan is printed, and nothing runs.
    pub only_plan: bool,
    /// Nothing goes wrong.
    pub no_faults: bool,
    /// A mistake that is made on purpose.
    pub planted: Option<Bug>,
}

impl Task {
    /// Reads the arguments. Words that are none of the simulation's own are of a command that starts every
    /// test of the workspace with the same ones.
    ///
    /// # Errors
    /// An option of the simulation is not understood.
    pub fn of(words: impl Iterator<Item = String>) -> anyhow::Result<Task> {
        let (mut one, mut is_one, mut filter) = (OneRun::default(), false, String::new());
        let (mut range, mut foreign) = (None, Vec::new());
        let mut words = words.peekable();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--seed" => {
                    one.seed = seed(&words.next().context("--seed takes a number")?)?;
                    is_one = true;
                }
                "--seeds" => range = Some(seeds(&words.next().context("--seeds takes a range")?)?),
                "--trace" => one.trace = Some(words.next().context("--trace takes a file")?),
                "--history" => one.history = Some(words.next().context("--history takes a file")?),
                "--plan" => one.only_plan = true,
                "--no-faults" => one.no_faults = true,
                "--planted" => one.planted = Some(bug(&words.next().context("--planted takes the name of a bug")?)?),
                "--help" => bail!("{USAGE}"),
                other if other.starts_with('-') => foreign.push(other.to_owned()),
                other => {
                    other.clone_into(&mut filter);
                    foreign.push(other.to_owned());
                }
            }
        }
        let is_misspelt = |word: &String| word.starts_with("--seed");
        if let Some(word) = foreign.iter().find(|word| is_one || range.is_some() || is_misspelt(word)) {
            bail!("{word:?} is not understood\n{USAGE}");
        }
        match range {
            Some(_)
                if is_one
                    || one.planted.is_some()
                    || one.no_faults
                    || one.only_plan
                    || one.trace.is_some()
                    || one.history.is_some() =>
            {
                bail!("--seeds stands alone\n{USAGE}")
            }
            Some(range) => Ok(Task::Many(range)),
            None if is_one => Ok(Task::One(one)),
            None => Ok(Task::Checks(filter)),
        }
    }
}

fn bug(name: &str) -> anyhow::Result<Bug> {
    let known = Bug::ALL.into_iter().find(|bug| format!("{bug:?}") == name);
    known.with_context(|| format!("{name:?} is none of {:?}", Bug::ALL))
}

fn seed(text: &str) -> anyhow::Result<u64> {
    text.parse().with_context(|| format!("{text:?} is no seed"))
}

fn seeds(text: &str) -> anyhow::Result<RangeInclusive<u64>> {
    let (first, last) = text.split_once("..").with_context(|| format!("{text:?} is no range, as 1..500"))?;
    let range = seed(first)?..=seed(last)?;
    ensure!(!range.is_empty(), "{text} has no seeds");
    Ok(range)
}
