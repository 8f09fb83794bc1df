//! Ends this process with the one that started it, however that one ends.
//!
//! Only for the nodes of `anabranch dev --nodes`: their parent says who it is. A node that somebody
//! else starts lives on its own.

use rustix::process::{Pid, Signal, getpid, getppid, kill_process};
use std::io::{self, Read};

/// The variable by which a parent asks its child to end with it: its pid.
pub const PARENT_VARIABLE: &str = "ANABRANCH_PARENT";

/// Where the process was asked to, it ends with its parent from now on: at once, as by `kill -9`,
/// which loses nothing (I1). The kernel sees to that; where it cannot, and in case it does not, a
/// thread waits for the end of stdin, which the parent holds open as long as it lives.
///
/// To be called before anything is opened.
///
/// # Errors
/// The variable is not a pid, or the system refuses.
pub fn end_with_parent() -> io::Result<()> {
    let Some(text) = std::env::var_os(PARENT_VARIABLE) else { return Ok(()) };
    let parent = text.to_str().and_then(|text| text.parse().ok()).and_then(Pid::from_raw);
    let parent = parent.ok_or_else(|| io::Error::other(format!("{PARENT_VARIABLE} is not the pid of a process")))?;
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // It may have ended before the kernel was asked to tell.
    if getppid() != Some(parent) {
        end_now();
    }
    std::thread::Builder::new().name("parent".to_owned()).spawn(|| {
        let mut bytes = [0; 64];
        // It writes nothing; whatever ends the reading means that it is gone.
        while matches!(io::stdin().read(&mut bytes), Ok(1..)) {}
        end_now();
    })?;
    Ok(())
}

fn end_now() {
    // Not refused to any process for itself; the exit is for a system that says otherwise.
    let _killed = kill_process(getpid(), Signal::KILL);
    std::process::abort();
}
