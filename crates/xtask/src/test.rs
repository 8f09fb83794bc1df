//! `cargo xtask test [rust|aws]`: every test, or one part.

use crate::build::{self, Profile};
use crate::house::{self, House};
use crate::steps::Steps;
use crate::{aws_clients, prerequisites};

/// A part of the tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Every crate's own tests and the tests above the crates.
    Rust,
    /// The AWS SDK for Python and the AWS CLI against the real binary.
    Aws,
}

/// Runs `part`, or all of them.
///
/// # Errors
/// Names the parts that failed.
pub fn test(house: &House, part: Option<Part>) -> anyhow::Result<()> {
    prerequisites::ensure_all(house)?;
    let mut steps = Steps::of("test");
    if part.is_none_or(|part| part == Part::Rust) {
        steps.run("rust", "run the failed test alone: cargo test -p CRATE NAME", || {
            // The tests of the process start this binary.
            let binary = build::binary(house, Profile::Optimised)?;
            let mut cargo = house.cargo();
            house::run(cargo.args(["test", "--workspace", "--no-fail-fast"]).env("ANABRANCH_BIN", binary))
        });
    }
    let aws = part == Some(Part::Aws) || part.is_none() && aws_clients::SERVED;
    if aws && steps.all_passed() {
        steps.run("aws clients", "run one alone: cargo xtask test aws; the server's stderr is above", || {
            aws_clients::test(house)
        });
    }
    steps.finish()
}
