//! `anabranch-fault-proxy`: a command per line on stdin, an answer per line on stdout; ends with stdin.
//! The commands are those of [`anabranch_fault_proxy::command`].

use anabranch_fault_proxy::Proxy;
use std::io::{self, BufRead, Write};

fn main() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let proxy = Proxy::default();
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let answer = match line?.parse() {
            Ok(command) => runtime.block_on(proxy.execute(command)),
            Err(misuse) => Err(misuse.to_string()),
        };
        match answer {
            Ok(told) if told.is_empty() => writeln!(out, "ok")?,
            Ok(told) => writeln!(out, "ok {told}")?,
            Err(reason) => writeln!(out, "error: {reason}")?,
        }
        out.flush()?;
    }
    Ok(())
}
