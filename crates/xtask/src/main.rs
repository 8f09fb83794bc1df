//! The house's own commands, `cargo xtask run`, `test`, `build`, `bench`, `show`, `sim`, `chaos`, `fuzz`, `floors`, `tidy`,
//! `verify` and `fix`.
//!
//! One file per command; it builds in seconds, so it depends on almost nothing.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command speaks to its terminal")]
#![allow(clippy::disallowed_methods, reason = "a command measures real time and is never simulated")]

mod aws_clients;
mod bench;
mod build;
mod changed;
mod chaos;
mod command;
mod deny;
mod fix;
mod floors;
mod fuzz;
mod house;
mod packages;
mod prerequisites;
mod probe;
mod rocksdb_notice;
mod run;
mod show;
mod sim;
mod steps;
mod test;
mod tidy;
mod verify;

use command::Command;
use std::process::ExitCode;

fn main() -> ExitCode {
    let command = match Command::parse(std::env::args().skip(1)) {
        Ok(command) => command,
        Err(misuse) => {
            eprintln!("{misuse}\n\n{}", command::USAGE);
            return ExitCode::from(2);
        }
    };
    match house::House::find().and_then(|house| command.execute(&house)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
