//! The targets under libFuzzer. The environment says which: libFuzzer has the arguments for itself.
//!
//! Without a name it lists the targets, one a line.
#![no_main]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program speaks to its terminal")]

use anabranch_fuzz::{TARGETS, Target, target};
use libfuzzer_sys::fuzz_target;
use std::process::exit;
use std::sync::OnceLock;

/// The variable with the target's name.
const VARIABLE: &str = "ANABRANCH_FUZZ_TARGET";

static CHOSEN: OnceLock<&Target> = OnceLock::new();

fuzz_target!(
    init: {
        CHOSEN.get_or_init(choose);
    },
    |bytes: &[u8]| {
        (CHOSEN.get_or_init(choose).run)(bytes);
    }
);

/// The target that is named; else this is the end.
fn choose() -> &'static Target {
    let Ok(name) = std::env::var(VARIABLE) else {
        for target in TARGETS {
            println!("{}\t{}", target.name, target.what);
        }
        exit(0);
    };
    target(&name).unwrap_or_else(|| {
        eprintln!("no target is called {name:?}");
        exit(2);
    })
}
