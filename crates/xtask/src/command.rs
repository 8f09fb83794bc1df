//! The command line of xtask.

use crate::house::House;
use crate::{bench, build, chaos, fix, floors, fuzz, run, show, sim, test, tidy, verify};

/// What `cargo xtask` and a misused command print.
pub const USAGE: &str = "\
usage: cargo xtask <command>

  run [-- ARGS]       build optimised and run `anabranch dev ARGS`
  test [rust|aws]     run every test, or one part
  build [--release]   build the binary; its path is the last line of stdout
  bench quick         speed and cost beside others, eight minutes; --as-built skips the build
  bench compare       three replicas and one durable node beside rivals, twenty minutes
  bench full          our own speed and cost over shards, record sizes, replicas and wires, half an hour
  show [NAME]         run one full-size show, or list them
  sim [--seeds A..B]  whole clusters in simulation; --seed N runs one and shows what it told
  chaos [--minutes M] real processes killed, stopped and replaced under clients; --seed N says how
  fuzz [TARGET...]    bytes that break what reads them; --minutes M, --grow keeps what reached new code
  verify [--quick]    everything but the tests; never edits
  fix                 what verify wants and a machine can write
  floors              each crate depends only on lower floors
  tidy                sizes, indexes, links, metrics, machine paths";

/// One command, parsed.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    Run { args: Vec<String> },
    Test { part: Option<test::Part> },
    Build { release: bool },
    Bench { what: bench::What, options: bench::Options },
    Show { name: Option<String> },
    Sim { words: Vec<String> },
    Chaos { words: Vec<String> },
    Fuzz { words: Vec<String> },
    Verify { quick: bool },
    Fix,
    Floors,
    Tidy,
    Help,
}

impl Command {
    /// Reads the arguments that follow `cargo xtask`.
    ///
    /// # Errors
    /// One line that names the argument which is not understood.
    pub fn parse(args: impl Iterator<Item = String>) -> Result<Command, String> {
        let args: Vec<String> = args.collect();
        let words: Vec<&str> = args.iter().map(String::as_str).collect();
        match words.as_slice() {
            [] | ["help" | "--help" | "-h"] => Ok(Command::Help),
            ["run"] => Ok(Command::Run { args: Vec::new() }),
            ["run", "--", ..] => Ok(Command::Run { args: args[2..].to_vec() }),
            ["run", other, ..] => Err(format!("run: put arguments of `anabranch dev` after `--`, found {other:?}")),
            ["test"] => Ok(Command::Test { part: None }),
            ["test", "rust"] => Ok(Command::Test { part: Some(test::Part::Rust) }),
            ["test", "aws"] => Ok(Command::Test { part: Some(test::Part::Aws) }),
            ["build"] => Ok(Command::Build { release: false }),
            ["build", "--release"] => Ok(Command::Build { release: true }),
            ["bench", what, options @ ..] => {
                Ok(Command::Bench { what: bench::What::parse(what)?, options: bench::Options::parse(options)? })
            }
            ["show"] => Ok(Command::Show { name: None }),
            ["show", name] => Ok(Command::Show { name: Some((*name).to_owned()) }),
            ["sim", ..] => Ok(Command::Sim { words: args[1..].to_vec() }),
            ["chaos", ..] => Ok(Command::Chaos { words: args[1..].to_vec() }),
            ["fuzz", ..] => Ok(Command::Fuzz { words: args[1..].to_vec() }),
            ["verify"] => Ok(Command::Verify { quick: false }),
            ["verify", "--quick"] => Ok(Command::Verify { quick: true }),
            ["fix"] => Ok(Command::Fix),
            ["floors"] => Ok(Command::Floors),
            ["tidy"] => Ok(Command::Tidy),
            _ => Err(format!("not understood: {}", args.join(" "))),
        }
    }

    /// Does it.
    pub fn execute(self, house: &House) -> anyhow::Result<()> {
        match self {
            Command::Run { args } => run::run(house, &args),
            Command::Test { part } => test::test(house, part),
            Command::Build { release } => build::build(house, release),
            Command::Bench { what, options } => bench::bench(house, what, options),
            Command::Show { name } => show::show(house, name.as_deref()),
            Command::Sim { words } => sim::sim(house, &words),
            Command::Chaos { words } => chaos::chaos(house, &words),
            Command::Fuzz { words } => fuzz::fuzz(house, &words),
            Command::Verify { quick } => verify::verify(house, quick),
            Command::Fix => fix::fix(house),
            Command::Floors => floors::check(house),
            Command::Tidy => tidy::check(house),
            Command::Help => {
                println!("{USAGE}");
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Command, String> {
        Command::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn run_hands_on_what_follows_the_dashes() {
        let args = vec!["--listen".to_owned(), "127.0.0.1:0".to_owned()];
        assert_eq!(parse("run -- --listen 127.0.0.1:0"), Ok(Command::Run { args }));
        assert!(parse("run --listen 127.0.0.1:0").is_err());
    }

    #[test]
    fn an_unknown_command_is_named() {
        assert_eq!(parse("tset"), Err("not understood: tset".to_owned()));
        assert!(parse("verify --fast").is_err());
    }

    #[test]
    fn every_command_of_the_usage_is_understood() {
        for line in USAGE.lines().filter(|line| line.starts_with("  ")) {
            let words: Vec<&str> = line.split_whitespace().take_while(|word| !word.starts_with('[')).collect();
            let known = (1..=2.min(words.len())).any(|count| parse(&words[..count].join(" ")).is_ok());
            assert!(known, "{line}");
        }
    }
}
