//! `cargo xtask chaos`: real processes in chaos, and a checker that judges what clients saw.
//!
//! What this machine cannot do is told as skipped with the reason, never as passed: disks of their own need root and
//! loop devices, slow syncs a C compiler.

use crate::aws_clients;
use crate::build::Profile;
use crate::house::House;
use crate::{prerequisites, probe};
use anyhow::{Context, bail};

const MINUTES_DEFAULT: f64 = 5.0;
/// Seconds that a node stands still at the most.
const PAUSE_MAX: &str = "60";

/// Runs it for as long as `words` say, with the seed that they name or one that is drawn and told.
///
/// # Errors
/// When the build fails, words are not understood, or a promise is broken.
pub fn chaos(house: &House, words: &[String]) -> anyhow::Result<()> {
    let Asked { minutes, seed } = asked(words)?;
    prerequisites::ensure_all(house)?;
    probe::print(house.target())?;
    let seconds = (minutes * 60.0).to_string();
    let mut variables = vec![("ANABRANCH_CHAOS_SECONDS", seconds.as_str()), ("ANABRANCH_CHAOS_PAUSE_MAX", PAUSE_MAX)];
    let seed = seed.map(|seed| seed.to_string());
    variables.extend(seed.as_deref().map(|seed| ("ANABRANCH_SEED", seed)));
    aws_clients::pytest(house, Profile::Release, &["tests/aws/test_chaos.py", "-s"], &variables)
}

/// What the command line asks for.
#[derive(Debug, PartialEq)]
struct Asked {
    minutes: f64,
    seed: Option<u64>,
}

fn asked(words: &[String]) -> anyhow::Result<Asked> {
    let mut asked = Asked { minutes: MINUTES_DEFAULT, seed: None };
    for pair in words.chunks(2) {
        match pair {
            [name, value] if name == "--minutes" => {
                asked.minutes = value.parse().with_context(|| format!("{value:?} are no minutes"))?;
            }
            [name, value] if name == "--seed" => {
                asked.seed = Some(value.parse().with_context(|| format!("{value:?} is no seed"))?);
            }
            _ => bail!("{words:?} is not understood: --minutes M and --seed N"),
        }
    }
    Ok(asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> anyhow::Result<Asked> {
        asked(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn minutes_and_seed_are_read_in_any_order_and_nothing_else() {
        assert_eq!(parse("").expect("nothing is needed"), Asked { minutes: MINUTES_DEFAULT, seed: None });
        let both = Asked { minutes: 0.5, seed: Some(7) };
        assert_eq!(parse("--seed 7 --minutes 0.5").expect("both"), both);
        for line in ["--minutes", "--minutes x", "--seed -1", "5"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
