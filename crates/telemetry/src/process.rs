//! What the kernel counts about this process, under the names that Prometheus dashboards know.
//!
//! Read from /proc when asked for; where there is no /proc, nothing is rendered.
//! Source: proc_pid_stat(5), proc_pid_status(5); Prometheus, "Writing client libraries",
//! process metrics.

use std::fmt::Write;
use std::fs;

/// The process's metrics as Prometheus text.
pub(crate) fn render() -> String {
    let mut text = String::new();
    if let Ok(status) = fs::read_to_string("/proc/self/status") {
        gauge(&mut text, "process_resident_memory_bytes", "Memory in use, in bytes.", resident_bytes(&status));
        gauge(&mut text, "process_threads", "Threads of the process.", number_after(&status, "Threads:"));
    }
    if let Ok(stat) = fs::read_to_string("/proc/self/stat") {
        let ticks_per_second = rustix::param::clock_ticks_per_second();
        let seconds = cpu_ticks(&stat).map(|ticks| ticks as f64 / ticks_per_second.max(1) as f64);
        sample(&mut text, "process_cpu_seconds_total", "Processor time used, in seconds.", "counter", seconds);
    }
    if let Ok(limits) = fs::read_to_string("/proc/self/limits") {
        let limit = number_after(&limits, "Max open files");
        gauge(&mut text, "process_max_fds", "The most file descriptors that may be open.", limit);
    }
    if let Ok(descriptors) = fs::read_dir("/proc/self/fd") {
        // The listing itself holds one open.
        let open = (descriptors.count() as u64).saturating_sub(1);
        gauge(&mut text, "process_open_fds", "Open file descriptors.", Some(open));
    }
    text
}

fn gauge(text: &mut String, name: &str, help: &str, value: Option<u64>) {
    sample(text, name, help, "gauge", value.map(|value| value as f64));
}

fn sample(text: &mut String, name: &str, help: &str, kind: &str, value: Option<f64>) {
    if let Some(value) = value {
        write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n\n")
            .expect("writing to a String cannot fail");
    }
}

/// `VmRSS` of /proc/self/status, which the kernel gives in KiB.
fn resident_bytes(status: &str) -> Option<u64> {
    number_after(status, "VmRSS:").map(|kibibytes| kibibytes.saturating_mul(1024))
}

/// User and system time of /proc/self/stat: fields 14 and 15. The name in field 2 may hold
/// spaces and parentheses, so fields are counted from the last one that closes.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_ascii_whitespace().skip(14 - 3);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    user.checked_add(system)
}

/// The first number of the line that starts with `label`; none where it is not a number.
fn number_after(text: &str, label: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(label))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_found_behind_a_name_with_spaces_and_parentheses() {
        let stat = "42 (a) b (c)) S 1 42 42 0 -1 4194560 100 0 0 0 70 30 0 0 20 0 9 0 100 1000 10";
        assert_eq!(cpu_ticks(stat), Some(100));
    }

    #[test]
    fn resident_memory_is_told_in_bytes() {
        assert_eq!(resident_bytes("Name:\tx\nVmRSS:\t   2048 kB\nThreads:\t7\n"), Some(2048 * 1024));
    }

    #[test]
    fn texts_of_another_form_give_no_number() {
        for bad in ["", "42", "42 (x) S 1", "Max open files            unlimited", "VmRSS:"] {
            assert_eq!((cpu_ticks(bad), resident_bytes(bad), number_after(bad, "Max open files")), (None, None, None));
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_shows_memory_time_and_descriptors() {
        let text = render();
        for name in ["process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds"] {
            assert!(text.contains(&format!("\n{name} ")), "{name} in {text}");
        }
    }
}
