//! What libFuzzer tells on its stderr, in one line.

use std::collections::VecDeque;
use std::fmt;

/// How many lines of the end are kept: the message of a panic and the finding's name are among them.
const END_LINES: usize = 40;

/// How far a search is.
#[derive(Debug, Default)]
pub struct Report {
    executions: u64,
    /// Edges that were reached.
    covered: u64,
    /// Inputs that it goes on from.
    inputs: u64,
    end: VecDeque<String>,
}

impl Report {
    /// Takes one line in.
    pub fn take(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        if let Some(executions) =
            words.first().and_then(|word| word.strip_prefix('#')).and_then(|word| word.parse().ok())
        {
            self.executions = executions;
            let after = |name: &str| words.iter().skip_while(|word| **word != name).nth(1).copied();
            self.covered = after("cov:").and_then(|word| word.parse().ok()).unwrap_or(self.covered);
            let inputs = after("corp:").and_then(|word| word.split('/').next()).and_then(|word| word.parse().ok());
            self.inputs = inputs.unwrap_or(self.inputs);
            return;
        }
        if let Some(executions) = line.strip_prefix("stat::number_of_executed_units:") {
            self.executions = executions.trim().parse().unwrap_or(self.executions);
        }
        if self.end.len() == END_LINES {
            self.end.pop_front();
        }
        self.end.push_back(line.to_owned());
    }

    /// The last lines that were no progress.
    pub fn end(&self) -> String {
        self.end.iter().map(|line| format!("      {line}")).collect::<Vec<_>>().join("\n")
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} executions, {} edges covered, {} inputs", self.executions, self.covered, self.inputs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_read_and_other_lines_are_kept() {
        let mut report = Report::default();
        report.take("#65536\tNEW    cov: 212 ft: 480 corp: 33/2100b lim: 4096 exec/s: 21845 rss: 60Mb L: 9/99 MS: 1 EraseBytes-");
        report.take("thread '<unnamed>' panicked at x.rs:1:1:");
        report.take("stat::number_of_executed_units: 70000");
        assert_eq!(report.to_string(), "70000 executions, 212 edges covered, 33 inputs");
        assert!(report.end().contains("panicked at x.rs") && !report.end().contains("#65536"));
    }
}
