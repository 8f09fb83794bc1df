//! `anabranch-checker [FILE]`: judges a history, by default that on stdin. Exit code 0 when it keeps all
//! invariants, 1 when it does not, 2 when it cannot be read.

use anabranch_checker::{Checker, Report, Unreadable};
use std::fs::File;
use std::io::{self, BufReader, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    match judge(std::env::args().nth(1).as_deref()) {
        Ok(report) => tell(&report).unwrap_or(ExitCode::from(2)),
        Err(error) => {
            let _ = writeln!(io::stderr(), "anabranch-checker: {error}");
            ExitCode::from(2)
        }
    }
}

fn judge(file: Option<&str>) -> Result<Report, Unreadable> {
    match file {
        None | Some("-") => Checker::judge(io::stdin().lock()),
        Some(path) => {
            let opened = File::open(path).map_err(|source| Unreadable::Io { line: 0, source })?;
            Checker::judge(BufReader::new(opened))
        }
    }
}

fn tell(report: &Report) -> io::Result<ExitCode> {
    let mut out = io::stdout().lock();
    for violation in &report.findings.violations {
        writeln!(out, "{violation}")?;
    }
    let (lines, stored, read, count) = (report.lines, report.stored, report.read, report.findings.count);
    writeln!(out, "{lines} lines, {stored} records acknowledged, {read} read: {count} violations")?;
    Ok(if count == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
