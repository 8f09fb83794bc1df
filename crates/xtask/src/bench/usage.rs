//! What a process has used so far, as the kernel counts it.

use anyhow::Context;
use std::fs;
use std::iter::Sum;
use std::ops::Sub;

/// Ticks of /proc per second on every Linux there is. Source: proc(5), `sysconf(_SC_CLK_TCK)`.
const TICKS_PER_SECOND: f64 = 100.0;

/// Used since the process began.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Usage {
    /// User and system time of all threads, in seconds.
    pub cpu_seconds: f64,
    /// Bytes that it made the kernel write to disk: `write_bytes` of /proc/PID/io. A page counts
    /// again each time it becomes dirty.
    pub disk_bytes: u64,
    /// Bytes handed to any write call, sockets included: `wchar` of the same file.
    pub call_bytes: u64,
}

impl Usage {
    /// Reads it, also of a process that ended and was not waited for.
    ///
    /// # Errors
    /// When there is no such process.
    pub fn of(pid: u32) -> anyhow::Result<Usage> {
        let io = fs::read_to_string(format!("/proc/{pid}/io")).context("read its io counters")?;
        let (_, cpu_seconds) = state_and_cpu(pid)?;
        Ok(Usage { cpu_seconds, disk_bytes: counter(&io, "write_bytes"), call_bytes: counter(&io, "wchar") })
    }
}

impl Sub for Usage {
    type Output = Usage;

    fn sub(self, earlier: Usage) -> Usage {
        Usage {
            cpu_seconds: self.cpu_seconds - earlier.cpu_seconds,
            disk_bytes: self.disk_bytes.saturating_sub(earlier.disk_bytes),
            call_bytes: self.call_bytes.saturating_sub(earlier.call_bytes),
        }
    }
}

/// Of several processes together.
impl Sum for Usage {
    fn sum<I: Iterator<Item = Usage>>(each: I) -> Usage {
        each.fold(Usage::default(), |sum, usage| Usage {
            cpu_seconds: sum.cpu_seconds + usage.cpu_seconds,
            disk_bytes: sum.disk_bytes + usage.disk_bytes,
            call_bytes: sum.call_bytes + usage.call_bytes,
        })
    }
}

/// Memory that a process holds now.
///
/// # Errors
/// When there is no such process.
pub fn resident_bytes(pid: u32) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).context("read its memory")?;
    Ok(resident_in(&status))
}

/// Source: proc(5): `VmRSS` in KiB, absent for a process that has ended.
fn resident_in(status: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|rest| rest.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

/// Whether the process ended and waits to be waited for.
///
/// # Errors
/// When there is no such process.
pub fn has_ended(pid: u32) -> anyhow::Result<bool> {
    Ok(state_and_cpu(pid)?.0 == 'Z')
}

fn counter(io: &str, name: &str) -> u64 {
    let line = io.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    line.and_then(|number| number.trim().parse().ok()).unwrap_or(0)
}

fn state_and_cpu(pid: u32) -> anyhow::Result<(char, f64)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).context("read its CPU time")?;
    parse_stat(&stat).context("the kernel's stat line")
}

/// Source: proc(5): behind the name in parentheses stand the state and, eleven fields on, user
/// and system time.
fn parse_stat(stat: &str) -> Option<(char, f64)> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let fields: Vec<&str> = fields.split(' ').collect();
    let ticks = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    Some((fields.first()?.chars().next()?, ticks as f64 / TICKS_PER_SECOND))
}

/// Bytes that the whole machine wrote to the disk that holds `folder`, whoever wrote them.
///
/// # Errors
/// When the kernel does not count for this disk.
pub fn disk_written_bytes(folder: &std::path::Path) -> anyhow::Result<u64> {
    use std::os::unix::fs::MetadataExt;
    let device = fs::metadata(folder)?.dev();
    // Source: makedev(3): major in bits 8..20, minor in bits 0..8 and 20..32.
    let (major, minor) = ((device >> 8) & 0xfff, (device & 0xff) | ((device >> 12) & 0xfff00));
    let stat = fs::read_to_string(format!("/sys/dev/block/{major}:{minor}/stat")).context("the disk's counters")?;
    // Source: Linux, Documentation/block/stat.rst: field 7 counts written sectors of 512 bytes.
    let sectors: u64 = stat.split_whitespace().nth(6).context("written sectors")?.parse()?;
    Ok(sectors * 512)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_parentheses_does_not_shift_the_fields() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194304 100 0 0 0 150 50 0 0 20 0 1 0 5 6 7";
        assert_eq!(parse_stat(stat), Some(('S', 2.0)));
    }

    #[test]
    fn counters_are_found_by_their_whole_name() {
        let io = "rchar: 1\nwchar: 2\nwrite_bytes: 4096\ncancelled_write_bytes: 9\n";
        assert_eq!((counter(io, "write_bytes"), counter(io, "wchar"), counter(io, "absent")), (4096, 2, 0));
    }

    #[test]
    fn memory_is_read_in_bytes() {
        assert_eq!(resident_in("Name:\tx\nVmHWM:\t  9 kB\nVmRSS:\t   12 kB\n"), 12 * 1024);
        assert_eq!(resident_in("Name:\tx\nState:\tZ (zombie)\n"), 0);
    }

    #[test]
    fn this_process_can_be_read() {
        assert!(Usage::of(std::process::id()).is_ok());
        assert!(!has_ended(std::process::id()).expect("this process lives"));
    }
}
