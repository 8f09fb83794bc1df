//! Steps of a command: each with its name, the time it took and what to do when it fails.
//!
//! A failed step does not hide the next one: all of them run, then the command fails.

use anyhow::bail;
use std::time::Instant;

/// The steps of one command so far.
pub struct Steps {
    command: &'static str,
    started: Instant,
    failed: Vec<&'static str>,
}

impl Steps {
    /// Begins the command.
    pub fn of(command: &'static str) -> Steps {
        Steps { command, started: Instant::now(), failed: Vec::new() }
    }

    /// Runs a step. `next` is what to do when it fails.
    pub fn run(&mut self, name: &'static str, next: &str, step: impl FnOnce() -> anyhow::Result<()>) {
        eprintln!("-- {}: {name}", self.command);
        let started = Instant::now();
        let result = step();
        let seconds = started.elapsed().as_secs_f64();
        match result {
            Ok(()) => eprintln!("-- {}: {name}: passed in {seconds:.1} s", self.command),
            Err(error) => {
                eprintln!("-- {}: {name}: FAILED after {seconds:.1} s: {error:#}", self.command);
                eprintln!("   next: {next}");
                self.failed.push(name);
            }
        }
    }

    /// Whether every step so far passed.
    pub fn all_passed(&self) -> bool {
        self.failed.is_empty()
    }

    /// Ends the command.
    ///
    /// # Errors
    /// Names the steps that failed.
    pub fn finish(self) -> anyhow::Result<()> {
        let seconds = self.started.elapsed().as_secs_f64();
        if !self.failed.is_empty() {
            bail!("{} failed after {seconds:.1} s in: {}", self.command, self.failed.join(", "));
        }
        eprintln!("-- {}: passed in {seconds:.1} s", self.command);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_step_fails_the_command_but_not_the_steps_after_it() {
        let mut steps = Steps::of("example");
        let mut later_ran = false;
        steps.run("first", "do this", || bail!("broken"));
        steps.run("second", "do that", || {
            later_ran = true;
            Ok(())
        });
        assert!(later_ran);
        assert!(steps.finish().unwrap_err().to_string().ends_with("in: first"));
    }
}
