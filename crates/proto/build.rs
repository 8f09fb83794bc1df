//! Compiles `proto/` at the top of the repository, in Rust: no `protoc` has to be installed.

use std::error::Error;

const ROOT: &str = "../../proto";
const FILES: &[&str] = &["anabranch/peer/v1/peer.proto"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={ROOT}");
    let descriptors = protox::compile(FILES, [ROOT])?;
    // Connections are the callers' business; bytes are slices of what came in.
    tonic_prost_build::configure().build_transport(false).bytes(".").compile_fds(descriptors)?;
    Ok(())
}
