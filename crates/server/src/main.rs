//! The binary `anabranch`: reads the command line, does what it says, and tells by its exit
//! code how that went: 0 well, 1 badly, 2 the command line or the configuration is wrong.

use anabranch_server::cli::{Cli, Command, ConfigCommand};
use anabranch_server::config::{ConfigError, EXAMPLE};
use anabranch_server::{commands, parent};
use clap::Parser;
use std::io::Write;
use std::process::ExitCode;

/// The C library's allocator keeps what large requests have freed; this one gives it back.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const FAILED: u8 = 1;
const WRONG_USAGE: u8 = 2;

fn main() -> ExitCode {
    // A wrong command line ends here, with usage on stderr and exit code 2.
    let cli = Cli::parse();
    match execute(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(&error);
            ExitCode::from(if error.is::<ConfigError>() { WRONG_USAGE } else { FAILED })
        }
    }
}

fn execute(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Dev(args) => match args.nodes {
            Some(nodes) => commands::dev_cluster::run(&args, nodes),
            None => {
                parent::end_with_parent()?;
                commands::serve::serve(&args.config()?)
            }
        },
        Command::Server(args) => commands::serve::serve(&args.config()?),
        Command::Status(args) => print(&commands::status::status(&args)?),
        Command::Node(command) => print(&commands::node::node(&command)?),
        Command::Group(command) => print(&commands::group::group(&command)?),
        Command::Config(ConfigCommand::Example) => print(EXAMPLE),
    }
}

fn print(text: &str) -> anyhow::Result<()> {
    Ok(std::io::stdout().write_all(text.as_bytes())?)
}

#[allow(clippy::print_stderr, reason = "the last word of the process, after its log has ended")]
fn tell(error: &anyhow::Error) {
    eprintln!("error: {error:#}");
}
