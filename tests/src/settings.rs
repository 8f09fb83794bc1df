//! The size of a proof: small in every test run, full in `cargo xtask show`.

use std::io::Write;

/// The number in the environment variable `name`, or `otherwise` where it is not set.
///
/// # Panics
/// When the variable holds anything but a number: a show must not run at another size than asked.
pub fn number(name: &str, otherwise: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} must be a number, not {text:?}")),
        Err(_) => otherwise,
    }
}

/// Tells the terminal something that must be seen even when the test passes.
pub fn tell(line: &str) {
    // Straight to the descriptor: the test harness keeps what is printed by macros to itself.
    writeln!(std::io::stderr(), "   {line}").expect("stderr is open");
}
