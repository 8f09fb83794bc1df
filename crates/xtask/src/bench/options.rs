//! What is measured, and how, by the command line.

/// Which bench.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// The emulators, one node and three nodes, in eight minutes.
    Quick,
    /// Three replicas and one durable node beside rivals.
    Compare,
    /// Our own speed and cost over a matrix.
    Full,
}

/// How it is measured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// With the binaries that the last build left.
    pub as_built: bool,
    /// Once and for a moment only, to see that it works: the pages stay in the target directory.
    pub trial: bool,
}

impl What {
    /// Reads its name.
    ///
    /// # Errors
    /// Names the ones there are.
    pub fn parse(word: &str) -> Result<What, String> {
        match word {
            "quick" => Ok(What::Quick),
            "compare" => Ok(What::Compare),
            "full" => Ok(What::Full),
            other => Err(format!("bench: {other:?} is none of quick, compare, full")),
        }
    }
}

impl Options {
    /// Reads what follows the name.
    ///
    /// # Errors
    /// Names the first word that is no option.
    pub fn parse(words: &[&str]) -> Result<Options, String> {
        let mut options = Options::default();
        for word in words {
            match *word {
                "--as-built" => options.as_built = true,
                "--trial" => options.trial = true,
                other => return Err(format!("bench: {other:?} is neither --as-built nor --trial")),
            }
        }
        Ok(options)
    }

    /// How often each cell is measured.
    pub fn repeats(self) -> usize {
        if self.trial { 1 } else { 3 }
    }

    /// How long each cell is measured, in seconds.
    pub fn seconds(self) -> f64 {
        if self.trial { 1.0 } else { 3.0 }
    }

    /// How long it runs before that, in seconds.
    pub fn warm_up_seconds(self) -> f64 {
        0.5
    }

    /// The options as one types them, each with a space before it.
    pub fn spelled(self) -> String {
        let said = [(self.as_built, " --as-built"), (self.trial, " --trial")];
        said.iter().filter(|(is_said, _)| *is_said).map(|(_, word)| *word).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_in_any_order_and_spelled_again() {
        let options = Options::parse(&["--trial", "--as-built"]).expect("both are known");
        assert_eq!(options, Options { as_built: true, trial: true });
        assert_eq!(options.spelled(), " --as-built --trial");
        assert_eq!(Options::default().spelled(), "");
    }

    #[test]
    fn an_unknown_word_is_named() {
        assert!(Options::parse(&["--fast"]).expect_err("unknown").contains("--fast"));
        assert!(What::parse("slow").expect_err("unknown").contains("slow"));
        assert_eq!(What::parse("compare"), Ok(What::Compare));
    }

    #[test]
    fn a_trial_is_shorter() {
        let (whole, trial) = (Options::default(), Options { trial: true, ..Options::default() });
        assert!(trial.seconds() < whole.seconds() && trial.repeats() < whole.repeats());
    }
}
