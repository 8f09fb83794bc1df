//! What `cargo xtask bench` measures with: clients of the AWS wire and of the gRPC produce stream,
//! and the null pipeline that shows how fast the wire can be at all.
//!
//! ```text
//! stream  --address A --stream S --shards N       create a stream and wait until it is active
//! put     --address A[,A...] --stream S --records N --record-bytes B --connections C
//!         (--seconds T --warm-up-seconds W | --total-bytes T) [--records-per-second R]
//! produce (the same)                              the same by gRPC, a produce stream on each connection
//! read    --address A[,A...] --stream S --shards N --connections C --seconds T --warm-up-seconds W
//! follow  (the same) --from latest|trim_horizon   the same by gRPC: at the tip, or from the oldest record
//! null    --address A --file F                    serve PutRecords: parse, append, fdatasync
//! sink    --address A                             serve PutRecords: read the body, answer
//!
//! jetstream-create  --address A[,A...] --stream S --streams N --replicas R
//! jetstream-publish --address A[,A...] --stream S --streams N --record-bytes B --connections C --in-flight M
//!                   (as put)                      one record a message, M of them on their way
//! jetstream-read    --address A[,A...] --stream S --streams N --connections C --seconds T --warm-up-seconds W
//! ```
//! A rate makes an open loop. Loads print one line of JSON. It starts no server but its own and judges nothing.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command speaks to its terminal")]
#![allow(clippy::disallowed_methods, reason = "a bench measures real time and is never simulated")]

mod args;
mod catch_up;
mod date;
mod follow;
mod http;
mod jetstream;
mod link;
mod null;
mod pace;
mod produce;
mod put;
mod report;
mod requests;
mod sigv4;
mod stream;
mod window;

use args::Args;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let command = words.next().unwrap_or_default();
    match Args::parse(words).and_then(|args| execute(&command, &args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn execute(command: &str, args: &Args) -> anyhow::Result<()> {
    match command {
        "null" => null::serve_durably(args.address()?, args.text("file")?.as_ref()),
        "sink" => null::serve_nothing(args.address()?),
        // One thread, as the servers need the other cores.
        _ => tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
            match command {
                "stream" => stream::create(args).await,
                "put" => put::run(args).await,
                "produce" => produce::run(args).await,
                "read" => catch_up::run(args).await,
                "follow" => follow::run(args).await,
                "jetstream-create" => jetstream::create(args).await,
                "jetstream-publish" => jetstream::publish(args).await,
                "jetstream-read" => jetstream::read(args).await,
                other => anyhow::bail!("no command {other:?}: the head of its main.rs lists them"),
            }
        }),
    }
}
