//! What the kernel says about a process. Source: proc_pid_stat(5), proc_pid_status(5).

use std::fs;
use std::time::Duration;

/// Resident memory in bytes.
///
/// # Panics
/// When the process is gone.
pub fn resident_bytes(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("the process lives");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it has memory");
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("VmRSS is a number of kB");
    kibibytes * 1024
}

/// Processor time used so far by all threads, user and system.
///
/// # Panics
/// When the process is gone.
pub fn processor_time(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process lives");
    time_of(&stat)
}

/// What one thread has used so far.
#[derive(Debug, Clone)]
pub struct ThreadTime {
    /// Its number.
    pub thread: String,
    /// Its name, cut to 15 bytes by the kernel.
    pub name: String,
    /// Processor time, user and system.
    pub time: Duration,
}

/// Processor time of each thread so far.
///
/// # Panics
/// When the process is gone.
pub fn processor_time_by_thread(pid: u32) -> Vec<ThreadTime> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).expect("the process lives");
    let of_thread = |entry: fs::DirEntry| {
        // A thread may end between the listing and the look.
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        let name = stat.split_once('(')?.1.rsplit_once(')')?.0.to_owned();
        Some(ThreadTime { thread: entry.file_name().to_string_lossy().into_owned(), name, time: time_of(&stat) })
    };
    threads.filter_map(Result::ok).filter_map(of_thread).collect()
}

/// Fields 14 and 15. The name in field 2 may hold spaces and parentheses, so fields are counted
/// from the last one that closes.
fn time_of(stat: &str) -> Duration {
    let (_, after_name) = stat.rsplit_once(')').expect("the name is in parentheses");
    let ticks = after_name.split_ascii_whitespace().skip(14 - 3).take(2);
    let ticks: u64 = ticks.map(|field| field.parse::<u64>().expect("ticks are a number")).sum();
    Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}
