//! What the tools of the tests read: histories and commands.

use anabranch_checker::{Checker, Event, FINDINGS_MAX};
use anabranch_fault_proxy::command::Command;

/// A history of any lines is judged or refused; its events read back as they are written.
pub fn histories(bytes: &[u8]) {
    for line in bytes.split(|byte| *byte == b'\n') {
        let Ok(event) = serde_json::from_slice::<Event>(line) else { continue };
        let written = serde_json::to_string(&event).expect("an event is JSON");
        assert_eq!(serde_json::from_str::<Event>(&written).expect("what was written"), event);
    }
    if let Ok(report) = Checker::judge(bytes) {
        let told = report.findings.violations.len();
        assert_eq!(told as u64, report.findings.count.min(FINDINGS_MAX as u64));
    }
}

/// A command of any line is obeyed or refused: what it sets can be added to a time.
pub fn commands(bytes: &[u8]) {
    let Ok(line) = std::str::from_utf8(bytes) else { return };
    match line.parse::<Command>() {
        Ok(Command::Set(_, pace)) => {
            let arrival =
                tokio::time::Instant::now().checked_add(pace.delay).and_then(|at| at.checked_add(pace.jitter));
            assert!(arrival.is_some(), "no time is as late as {pace:?}");
        }
        Ok(Command::Listen { node, .. }) => assert!(!node.is_empty(), "{line:?}"),
        Ok(_) => {}
        Err(misuse) => assert!(!misuse.to_string().is_empty()),
    }
}
